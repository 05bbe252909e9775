"""The real capture of a board with 3D Scanner App gives its reference values; damaged exports give one sentence."""

import json
import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from capture.checking import check_session
from capture.errors import CaptureError
from capture.importers.detect import import_recording, layout_of
from capture.importers.scanner3d_app import LAYOUT
from capture.iphone.message import PhoneMessage
from geometry.rigid import rigid

FLIP = np.diag([1.0, -1.0, -1.0, 1.0])


def write_export(folder, frames=4, pictures=(0, 3)):
    """A raw export with depth in every frame and a picture in some; returns depth by frame."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(2)
    depths = []
    for index in range(frames):
        pose = rigid(np.eye(3), np.array([0.1 * index, 0.2, 0.3]))
        meta = {
            "time": 500.25 + index / 10,
            "intrinsics": [1450.0, 0, 960.5 + index, 0, 1450.0, 719.5, 0, 0, 1],
            "cameraPoseARFrame": pose.ravel().tolist(),
            "frame_index": index,
        }
        (folder / f"frame_{index:05d}.json").write_text(json.dumps(meta))
        if index in pictures:
            cv2.imwrite(str(folder / f"frame_{index:05d}.jpg"), np.full((1440, 1920, 3), 40 * index, np.uint8))
        depths.append(rng.integers(0, 5000, (192, 256)).astype(np.uint16))
        cv2.imwrite(str(folder / f"depth_{index:05d}.png"), depths[-1])
        cv2.imwrite(str(folder / f"conf_{index:05d}.png"), rng.integers(0, 3, (192, 256)).astype(np.uint8))
    return depths


def test_every_frame_is_kept_with_its_time_pose_and_confidence(tmp_path):
    depths = write_export(tmp_path / "export")
    assert layout_of(tmp_path / "export") is LAYOUT
    session = import_recording(tmp_path / "export", tmp_path / "session")
    assert {name: stream.frames for name, stream in session.streams.items()} == {
        "iphone_000/color": 2,
        "iphone_000/depth": 4,
        "iphone_000/imu": 4,
    }
    assert "2 of 4 frames have no picture" in session.devices["iphone_000"].note
    for index, depth in enumerate(depths):
        frame = session.frame("iphone_000/depth", index)
        assert frame.device_us == 500_250_000 + 100_000 * index
        np.testing.assert_array_equal(np.nan_to_num(frame.payload * 1000).round(), depth)
        message = PhoneMessage.of(session.frame("iphone_000/imu", index).payload)
        assert message.K[0, 2] == 960.5 + index
        np.testing.assert_allclose(message.T_arkit_camera[:3, 3], [0.1 * index, 0.2, 0.3])
        png = cv2.imread(str(tmp_path / f"export/conf_{index:05d}.png"), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(message.confidence, png)
    assert session.frame("iphone_000/color", 1).device_us == 500_550_000
    cameras = session.recorded_camera_file()
    assert cameras.unplaced == {"iphone_000/color", "iphone_000/depth"}
    # Edge upon edge: (960.5 + 0.5) * 256 / 1920 - 0.5
    assert cameras.cameras["iphone_000/depth"].K[0, 2] == pytest.approx(961 * 256 / 1920 - 0.5)
    assert not [f for f in check_session(session) if f.level == "error"]


def set_time(folder, time_s):
    """Another time in one frame's JSON."""
    path = folder / "frame_00002.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"time": time_s}))


def halve(folder, index):
    """One frame with depth and confidence of another size."""
    cv2.imwrite(str(folder / f"depth_{index:05d}.png"), np.zeros((96, 128), np.uint16))
    cv2.imwrite(str(folder / f"conf_{index:05d}.png"), np.zeros((96, 128), np.uint8))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda f: (f / "frame_00002.json").write_text("{"), "frame_00002.json is damaged"),
        (lambda f: (f / "frame_00002.json").write_text('{"time": 1}'), "has no 'intrinsics'"),
        (lambda f: (f / "depth_00001.png").write_bytes(b"\x89PNG"), "depth_00001.png is damaged"),
        (lambda f: set_time(f, 1e30), "its time, intrinsics or pose"),
        (lambda f: set_time(f, float("nan")), "its time, intrinsics or pose"),
        (lambda f: (f / "depth_00001.png").write_bytes(b""), "depth_00001.png is damaged"),
        (lambda f: cv2.imwrite(str(f / "depth_00001.png"), np.zeros((192, 256), np.uint8)), "16-bit"),
        (lambda f: halve(f, 1), "128x96"),
        (lambda f: cv2.imwrite(str(f / "conf_00001.png"), np.zeros((9, 9), np.uint8)), "confidence has shape"),
        (lambda f: (f / "frame_00003.jpg").write_bytes(b"no"), "no JPEG"),
        (lambda f: os.truncate(f / "frame_00003.jpg", 9000), "cut short"),
        (lambda f: [p.unlink() for p in f.glob("*.jpg")], "holds no picture"),
        (
            lambda f: (
                [cv2.imwrite(str(p), np.zeros((256, 192), np.uint16)) for p in f.glob("depth_*")]
                and [p.unlink() for p in f.glob("conf_*")]
            ),
            "turned or cropped",
        ),
    ],
)
def test_a_damaged_export_gives_one_sentence_and_no_session(tmp_path, spoil, says):
    write_export(tmp_path / "export")
    spoil(tmp_path / "export")
    with pytest.raises(CaptureError, match=says) as caught:
        import_recording(tmp_path / "export", tmp_path / "session")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "session").exists()


def test_a_phone_is_not_placed_by_a_calibration(tmp_path):
    write_export(tmp_path / "export")
    (tmp_path / "rig.json").write_text("{}")
    with pytest.raises(CaptureError, match="leave --calibration"):
        import_recording(tmp_path / "export", tmp_path / "session", tmp_path / "rig.json")


def board_places(session):
    """Board origins in ARKit's world (m), LiDAR less board depth (m), reprojection (px), corners, board normals."""
    board = cv2.aruco.CharucoBoard((11, 8), 0.022, 0.017, cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_6X6_250))
    board.setLegacyPattern(True)
    detector = cv2.aruco.CharucoDetector(board)
    depth_at = {}
    if "iphone_000/depth" in session.streams:
        depth_at = {int(t): i for i, t in enumerate(session.timestamps_us("iphone_000/depth")[0])}
    message_at = {int(t): i for i, t in enumerate(session.timestamps_us("iphone_000/imu")[0])}
    origins, offsets, rms, corners, normals = [], [], [], [], []
    for frame in session.frames("iphone_000/color"):
        message = PhoneMessage.of(session.frame("iphone_000/imu", message_at[frame.device_us]).payload)
        found, ids, _, _ = detector.detectBoard(cv2.cvtColor(frame.payload, cv2.COLOR_RGB2GRAY))
        p_board, q = board.matchImagePoints(found, ids)
        _, rvec, tvec = cv2.solvePnP(p_board, q, message.K, None)
        T_camera_board = rigid(cv2.Rodrigues(rvec)[0], tvec[:, 0])
        T_arkit_board = message.T_arkit_camera @ FLIP @ T_camera_board
        origins.append(T_arkit_board[:3, 3])
        normals.append(T_arkit_board[:3, 2])
        projected = cv2.projectPoints(p_board, rvec, tvec, message.K, None)[0]
        rms.append(np.sqrt(np.mean(np.sum((projected.reshape(-1, 2) - q.reshape(-1, 2)) ** 2, -1))))
        corners.append(len(q))
        if frame.device_us in depth_at:
            depth = session.frame("iphone_000/depth", depth_at[frame.device_us]).payload
            u, v = ((q.reshape(-1, 2) + 0.5) * 256 / 1920 - 0.5).astype(np.float32).T
            lidar = cv2.remap(depth, u[:, None], v[:, None], cv2.INTER_LINEAR).ravel()
            z = p_board.reshape(-1, 3) @ T_camera_board[2, :3] + T_camera_board[2, 3]
            offsets.append(np.nanmedian(lidar - z))
    return np.array(origins), np.array(offsets), np.array(rms), corners, np.array(normals)


@pytest.fixture
def capture_folder():
    root = os.environ.get("HUMANRIG_REAL_DATA")
    folder = Path(root or "/nowhere") / "iphone_lidar_charuco"
    if not folder.is_dir():
        pytest.skip("set HUMANRIG_REAL_DATA to the folder that has iphone_lidar_charuco")
    return folder


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "frames", "depths", "least", "rms_px", "std_mm"),
    [
        pytest.param("lowres", 31, 92, 64, 0.62, (1.07, 1.32, 0.32), marks=pytest.mark.slow),
        ("highres", 6, 0, 70, 0.65, (1.45, 0.86, 0.26)),
    ],
)
def test_the_board_of_the_real_capture_stays_where_it_is(
    tmp_path, capture_folder, name, frames, depths, least, rms_px, std_mm
):
    """Reference values of the capture; acceptance: board constancy < 4 mm, LiDAR offset < 5 mm."""
    session = import_recording(capture_folder / f"charuco-test-fixture-{name}", tmp_path / "session")
    assert session.stream("iphone_000/color").frames == frames
    assert not depths or session.stream("iphone_000/depth").frames == depths
    origins, offsets, rms, corners, normals = board_places(session)
    assert min(corners) >= least
    assert max(corners) == 70
    assert np.median(rms) == pytest.approx(rms_px, abs=0.01)
    np.testing.assert_allclose(1000 * origins.std(0), std_mm, atol=0.02)  # the table has two decimals
    assert 1000 * np.linalg.norm(origins - np.median(origins, 0), axis=1).max() < 4
    assert np.abs(np.abs(normals[:, 1]) - 1).max() < 0.02  # the board lies on the floor: gravity is world y
    if depths:
        assert 1000 * np.median(offsets) == pytest.approx(0.9, abs=0.15)
        assert np.abs(1000 * offsets).max() < 5
    assert not [f for f in check_session(session) if f.level == "error"]


@pytest.mark.real_data
def test_pictures_of_the_real_capture_are_kept_byte_for_byte(tmp_path, capture_folder):
    source = capture_folder / "charuco-test-fixture-highres"
    shutil.copytree(source, tmp_path / "copy")
    session = import_recording(tmp_path / "copy", tmp_path / "session")
    stream = session.stream("iphone_000/color")
    reader = session.recording(stream.file)
    for index, path in enumerate(sorted(source.glob("*.jpg"))):
        assert reader.read(stream.topic, index).data == path.read_bytes()
    first = json.loads((source / "frame_00000.json").read_text())
    assert session.frame("iphone_000/imu", 0).device_us == round(1e6 * first["time"])
