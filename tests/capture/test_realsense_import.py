"""Files of RealSense's recorder as sessions and as devices: nothing is lost, and bad files give one sentence."""

import json
import os
import sqlite3
import time

import numpy as np
import pytest
import simplejpeg

pytest.importorskip("pyrealsense2")
from realsense_unit import BASELINE_M, COLOR_SIZE, DEPTH_SIZE, SoftwareUnit, arrival_ms, exposed_us

from capture import depth_codec
from capture.checking import check_session
from capture.device import DeviceError
from capture.errors import CaptureError
from capture.importers.detect import import_recording, layout_of
from capture.importers.realsense_file import LAYOUT
from capture.realsense.file_check import image_counts
from capture.realsense.playback import RealSensePlayback

FRAMES = 16
NO_IMAGES = "DELETE FROM messages WHERE topic_id IN (SELECT id FROM topics WHERE name LIKE '%image%')"


@pytest.fixture(scope="module")
def unit():
    return SoftwareUnit()


@pytest.fixture(scope="module")
def recorded(unit, tmp_path_factory):
    """A .db3 with 16 frames of each stream."""
    return unit.record(tmp_path_factory.mktemp("realsense") / "take.db3", range(1, FRAMES + 1))


def test_a_file_becomes_a_session_without_loss(unit, recorded, tmp_path):
    assert layout_of(recorded) is LAYOUT
    told = []
    session = import_recording(recorded, tmp_path / "session", on_progress=lambda *now: told.append(now))
    name = "realsense_923322071234"
    assert {stream.name: stream.frames for stream in session.info.streams} == {
        f"{name}/depth": FRAMES,
        f"{name}/color": FRAMES,
    }
    device, host = session.timestamps_us(f"{name}/depth")
    assert device.tolist() == [exposed_us(number) for number in unit.sent]
    assert host.tolist() == [1000 * arrival_ms(number) for number in unit.sent]
    np.testing.assert_array_equal(session.timestamps_us(f"{name}/color")[0], device)
    reader = session.recording(f"recording/{name}.mcap")
    for index, number in enumerate(unit.sent):
        coded = reader.read(f"/{name}/depth", index).data
        np.testing.assert_array_equal(depth_codec.decode(coded, *DEPTH_SIZE[::-1]), unit.depth_image(number))
        picture = session.frame(f"{name}/color", index).payload
        np.testing.assert_array_equal(picture, unit.color_image(number))
    cameras = session.recorded_camera_file()
    assert cameras.unplaced == {f"{name}/depth", f"{name}/color"}
    color = cameras.cameras[f"{name}/color"]
    np.testing.assert_allclose(color.T_camera_world[:3, 3], [BASELINE_M, 0.001, 0.002], atol=1e-6)
    np.testing.assert_allclose(color.T_camera_world[:3, :3], unit.R_color_depth, atol=1e-6)
    assert (color.width, color.height) == COLOR_SIZE
    info = session.devices[name]
    assert (info.serial, info.clock, info.model) == ("923322071234", name, "Intel RealSense D455")
    assert told[-1] == (2 * FRAMES, 2 * FRAMES)
    assert not [f for f in check_session(session) if f.level == "error"]


def test_a_recording_plays_as_a_device_in_real_time_and_again(unit, recorded):
    with RealSensePlayback("rs", recorded) as device:
        for _ in range(2):
            device.start()
            began = time.monotonic()
            frames = list(device.frames())
            assert time.monotonic() - began >= (FRAMES - 1) / 30  # as slowly as the unit's clock went
            device.stop()
            for stream in ("rs/depth", "rs/color"):
                assert [f.sequence for f in frames if f.stream == stream] == list(range(1, FRAMES + 1))
            now_us = time.monotonic_ns() // 1000
            assert all(now_us - 10_000_000 < frame.host_us <= now_us for frame in frames)


@pytest.mark.slow
def test_a_reader_waits_for_a_slow_taker_and_stops_when_asked(recorded):
    device = RealSensePlayback("rs", recorded, real_time=False)
    device._queue._capacity = 8_000  # about two frames of depth
    with device:
        device.start()
        first = [device.next_frame() for _ in range(4)]
        device.stop()
        device.start()
        frames = []
        for frame in device.frames():
            frames.append(frame)
            time.sleep(0.002)
        assert len(frames) == 2 * FRAMES
        assert device.health().dropped == 0
    assert None not in first


def test_depth_in_tenths_of_a_millimetre_is_rounded_and_the_session_says_so(tmp_path):
    unit = SoftwareUnit(unit_m=0.0001)
    session = import_recording(unit.record(tmp_path / "a.db3", [1, 2]), tmp_path / "session")
    (device,) = session.info.devices
    assert "depth was in units of 0.0001 m" in device.note
    depth = session.frame(f"{device.name}/depth", 1).payload
    np.testing.assert_allclose(np.nan_to_num(depth) * 1000, np.rint(unit.depth_image(2) / 10), atol=1e-3)


def test_colour_of_bgr_is_kept_too(tmp_path):
    unit = SoftwareUnit(format="bgr8")
    session = import_recording(unit.record(tmp_path / "a.db3", [4]), tmp_path / "session")
    (device,) = session.info.devices
    assert "kept as RGB without loss" in device.note
    np.testing.assert_array_equal(session.frame(f"{device.name}/color", 0).payload, unit.color_image(4)[..., ::-1])


def test_one_infrared_imager_is_read_and_the_other_is_named(tmp_path):
    unit = SoftwareUnit(infrared=True)
    session = import_recording(unit.record(tmp_path / "a.db3", [1, 2, 3]), tmp_path / "session")
    (device,) = session.info.devices
    assert "not read: Infrared 2 of Stereo Module" in device.note
    for index, frame in enumerate(session.frames(f"{device.name}/ir"), 1):
        np.testing.assert_array_equal(frame.payload, unit.infrared_image(index, 1))


def test_times_of_the_computer_are_said(tmp_path):
    import pyrealsense2 as rs

    unit = SoftwareUnit()
    send = unit.send
    unit.send = lambda numbers: send(numbers, sensor_time=False, domain=rs.timestamp_domain.global_time)
    session = import_recording(unit.record(tmp_path / "a.db3", [1, 2]), tmp_path / "session")
    assert "color, depth with the recording computer's time" in session.info.devices[0].note


def test_a_folder_has_a_file_for_each_unit(tmp_path):
    for name, serial in (("left", "1"), ("right", "2")):
        (tmp_path / "rig").mkdir(exist_ok=True)
        SoftwareUnit(serial).record(tmp_path / "rig" / f"{name}.db3", [1, 2])
    session = import_recording(tmp_path / "rig", tmp_path / "session")
    assert [(d.name, d.serial, d.clock) for d in session.info.devices] == [
        ("left", "1", "left"),
        ("right", "2", "right"),
    ]
    assert session.stream("right/depth").frames == 2


def test_a_rig_calibration_places_both_cameras_of_a_unit(unit, recorded, tmp_path):
    plain = import_recording(recorded, tmp_path / "plain").recorded_camera_file().cameras
    rig = json.loads((tmp_path / "plain/recording/cameras.json").read_text())
    T = np.eye(4)
    T[:3, 3] = 1, 2, 3
    rig["cameras"] = [c for c in rig["cameras"] if c["name"].endswith("depth")]
    rig["cameras"][0].update(name="923322071234/depth", T_world_camera=T.tolist(), T_device_camera=None)
    (tmp_path / "rig.json").write_text(json.dumps(rig))
    session = import_recording(recorded, tmp_path / "session", tmp_path / "rig.json")
    for name, camera in session.recorded_cameras().items():
        np.testing.assert_allclose(camera.T_world_camera, T @ plain[name].T_world_camera, atol=1e-12)
    rig["cameras"][0]["name"] = "other/depth"
    (tmp_path / "rig.json").write_text(json.dumps(rig))
    with pytest.raises(CaptureError, match="no camera of 'realsense_923322071234'"):
        import_recording(recorded, tmp_path / "third", tmp_path / "rig.json")


def changed(path, statement):
    """A .db3 after an SQL statement."""
    base = sqlite3.connect(path)
    base.execute(statement)
    base.commit()
    base.close()


def damage_a_page(path):
    """Overwrites the middle of the file, not its header."""
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(os.urandom(3 * 4096))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda p: p.write_bytes(b""), "is empty"),
        (lambda p: p.write_bytes(b"no recording at all" * 20), "neither a .db3 nor a .bag"),
        (lambda p: os.truncate(p, 60), "truncated"),
        (lambda p: os.truncate(p, 5000), "is truncated: 5000 of"),
        (lambda p: os.truncate(p, p.stat().st_size - 4096), "is truncated"),
        (damage_a_page, "damaged"),
        (lambda p: changed(p, "DROP TABLE messages"), "cannot be read|damaged"),
        (lambda p: changed(p, "UPDATE topics SET name = '/camera' || name"), "not of RealSense's recorder"),
        (lambda p: changed(p, NO_IMAGES), "no frame"),
        (lambda p: p.write_bytes(b"#ROSBAG V2.0\nE\0\0\0index_pos=" + bytes(60)), "has no index"),
        (lambda p: p.write_bytes(b"#ROSBAG V2.0\nE\0\0\0index_pos=" + (1 << 20).to_bytes(8, "little") + bytes(60)),
         "truncated: its index"),
    ],
)  # fmt: skip
def test_a_bad_file_gives_one_sentence_and_no_session(recorded, tmp_path, spoil, says):
    path = tmp_path / "bad.db3"
    path.write_bytes(recorded.read_bytes())
    spoil(path)
    before = path.read_bytes()
    with pytest.raises(CaptureError, match=says) as caught:
        import_recording(path, tmp_path / "session")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "session").exists()
    assert path.read_bytes() == before  # nobody's recording is touched
    assert [p.name for p in tmp_path.iterdir()] == ["bad.db3"]


def test_frames_that_the_sdk_does_not_give_are_missed(recorded, tmp_path, monkeypatch):
    counts = {topic: count + 1 for topic, count in image_counts(recorded).items()}
    monkeypatch.setattr("capture.importers.realsense_file.image_counts", lambda path: counts)
    with pytest.raises(CaptureError, match=f"gave {FRAMES} of {FRAMES + 1} frames"):
        import_recording(recorded, tmp_path / "session")


def test_files_of_other_devices_in_the_folder_are_refused(recorded, tmp_path):
    (tmp_path / "rig").mkdir()
    (tmp_path / "rig/a.db3").write_bytes(recorded.read_bytes())
    (tmp_path / "rig/kinect.mkv").write_bytes(b"\x1a\x45\xdf\xa3")
    with pytest.raises(CaptureError, match=r"a\.db3 and kinect\.mkv, which is not; import them separately"):
        import_recording(tmp_path / "rig", tmp_path / "session")


def test_two_files_of_one_unit_are_refused(recorded, tmp_path):
    (tmp_path / "rig").mkdir()
    for name in ("a.db3", "b.db3"):
        (tmp_path / "rig" / name).write_bytes(recorded.read_bytes())
    with pytest.raises(CaptureError, match=r"a\.db3 and b\.db3 are both of unit 923322071234"):
        import_recording(tmp_path / "rig", tmp_path / "session")


def test_a_missing_file_cannot_be_opened_as_a_device(tmp_path):
    with pytest.raises(DeviceError, match="cannot be opened"):
        RealSensePlayback("rs", tmp_path / "none.db3").open()


def test_colour_is_a_jpeg_of_the_quality_that_is_asked_for(recorded):
    sizes = []
    for quality in (50, 98):
        with RealSensePlayback("rs", recorded, real_time=False, jpeg_quality=quality) as device:
            device.start()
            frame = next(frame for frame in device.frames() if frame.stream == "rs/color")
            assert simplejpeg.decode_jpeg_header(frame.data)[3] == "422"
            sizes.append(len(frame.data))
    assert sizes[0] <= sizes[1]
