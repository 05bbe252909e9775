"""Phones as Record3D's archives and Stray Scanner's folders: what our importers read back is what was recorded."""

import json
import os
import zipfile

import cv2
import liblzfse
import numpy as np
import pytest
from phone_take import recorded, write_phone_session
from scipy.spatial.transform import Rotation

from capture import depth_codec
from capture.errors import CaptureError
from capture.importers.detect import import_recording
from capture.iphone.message import PhoneMessage
from capture.mcap_recording import McapWriter
from capture.native.phone_plan import plan_phone
from capture.native.phone_video import has_encoder
from capture.native.record3d_writer import write_r3d
from capture.native.stray_writer import write_stray
from capture.native.whole import CannotWrite, whole_file, whole_folder
from capture.session import Session
from capture.session_info import StreamInfo
from capture.video import VideoStream

FRAMES = 4
NAME = "iphone_000"


@pytest.fixture(scope="module")
def take(tmp_path_factory):
    return write_phone_session(tmp_path_factory.mktemp("native_phone") / "s", FRAMES)


@pytest.fixture(scope="module")
def plan(take):
    found = plan_phone(take, NAME)
    assert found is not None
    assert (found.frames, found.notes) == (FRAMES, ())
    return found


def said(session, index):
    return PhoneMessage.of(session.frame(f"{NAME}/imu", index).payload)


def assert_same(made, take):
    """Times, depth, confidence, lens and pose of every frame."""
    for kind in ("color", "depth", "imu"):
        np.testing.assert_array_equal(made.timestamps_us(f"{NAME}/{kind}")[0], take.timestamps_us(f"{NAME}/{kind}")[0])
    for index in range(FRAMES):
        depth, true_depth = (depth_codec.decode(recorded(s, "depth", index), 24, 32) for s in (made, take))
        np.testing.assert_array_equal(depth, true_depth)
        message, true = said(made, index), said(take, index)
        np.testing.assert_array_equal(message.confidence, true.confidence)
        np.testing.assert_array_equal(message.K, true.K)
        np.testing.assert_allclose(message.T_arkit_camera, true.T_arkit_camera, atol=1e-12)  # through quaternions
        assert message.timestamp_s == pytest.approx(true.timestamp_s, abs=1e-9)


def test_record3d_goes_round_and_is_the_same_each_time(take, plan, tmp_path):
    seen = []
    assert write_r3d(plan, tmp_path / "a.r3d", lambda: seen.append(1)) == []
    made = import_recording(tmp_path / "a.r3d", tmp_path / "made")
    assert_same(made, take)
    assert [recorded(made, "color", i) for i in range(FRAMES)] == [recorded(take, "color", i) for i in range(FRAMES)]
    assert len(seen) == FRAMES
    write_r3d(plan, tmp_path / "b.r3d")
    assert (tmp_path / "a.r3d").read_bytes() == (tmp_path / "b.r3d").read_bytes()


def test_an_r3d_says_what_its_readers_expect(take, plan, tmp_path):
    """Read by the words of the format alone: K by column, quaternions x y z w, float32 metres, NaN where missing."""
    write_r3d(plan, tmp_path / "a.r3d")
    with zipfile.ZipFile(tmp_path / "a.r3d") as archive:
        metadata = json.loads(archive.read("metadata"))
        depth = np.frombuffer(liblzfse.decompress(archive.read("rgbd/2.depth")), "<f4")
    assert [metadata[key] for key in ("w", "h", "dw", "dh", "fps")] == [64, 48, 32, 24, 60]
    np.testing.assert_array_equal(np.array(metadata["K"]).reshape(3, 3).T, said(take, 0).K)
    assert metadata["poses"][0] == [0, 0, 0, 1, 0, 0, 0]
    T_world_first = np.eye(4)
    T_world_first[:3, :3] = Rotation.from_quat(metadata["initPose"][:4]).as_matrix()
    T_world_first[:3, 3] = metadata["initPose"][4:]
    place = T_world_first @ [*metadata["poses"][3][4:], 1]
    np.testing.assert_allclose(place[:3], said(take, 3).T_arkit_camera[:3, 3], atol=1e-12)
    recorded_mm = depth_codec.decode(recorded(take, "depth", 2), 24, 32).ravel()
    np.testing.assert_array_equal(np.isnan(depth), recorded_mm == 0)
    np.testing.assert_allclose(np.nan_to_num(depth), recorded_mm / 1000, rtol=1e-7)


def test_stray_scanner_goes_round(take, plan, tmp_path):
    notes = write_stray(plan, tmp_path / "stray")
    assert any("encoded anew by" in note for note in notes)
    assert any("there is no imu.csv" in note for note in notes)
    made = import_recording(tmp_path / "stray", tmp_path / "made")
    assert_same(made, take)
    # The importer copied the video: its own times are those of the table.
    assert made.path(made.stream(f"{NAME}/color").file).read_bytes() == (tmp_path / "stray/rgb.mp4").read_bytes()
    video = VideoStream(tmp_path / "stray/rgb.mp4")
    assert (len(video), video.width, video.height) == (FRAMES, 64, 48)
    assert video.codec == ("hevc" if has_encoder("libx265") else "h264")
    for index in range(FRAMES):
        # The picture is noise in three colours, of which a video keeps the brightness.
        grey, true = (cv2.cvtColor(s.frame(f"{NAME}/color", index).payload, cv2.COLOR_RGB2GRAY) for s in (made, take))
        assert np.corrcoef(grey.ravel(), true.ravel())[0, 1] > 0.95  # measured: 0.98; of another frame 0.0
    again = plan_phone(made, NAME)
    assert again is not None
    assert any("were video and are encoded as JPEG anew" in note for note in write_r3d(again, tmp_path / "b.r3d"))


def test_the_applications_own_inertial_samples_are_kept(take, plan, tmp_path):
    write_stray(plan, tmp_path / "first")
    (tmp_path / "first/imu.csv").write_text("timestamp, a_x\n1, 2\n")
    made = import_recording(tmp_path / "first", tmp_path / "made")
    again = plan_phone(made, NAME)
    assert again is not None
    assert not any("imu.csv" in note for note in write_stray(again, tmp_path / "second"))
    assert (tmp_path / "second/imu.csv").read_text() == "timestamp, a_x\n1, 2\n"


def lossy(folder, take, keep):
    """The take with the frames of each kind that `keep` names."""
    with McapWriter(folder / "recording" / "phone.mcap") as writer:
        for kind, indices in keep.items():
            encoding = take.stream(f"{NAME}/{kind}").encoding
            writer.add_stream(f"/{NAME}/{kind}", encoding)
            times = take.timestamps_us(f"{NAME}/{kind}")[0]
            for index in indices:
                at = int(times[index])
                writer.write(f"/{NAME}/{kind}", recorded(take, kind, index), device_us=at, host_us=at)
    streams = [
        StreamInfo(**{**vars_of(take.stream(f"{NAME}/{kind}")), "frames": len(indices)})
        for kind, indices in keep.items()
    ]
    return Session.create(folder, streams=streams, devices=take.info.devices, origin="test")


def vars_of(stream):
    return {field: getattr(stream, field) for field in stream.__dataclass_fields__}


def test_frames_that_are_lost_leave_the_others_together(take, tmp_path):
    session = lossy(tmp_path / "s", take, {"color": [0, 1, 3], "depth": [1, 2, 3], "imu": [0, 2, 3]})
    plan = plan_phone(session, NAME)
    assert plan is not None
    assert "1 of 3 pictures are left out, no lens and pose" in plan.notes[0]
    assert "1 of 2 pictures have no depth image" in plan.notes[1]
    write_r3d(plan, tmp_path / "a.r3d")
    write_stray(plan, tmp_path / "stray")
    times = take.timestamps_us(f"{NAME}/color")[0][[0, 3]]
    for place in ("a.r3d", "stray"):
        made = import_recording(tmp_path / place, tmp_path / f"{place}_made")
        np.testing.assert_array_equal(made.timestamps_us(f"{NAME}/color")[0], times)
        np.testing.assert_array_equal(made.timestamps_us(f"{NAME}/depth")[0], times[1:])
        np.testing.assert_array_equal(said(made, 1).K, said(take, 3).K)


def test_a_phone_without_depth_and_a_device_that_is_none(take, tmp_path):
    plan = plan_phone(lossy(tmp_path / "s", take, {"color": [0, 1], "imu": [0, 1]}), NAME)
    assert plan is not None
    assert plan.notes == (f"{NAME}: it recorded no depth",)
    write_r3d(plan, tmp_path / "a.r3d")
    assert list(import_recording(tmp_path / "a.r3d", tmp_path / "made").streams) == [f"{NAME}/color", f"{NAME}/imu"]
    assert plan_phone(lossy(tmp_path / "t", take, {"color": [0], "depth": [0]}), NAME) is None
    assert plan_phone(lossy(tmp_path / "u", take, {"color": [0], "imu": [1]}), NAME) is None


def test_a_damaged_frame_and_a_place_that_is_taken_leave_no_file(take, plan, tmp_path):
    class Damaged(type(plan)):
        def depth_mm(self, instant):
            raise CaptureError("frame 3 is damaged")

    bad = Damaged(session=take, device=plan.device, instants=plan.instants, notes=())
    for write, name in ((write_r3d, "a.r3d"), (write_stray, "stray")):
        with pytest.raises(CaptureError, match="frame 3 is damaged"):
            write(bad, tmp_path / name)
        assert not list(tmp_path.iterdir())
    (tmp_path / "a.r3d").write_text("mine")
    with pytest.raises(CaptureError, match=r"a\.r3d exists and is not overwritten"):
        write_r3d(plan, tmp_path / "a.r3d")
    assert (tmp_path / "a.r3d").read_text() == "mine"


def interrupted(whole, path, error):
    """Begins to write, and fails."""
    with whole(path) as partial:
        (partial if whole is whole_file else partial / "a").write_text("x")
        assert partial.name.startswith(".")
        assert not path.exists()
        if error is not None:
            raise error


@pytest.mark.parametrize("whole", [whole_file, whole_folder])
def test_nothing_half_written_has_the_final_name(tmp_path, whole):
    path = tmp_path / "deep" / "a"
    with pytest.raises(KeyboardInterrupt):
        interrupted(whole, path, KeyboardInterrupt())
    with pytest.raises(CannotWrite, match=r"a cannot be written \(the disk is full\); free some space"):
        interrupted(whole, path, OSError(28, os.strerror(28)))
    assert not list(path.parent.iterdir())
    interrupted(whole, path, None)
    assert list(path.parent.iterdir()) == [path]
