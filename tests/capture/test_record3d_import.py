"""Recordings of Record3D: intrinsics by column, poses from the first frame, depth stored upright."""

import json
import os
import zipfile

import cv2
import liblzfse
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from capture.checking import check_session
from capture.errors import CaptureError
from capture.importers.detect import import_recording, layout_of
from capture.importers.record3d import LAYOUT
from capture.iphone.message import PhoneMessage
from geometry.rigid import rigid

K = np.array([[690.0, 0, 362], [0, 691.0, 481], [0, 0, 1]])


def relative_poses(frames):
    """Camera to the first camera, OpenGL axes."""
    turns = Rotation.from_rotvec(np.arange(frames)[:, None] * np.array([0.02, 0.1, -0.03]))
    return rigid(turns.as_matrix(), np.arange(frames)[:, None] * np.array([0.1, 0.0, -0.05]))


def as_row(T):
    return [*Rotation.from_matrix(T[:3, :3]).as_quat().tolist(), *T[:3, 3].tolist()]


def r3d_frames(frames, shape=(256, 192)):
    """Depth (m) with holes and confidence, upright."""
    rng = np.random.default_rng(0)
    yy, xx = np.mgrid[0 : shape[0], 0 : shape[1]]
    depths = 1.5 + 0.002 * xx + 0.001 * yy + rng.normal(0, 0.003, (frames, *shape))
    depths[:, :3] = np.nan
    depths[:, 3] = 0
    return depths.astype(np.float32), rng.integers(0, 3, (frames, *shape)).astype(np.uint8)


def write_r3d(path, frames=5, *, leave=(), change=None, size=(720, 960), shape=(256, 192), confidence=True):
    """An archive as the application writes it; `leave` names keys of the metadata that an old version lacks."""
    depths, confidences = r3d_frames(frames, shape)
    metadata = {
        "w": size[0],
        "h": size[1],
        "dw": shape[1],
        "dh": shape[0],
        "fps": 60,
        "cameraType": 1,
        "K": K.T.ravel().tolist(),
        "perFrameIntrinsicCoeffs": [[690.0 + i, 691.0, 362.0, 481.0] for i in range(frames)],
        "poses": [as_row(T) for T in relative_poses(frames)],
        "initPose": [0, 0, 0, 1, 0, 0, 0],
        "frameTimestamps": [8000.5 + i / 60 for i in range(frames)],
    } | (change or {})
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata", json.dumps({k: v for k, v in metadata.items() if k not in leave}))
        for index in range(frames):
            picture = np.full((size[1], size[0], 3), 40 * index, np.uint8)
            archive.writestr(f"rgbd/{index}.jpg", cv2.imencode(".jpg", picture)[1].tobytes())
            archive.writestr(f"rgbd/{index}.depth", liblzfse.compress(depths[index].tobytes()))
            if confidence:
                archive.writestr(f"rgbd/{index}.conf", liblzfse.compress(confidences[index].tobytes()))
        archive.writestr("icon", b"a picture")
    return depths, confidences


def messages(session):
    return [PhoneMessage.of(frame.payload) for frame in session.frames("iphone_000/imu")]


def test_a_recording_keeps_pictures_depth_times_and_poses(tmp_path):
    depths, confidences = write_r3d(tmp_path / "a.r3d")
    assert layout_of(tmp_path / "a.r3d") is LAYOUT
    session = import_recording(tmp_path / "a.r3d", tmp_path / "session")
    assert (session.stream("iphone_000/depth").width, session.stream("iphone_000/depth").height) == (192, 256)
    with zipfile.ZipFile(tmp_path / "a.r3d") as archive:
        reader = session.recording("recording/iphone_000.mcap")
        for index in range(5):
            assert reader.read("/iphone_000/color", index).data == archive.read(f"rgbd/{index}.jpg")
    for index, message in enumerate(messages(session)):
        frame = session.frame("iphone_000/depth", index)
        assert frame.device_us == round(8000.5e6 + index * 1e6 / 60)
        valid = depths[index] > 0
        np.testing.assert_array_equal(np.isfinite(frame.payload), valid)
        assert np.abs(frame.payload - depths[index])[valid].max() <= 0.0005 + 1e-6  # rounded to millimetres
        np.testing.assert_array_equal(message.confidence, confidences[index])
        np.testing.assert_allclose(message.K, [[690 + index, 0, 362], [0, 691, 481], [0, 0, 1]])
        np.testing.assert_allclose(message.T_arkit_camera, relative_poses(5)[index], atol=1e-12)
    note = session.devices["iphone_000"].note
    assert "rounded to millimetres" in note
    assert "gravity is not known" in note
    assert not [f for f in check_session(session) if f.level == "error"]


def test_k_is_read_column_by_column_where_frames_have_none_of_their_own(tmp_path):
    write_r3d(tmp_path / "a.r3d", leave=("perFrameIntrinsicCoeffs",))
    session = import_recording(tmp_path / "a.r3d", tmp_path / "session")
    np.testing.assert_array_equal(messages(session)[3].K, K)
    np.testing.assert_array_equal(session.recorded_camera_file().cameras["iphone_000/color"].K, K)
    assert "K of the first frame" in session.devices["iphone_000"].note


def test_the_first_pose_places_all_others_in_the_world(tmp_path):
    T_world_first = rigid(Rotation.from_rotvec([0.3, 0.1, 0]).as_matrix(), np.array([1.0, 2, 3]))
    write_r3d(tmp_path / "a.r3d", change={"initPose": as_row(T_world_first)})
    session = import_recording(tmp_path / "a.r3d", tmp_path / "session")
    for message, T in zip(messages(session), relative_poses(5), strict=True):
        np.testing.assert_allclose(message.T_arkit_camera, T_world_first @ T, atol=1e-12)
    assert "by initPose" in session.devices["iphone_000"].note


def test_a_recording_of_the_front_camera_says_that_it_was_not_tracked(tmp_path):
    change = {"poses": [[0, 0, 0, 1, 0, 0, 0]] * 3, "perFrameIntrinsicCoeffs": [[590.0, 590, 240, 320]] * 3}
    kept = {"frameTimestamps": [1.0, 1.1, 1.2]}
    write_r3d(
        tmp_path / "a.r3d",
        3,
        change=change | kept,
        size=(480, 640),
        shape=(640, 480),
        confidence=False,
        leave=("dw", "dh"),
    )
    session = import_recording(tmp_path / "a.r3d", tmp_path / "session")
    assert session.stream("iphone_000/depth").height == 640
    note = session.devices["iphone_000"].note
    assert "does not track" in note
    assert "3 depth images came without confidence" in note
    assert messages(session)[0].confidence.size == 0


def test_times_are_made_of_numbers_where_the_file_has_none_and_it_is_said(tmp_path):
    write_r3d(tmp_path / "a.r3d", leave=("frameTimestamps",))
    session = import_recording(tmp_path / "a.r3d", tmp_path / "session")
    np.testing.assert_array_equal(session.timestamps_us("iphone_000/depth")[0], np.rint(np.arange(5) * 1e6 / 60))
    assert "no times of frames" in session.devices["iphone_000"].note


def rewrite(path, drop=(), replace=None):
    """The archive without some entries or with others."""
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist() if name not in drop}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in (entries | (replace or {})).items():
            archive.writestr(name, data)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda p: os.truncate(p, 30_000), "no whole .r3d archive"),
        (lambda p: p.write_bytes(b""), "no whole .r3d archive"),
        (lambda p: rewrite(p, drop=["metadata"]), "has no metadata"),
        (lambda p: rewrite(p, drop=["rgbd/2.jpg"]), "has no rgbd/2.jpg"),
        (lambda p: rewrite(p, replace={"metadata": b"{"}), "metadata are damaged"),
        (lambda p: rewrite(p, replace={"metadata": b'{"poses": []}'}), "holds no frame"),
        (lambda p: rewrite(p, replace={"metadata": b'{"poses": [[0,0,0,1,0,0,0]]}'}), "no 'K'"),
        (lambda p: rewrite(p, replace={"metadata": b'{"poses": [[0,0,0,0,0,0,0]]}'}), "metadata"),
        (lambda p: rewrite(p, replace={"rgbd/1.depth": b"garbage"}), "rgbd/1.depth is damaged"),
        (lambda p: rewrite(p, replace={"rgbd/1.depth": liblzfse.compress(bytes(40))}), "10 pixels"),
        (lambda p: rewrite(p, replace={"rgbd/1.conf": liblzfse.compress(bytes(40))}), "40 pixels"),
    ],
)
def test_a_damaged_recording_gives_one_sentence_and_no_session(tmp_path, spoil, says):
    write_r3d(tmp_path / "a.r3d")
    spoil(tmp_path / "a.r3d")
    with pytest.raises(CaptureError, match=says) as caught:
        import_recording(tmp_path / "a.r3d", tmp_path / "session")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "session").exists()


def test_intrinsics_of_a_turned_picture_are_refused(tmp_path):
    write_r3d(tmp_path / "a.r3d", change={"perFrameIntrinsicCoeffs": [[690.0, 690, 481, 362]] * 5})
    with pytest.raises(CaptureError, match=r"principal point at \(481.0, 362.0\) in pictures of 720x960"):
        import_recording(tmp_path / "a.r3d", tmp_path / "session")


def test_colour_and_depth_turned_against_each_other_are_refused(tmp_path):
    write_r3d(tmp_path / "a.r3d", size=(960, 720))
    with pytest.raises(CaptureError, match="turned or cropped"):
        import_recording(tmp_path / "a.r3d", tmp_path / "session")
