"""RealSense units as .db3 of the maker's recorder: the maker's reader and our importer get every bit back."""

import numpy as np
import pytest
import simplejpeg

pytest.importorskip("pyrealsense2")
import pyrealsense2 as rs
from realsense_unit import SoftwareUnit

from capture import depth_codec
from capture.errors import CaptureError
from capture.importers.detect import import_recording
from capture.mcap_recording import McapWriter
from capture.native import realsense_recorder, realsense_writer
from capture.native.realsense_plan import plan_realsense
from capture.native.realsense_writer import write_realsense_db3
from capture.native.whole import CannotWrite
from capture.session import Session
from capture.session_info import DeviceInfo, StreamInfo
from geometry.camera import Camera
from geometry.rigid import from_rotvec, inverse, look_at

NAME, FRAMES, START_US = "realsense_000", 6, 569_739_815
LOST = ("depth", 2)
SIZES = {"depth": (64, 48), "color": (96, 64), "ir": (64, 48)}
SINGLE = 2e-7
"""The SDK holds calibrations in single precision (2^-23); places go through a quaternion, an inverse and a sum."""


def time_us(kind, index):
    return START_US + round(index * 33_366.7) + (7 if kind == "color" else 0)


def image16(kind, index):
    """Bit patterns that a swap of bytes or a scale would change."""
    rng = np.random.default_rng([index, len(kind)])
    return rng.integers(0, 1 << 16, SIZES[kind][::-1]).astype(np.uint16)


def jpeg(index):
    width, height = SIZES["color"]
    rng = np.random.default_rng(index)
    return simplejpeg.encode_jpeg(rng.integers(0, 255, (height, width, 3)).astype(np.uint8), quality=90)


def build(folder, *, kinds=("color", "depth", "ir"), back=False, frames=FRAMES):
    """A unit whose colour comes 7 us after depth; one depth image is lost. `back`: its clock is reset."""
    counts = dict.fromkeys(kinds, 0)
    with McapWriter(folder / "recording" / f"{NAME}.mcap") as writer:
        for kind in kinds:
            writer.add_stream(f"/{NAME}/{kind}", "jpeg" if kind == "color" else "dzp")
        for index in range(frames):
            for kind in kinds:
                if (kind, index) == LOST:
                    continue
                data = jpeg(index) if kind == "color" else depth_codec.encode(image16(kind, index))
                at = time_us(kind, index) - (200_000 if back and index == 4 else 0)
                writer.write(f"/{NAME}/{kind}", data, device_us=at, host_us=1_000_000_000 + 1000 * index)
                counts[kind] += 1
    streams = [
        StreamInfo(
            name=f"{NAME}/{kind}", kind=kind, file=f"recording/{NAME}.mcap", topic=f"/{NAME}/{kind}",
            encoding="jpeg" if kind == "color" else "dzp", frames=counts[kind], width=SIZES[kind][0],
            height=SIZES[kind][1], rate_hz=30.0,
        )
        for kind in kinds
    ]  # fmt: skip
    device = DeviceInfo(name=NAME, model="virtual RealSense D455", serial="923322071234", clock=NAME, firmware="5.16")
    return Session.create(folder, streams=streams, devices=[device], origin="test")


def cameras(distortion=(0.01, -0.02, 0.001, -0.002, 0.005, 0, 0, 0)):
    """In the world, the colour camera turned and 59 mm beside depth."""
    T = look_at(np.array([2.0, 1, 1]), np.array([0.0, 0, 1]))
    T_depth_color = from_rotvec(np.array([0.02, 0.01, -0.03]), np.array([0.059, 0.001, -0.002]))
    depth = Camera(
        name=f"{NAME}/depth", K=np.array([[50.1, 0, 31.7], [0, 50.1, 24.3], [0, 0, 1]]), width=64, height=48,
        T_world_camera=T,
    )  # fmt: skip
    color = Camera(
        name=f"{NAME}/color", K=np.array([[80.3, 0, 47.2], [0, 80.1, 31.9], [0, 0, 1]]), width=96, height=64,
        distortion=np.array(distortion), T_world_camera=T @ T_depth_color,
    )  # fmt: skip
    return {camera.name: camera for camera in (depth, color)}


@pytest.fixture(scope="module")
def take(tmp_path_factory):
    return build(tmp_path_factory.mktemp("native_realsense") / "s")


@pytest.fixture(scope="module")
def file(take, tmp_path_factory):
    path = tmp_path_factory.mktemp("native_realsense") / "unit.db3"
    plan = plan_realsense(take, NAME)
    assert plan is not None
    notes = write_realsense_db3(plan, path, cameras())
    assert notes == [f"{NAME}: the calibration in the file is made from the session's cameras"]
    assert any("jpeg is decoded" in note for note in plan.notes)
    return path


def test_our_importer_reads_the_same_session(take, file, tmp_path):
    made = import_recording(file, tmp_path / "made")
    (device,) = made.info.devices
    assert (device.serial, device.model, device.firmware) == ("923322071234", "virtual RealSense D455", "5.16")
    for stream in take.info.streams:
        other = made.stream(f"{device.name}/{stream.kind}")
        assert (other.frames, other.width, other.height) == (stream.frames, stream.width, stream.height)
        for times, true in zip(made.timestamps_us(other.name), take.timestamps_us(stream.name)):
            np.testing.assert_array_equal(times, true)
        for index in range(stream.frames):
            if stream.kind == "color":
                np.testing.assert_array_equal(
                    made.frame(other.name, index).payload, take.frame(stream.name, index).payload
                )
                continue
            first, second = (s.recording(i.file).read(i.topic, index).data for s, i in ((made, other), (take, stream)))
            assert first == second  # depth and infrared, every bit
    found, true = made.recorded_camera_file().cameras, cameras()
    T_depth_world = inverse(true[f"{NAME}/depth"].T_world_camera)
    for kind in ("depth", "color"):
        one, other = found[f"{device.name}/{kind}"], true[f"{NAME}/{kind}"]
        np.testing.assert_allclose(one.K, other.K, rtol=SINGLE)
        # Fitted to pixels that the SDK computes in single precision; 5e-6 in k3 is 3e-5 px in the corner.
        np.testing.assert_allclose(one.distortion, other.distortion, atol=5e-6)
        np.testing.assert_allclose(one.T_world_camera, T_depth_world @ other.T_world_camera, atol=5 * SINGLE)


def test_the_sdks_reader_counts_the_lost_frame_as_lost(file):
    context = rs.context()
    unit = context.load_device(str(file))
    unit.set_real_time(False)
    queue = rs.frame_queue(64)
    sensor = next(s for s in unit.query_sensors() if s.get_info(rs.camera_info.name) == "Stereo Module")
    assert sensor.as_depth_sensor().get_depth_scale() == pytest.approx(0.001)
    profile = next(p for p in sensor.get_stream_profiles() if p.stream_type() == rs.stream.depth)
    sensor.open(profile)
    sensor.start(queue)
    frames = [queue.wait_for_frame(2000).as_depth_frame() for _ in range(FRAMES - 1)]
    sensor.stop()
    sensor.close()
    assert [f.get_frame_number() for f in frames] == [1, 2, 4, 5, 6]
    kept = [i for i in range(FRAMES) if ("depth", i) != LOST]
    for frame, index in zip(frames, kept, strict=True):
        np.testing.assert_array_equal(np.asanyarray(frame.get_data()), image16("depth", index))
        assert frame.get_frame_metadata(rs.frame_metadata_value.sensor_timestamp) == time_us("depth", index)
        assert frame.get_timestamp() == pytest.approx(time_us("depth", index) / 1000, abs=1e-6)


@pytest.mark.slow
def test_what_the_sdk_said_of_a_unit_goes_round(tmp_path):
    """A recording of a real unit's lens, which our model only approximates, comes back as the SDK stated it."""
    unit = SoftwareUnit(infrared=True)
    first = import_recording(unit.record(tmp_path / "a.db3", [1, 2, 3]), tmp_path / "first")
    (device,) = first.info.devices
    plan = plan_realsense(first, device.name)
    assert plan is not None
    assert write_realsense_db3(plan, tmp_path / "b.db3", {}) == []
    second = import_recording(tmp_path / "b.db3", tmp_path / "second")
    said = [s.recording(f"recording/{device.name}.mcap").attachments for s in (first, second)]
    first_said, second_said = (a[f"{device.name}/realsense.json"].replace(b"y8", b"y16") for a in said)
    assert first_said == second_said  # infrared of 8 bits is stored with 16
    for index in range(3):
        for kind in ("depth", "ir"):
            one, other = (s.frame(f"{device.name}/{kind}", index).payload for s in (first, second))
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("change", "known", "says"),
    [
        ({"back": True}, cameras(), "the clock of realsense_000/depth goes from .* at frame 3 .a reset."),
        ({}, {}, "there is no camera of realsense_000/color; import it with a calibration"),
        ({}, cameras((0.1, 0, 0, 0, 0, 0.2, 0, 0)), "has the terms k4 k5 k6"),
    ],
)
def test_what_cannot_be_written_leaves_no_file(tmp_path, change, known, says):
    plan = plan_realsense(build(tmp_path / "s", **change), NAME)
    assert plan is not None
    (tmp_path / "out").mkdir()
    with pytest.raises(CaptureError, match=says):
        write_realsense_db3(plan, tmp_path / "out" / "a.db3", known)
    assert not list((tmp_path / "out").iterdir())


def test_a_file_that_is_there_is_kept(take, tmp_path):
    (tmp_path / "a.db3").write_text("mine")
    plan = plan_realsense(take, NAME)
    assert plan is not None
    with pytest.raises(CaptureError, match=r"a\.db3 exists and is not overwritten"):
        write_realsense_db3(plan, tmp_path / "a.db3", cameras())
    assert (tmp_path / "a.db3").read_text() == "mine"


@pytest.mark.slow
def test_one_stream_alone(tmp_path):
    plan = plan_realsense(build(tmp_path / "s", kinds=("depth",)), NAME)
    assert plan is not None
    write_realsense_db3(plan, tmp_path / "a.db3", cameras())
    (stream,) = import_recording(tmp_path / "a.db3", tmp_path / "made").info.streams
    assert (stream.kind, stream.frames) == ("depth", FRAMES - 1)


def test_a_device_that_is_no_unit(tmp_path):
    other = Session.create(
        tmp_path / "t", streams=[], origin="test", devices=[DeviceInfo(name="kinect_000", model="azure-kinect")]
    )
    assert plan_realsense(other, "kinect_000") is None


def test_frames_that_the_recorder_lost_are_missed(take, tmp_path, monkeypatch):
    monkeypatch.setattr(realsense_writer, "image_counts", lambda path: {"/device_0/sensor_0/Depth_0/image/data": 2})
    plan = plan_realsense(take, NAME)
    assert plan is not None
    with pytest.raises(CannotWrite, match="kept 2 of 5 frames of depth; is the disk full"):
        write_realsense_db3(plan, tmp_path / "a.db3", cameras())
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_the_recorder_is_never_given_more_than_it_holds(take, tmp_path, monkeypatch):
    """Without its pauses the SDK throws frames away when 249 MB wait; here it is paused after each frame."""
    monkeypatch.setattr(realsense_recorder, "WAITING_BYTES", 1)
    plan = plan_realsense(take, NAME)
    assert plan is not None
    write_realsense_db3(plan, tmp_path / "a.db3", cameras())
    made = import_recording(tmp_path / "a.db3", tmp_path / "made")
    assert sorted(s.frames for s in made.info.streams) == [FRAMES - 1, FRAMES, FRAMES]
