"""A session as Azure Kinect .mkv: libk4arecord, Open3D, PyAV and our own importer read the same frames back."""

import hashlib
import json
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import av
import numpy as np
import pytest
import simplejpeg

from capture import depth_codec
from capture.azure_kinect.finding import LibraryUnavailable, find_library
from capture.errors import CaptureError
from capture.importers.detect import import_recording
from capture.kinect_recording import plan_kinect, write_kinect_mkv
from capture.mcap_recording import McapWriter
from capture.session import Session
from capture.session_info import DeviceInfo, StreamInfo
from capture.synchronisation import session_frame_sets
from geometry.camera import Camera
from geometry.camera_files.azure_kinect_writing import calibration_json
from geometry.camera_files.cameras_json import write_cameras
from geometry.rigid import from_rotvec, look_at
from humanrig.cli import main
from humanrig.errors import HumanrigError
from humanrig.export import export_session

FRAMES = 8
START_US = 1_000_160
DELAYS = {"kinect_000": (0, 0), "kinect_001": (160, 320)}
"""Of colour and depth after the pulse."""
HOLE = ("kinect_001/depth", 3)
T_DEPTH_COLOR = from_rotvec(np.array([0.08, 0.01, 0.0]), np.array([0.032, 0.002, -0.004]))


def depth_image(device, index, kind="depth"):
    """Bit patterns that a swap of bytes or a scale would change."""
    rng = np.random.default_rng([int(device[-1]), index, len(kind)])
    return rng.integers(0, 65536, (288, 320)).astype(np.uint16)


def jpeg(device, index):
    return simplejpeg.encode_jpeg(np.full((720, 1280, 3), 40 * int(device[-1]) + index, np.uint8))


def time_us(device, index, kind):
    late = DELAYS[device][0 if kind == "color" else 1]
    return START_US + 40_000 + round(index * 33_333.3) + late


def payload(device, index, kind, at):
    """What is recorded."""
    if kind == "color":
        return jpeg(device, index)
    if kind == "imu":
        return json.dumps({"acc_us": at, "acc_mss": [0.5, 1, -9.75], "gyro_us": at, "gyro_rads": [0, 0.25, 0]}).encode()
    return depth_codec.encode(depth_image(device, index, kind))


def build(folder, factory=True) -> Session:
    """Two wired Kinects with colour, depth, IR and IMU, one depth frame lost; and a camera that is none."""
    streams, cameras = [], {}
    for n, device in enumerate(DELAYS):
        T = look_at(np.array([2.0 - 4 * n, 1, 1]), np.array([0.0, 0, 1]))
        K = np.array([[252.0, 0, 159], [0, 252, 145], [0, 0, 1]])
        depth = Camera(name=f"{device}/depth", K=K, width=320, height=288, T_world_camera=T)
        K = np.array([[608.0, 0, 640], [0, 608, 366], [0, 0, 1]])
        color = Camera(name=f"{device}/color", K=K, width=1280, height=720, T_world_camera=T @ T_DEPTH_COLOR)
        cameras |= {depth.name: depth, color.name: color}
        attached = (
            {f"{device}/calibration.json": calibration_json(depth, color, f"00012{n}").encode()} if factory else {}
        )
        with McapWriter(folder / "recording" / f"{device}.mcap", attached) as writer:
            for kind in ("color", "depth", "ir", "imu"):
                encoding = {"color": "jpeg", "imu": "json"}.get(kind, "dzp")
                writer.add_stream(f"/{device}/{kind}", encoding)
                width, height = {"color": (1280, 720), "imu": (None, None)}.get(kind, (320, 288))
                lost = HOLE[0] == f"{device}/{kind}"
                delay = DELAYS[device][0 if kind == "color" else 1] if kind != "imu" else 0
                streams.append(StreamInfo(
                    name=f"{device}/{kind}", kind=kind, file=f"recording/{device}.mcap", topic=f"/{device}/{kind}",
                    encoding=encoding, frames=FRAMES - lost, width=width, height=height,
                    rate_hz=None if kind == "imu" else 30.0, delay_us=delay,
                ))  # fmt: skip
            for index in range(FRAMES):
                for kind in ("color", "depth", "ir", "imu"):
                    if (f"{device}/{kind}", index) == HOLE:
                        continue
                    at = time_us(device, index, kind)
                    data = payload(device, index, kind, at)
                    writer.write(f"/{device}/{kind}", data, device_us=at, host_us=at)
    write_cameras(folder / "recording" / "cameras.json", cameras, source="test")
    devices = [
        DeviceInfo(
            name=name, model="azure-kinect", serial=f"00012{n}", clock="pulse", sync=sync, start_offset_us=START_US
        )
        for n, (name, sync) in enumerate(zip(DELAYS, ("master", "subordinate")))
    ]
    return Session.create(folder, streams=streams, devices=devices, origin="test", id="take")


@pytest.fixture(scope="module")
def take(tmp_path_factory) -> Session:
    return build(tmp_path_factory.mktemp("mkv") / "s")


@pytest.fixture(scope="module")
def files(take, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("mkv") / "out"
    export_session(take, "mkv", folder)
    return folder


def test_our_importer_reads_the_same_session(take, files, tmp_path):
    (files / "source.txt").rename(tmp_path / "source.txt")
    session = import_recording(files, tmp_path / "s")
    (tmp_path / "source.txt").rename(files / "source.txt")
    for name, stream in take.streams.items():
        made = session.stream(name)
        for field in ("frames", "width", "height", "delay_us", "encoding"):
            assert getattr(made, field) == getattr(stream, field)
        np.testing.assert_array_equal(session.timestamps_us(name)[0], take.timestamps_us(name)[0])
        for index in range(stream.frames):
            first, second = (s.recording(s.stream(name).file).read(f"/{name}", index).data for s in (session, take))
            assert first == second if stream.kind != "imu" else json.loads(first) == json.loads(second)
    for name, device in take.devices.items():
        made = session.devices[name]
        assert (made.serial, made.sync, made.clock) == (device.serial, device.sync, "pulse")
        assert made.start_offset_us == device.start_offset_us
    instants = session_frame_sets(session).instants
    assert [i.instant for i in instants if not i.has(HOLE[0])] == [3]


def test_pyav_reads_depth_big_endian(files):
    with av.open(str(files / "kinect_000.mkv")) as container:
        assert container.metadata["K4A_WIRED_SYNC_MODE"] == "MASTER"
        stream = next(s for s in container.streams.video if s.metadata.get("title") == "DEPTH")
        frames = [frame.to_ndarray(format="gray16be") for frame in container.decode(stream)]
    assert len(frames) == FRAMES
    for index, frame in enumerate(frames):
        np.testing.assert_array_equal(frame.view(np.uint16), depth_image("kinect_000", index))


READ_WITH_THE_SDK = """
import ctypes as C, hashlib, json, sys
K, R = C.CDLL(sys.argv[1], mode=C.RTLD_GLOBAL), C.CDLL(sys.argv[2])
P = C.c_void_p
class Config(C.Structure):
    _fields_ = [(n, C.c_int) for n in ("color_format", "color_resolution", "depth_mode", "camera_fps")] + [
        (n, C.c_bool) for n in ("color", "depth", "ir", "imu")] + [("depth_delay_us", C.c_int32), ("sync", C.c_int),
        ("subordinate_delay_us", C.c_uint32), ("start_us", C.c_uint32)]
class Imu(C.Structure):
    _fields_ = [("temperature", C.c_float), ("acc", C.c_float * 3), ("acc_us", C.c_uint64), ("gyro", C.c_float * 3),
                ("gyro_us", C.c_uint64)]
def function(library, name, result, *arguments):
    f = getattr(library, name); f.restype = result; f.argtypes = arguments; return f
handle, capture, config = P(), P(), Config()
assert function(R, "k4a_playback_open", C.c_int, C.c_char_p, C.POINTER(P))(sys.argv[3].encode(), C.byref(handle)) == 0
assert function(R, "k4a_playback_get_record_configuration", C.c_int, P, C.POINTER(Config))(handle, C.byref(config)) == 0
size = C.c_size_t(1 << 20); buffer = C.create_string_buffer(1 << 20)
assert function(R, "k4a_playback_get_raw_calibration", C.c_int, P, C.c_char_p, C.POINTER(C.c_size_t))(
    handle, buffer, C.byref(size)) == 0
out = {"config": {n: getattr(config, n) for n, _ in Config._fields_}, "frames": [], "imu": [],
       "calibration": hashlib.sha256(buffer.raw[: size.value].rstrip(b"\\0")).hexdigest()}
following = function(R, "k4a_playback_get_next_capture", C.c_int, P, C.POINTER(P))
get_buffer = function(K, "k4a_image_get_buffer", P, P); get_size = function(K, "k4a_image_get_size", C.c_size_t, P)
get_time = function(K, "k4a_image_get_device_timestamp_usec", C.c_uint64, P)
while following(handle, C.byref(capture)) == 0:
    entry = {}
    for kind in ("color", "depth", "ir"):
        image = function(K, f"k4a_capture_get_{kind}_image", P, P)(capture)
        if image:
            data = C.string_at(get_buffer(image), get_size(image))
            entry[kind] = [get_time(image), hashlib.sha256(data).hexdigest()]
            function(K, "k4a_image_release", None, P)(image)
    out["frames"].append(entry)
    function(K, "k4a_capture_release", None, P)(capture)
sample = Imu(); read = function(R, "k4a_playback_get_next_imu_sample", C.c_int, P, C.POINTER(Imu))
while read(handle, C.byref(sample)) == 0:
    out["imu"].append([sample.acc_us, list(sample.acc), sample.gyro_us, list(sample.gyro)])
json.dump(out, open(sys.argv[-1], "w"))
"""


def digest(data):
    return hashlib.sha256(data).hexdigest()


def library():
    """The SDK's two libraries; the test is skipped where they are not installed."""
    try:
        found = find_library()
    except LibraryUnavailable as error:
        pytest.skip(str(error))
    if found.record is None:
        pytest.skip("needs libk4arecord, of the package pyk4a-bundle")
    return found.k4a, found.record


@pytest.mark.parametrize("device", DELAYS)
def test_the_sdk_plays_every_frame(take, files, tmp_path, device):
    k4a, record = library()
    command = [sys.executable, "-c", READ_WITH_THE_SDK, str(k4a), str(record), str(files / f"{device}.mkv")]
    command.append(str(tmp_path / "out.json"))  # not standard output: the libraries log there
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr[-800:]
    out = json.loads((tmp_path / "out.json").read_text())
    n = list(DELAYS).index(device)
    assert out["config"] == {
        "color_format": 0, "color_resolution": 1, "depth_mode": 1, "camera_fps": 2, "color": True, "depth": True,
        "ir": True, "imu": True, "depth_delay_us": DELAYS[device][1] - DELAYS[device][0], "sync": n + 1,
        "subordinate_delay_us": DELAYS[device][0], "start_us": START_US,
    }  # fmt: skip
    attached = take.recording(f"recording/{device}.mcap").attachments[f"{device}/calibration.json"]
    assert out["calibration"] == digest(attached)
    for kind in ("color", "depth", "ir"):
        expected = [
            [
                time_us(device, i, kind),
                digest(jpeg(device, i) if kind == "color" else depth_image(device, i, kind).tobytes()),
            ]
            for i in range(FRAMES)
            if (f"{device}/{kind}", i) != HOLE
        ]
        assert [entry[kind] for entry in out["frames"] if kind in entry] == expected
    times = [time_us(device, i, "imu") for i in range(FRAMES)]
    assert out["imu"] == [[t, [0.5, 1, -9.75], t, [0, 0.25, 0]] for t in times]


READ_WITH_OPEN3D = """
from geometry.libusb_loading import provide_libusb
provide_libusb()
import sys, hashlib, json, numpy as np, open3d as o3d
reader = o3d.io.AzureKinectMKVReader()
assert reader.open(sys.argv[1])
found = []
while not reader.is_eof():
    frame = reader.next_frame()
    if frame is not None:
        depth = np.asarray(frame.depth)
        found.append([list(np.asarray(frame.color).shape), hashlib.sha256(depth.tobytes()).hexdigest()])
json.dump({"frames": found, "width": reader.get_metadata().width}, open(sys.argv[-1], "w"))
"""


@pytest.mark.slow
def test_open3d_reads_it(files, tmp_path):
    """Open3D looks for libraries of fixed names; links stand in for them. Without a display depth is not aligned."""
    pytest.importorskip("open3d")
    k4a, record = library()
    for link, target in (("libk4a.so", k4a), ("libk4arecord.so", record)):
        (tmp_path / link).symlink_to(target)
    path = os.pathsep.join([str(tmp_path), str(k4a.parent), os.environ.get("LD_LIBRARY_PATH", "")])
    environment = {k: v for k, v in os.environ.items() if k != "DISPLAY"} | {"LD_LIBRARY_PATH": path}
    command = [sys.executable, "-c", READ_WITH_OPEN3D, str(files / "kinect_000.mkv"), str(tmp_path / "o.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-800:]
    out = json.loads((tmp_path / "o.json").read_text())
    assert out["width"] == 1280
    assert [digest(depth_image("kinect_000", i).tobytes()) for i in range(FRAMES)] == [d for _, d in out["frames"]]
    assert {tuple(shape) for shape, _ in out["frames"]} == {(720, 1280, 3)}


def test_a_calibration_is_made_where_the_device_sent_none(tmp_path):
    session = build(tmp_path / "s", factory=False)
    export_session(session, "mkv", tmp_path / "out")
    assert "kinect_001: the calibration in the file is made from" in (tmp_path / "out" / "source.txt").read_text()
    made = import_recording(tmp_path / "out" / "kinect_001.mkv", tmp_path / "again").recorded_camera_file().cameras
    original = session.recorded_cameras()
    a, b = made["kinect_000121/color"], original["kinect_001/color"]
    np.testing.assert_allclose(a.K, b.K, atol=1e-9)
    np.testing.assert_allclose(a.T_world_camera, T_DEPTH_COLOR, atol=1e-9)  # the device's own frame


def test_what_a_kinects_file_cannot_hold(take, tmp_path):
    streams = [s for s in take.info.streams if s.kind == "imu"]
    only_imu = Session.create(tmp_path / "s", streams=streams, origin="test")
    with pytest.raises(HumanrigError, match="no device has what an Azure Kinect's file holds"):
        export_session(only_imu, "mkv", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with McapWriter(tmp_path / "t" / "recording" / "a.mcap") as writer:
        writer.add_stream("/a/depth", "dzp")
        for at in (100, 50):
            writer.write("/a/depth", depth_codec.encode(np.zeros((288, 320), np.uint16)), device_us=at, host_us=at)
    stream = StreamInfo(
        name="a/depth", kind="depth", file="recording/a.mcap", topic="/a/depth", encoding="dzp", frames=2, width=320,
        height=288, rate_hz=10.0,
    )  # fmt: skip
    session = Session.create(tmp_path / "t", streams=[stream], origin="test")
    with pytest.raises(CaptureError, match="no factory calibration and no camera of a"):
        export_session(session, "mkv", tmp_path / "out")
    K = np.array([[252.0, 0, 159], [0, 252, 145], [0, 0, 1]])
    write_cameras(
        tmp_path / "t" / "recording" / "cameras.json", [Camera(name="a/depth", K=K, width=320, height=288)], source=""
    )
    with pytest.raises(CaptureError, match="goes from 100 to 50 us at frame 1"):
        export_session(session, "mkv", tmp_path / "out")


def test_a_file_is_written_frame_by_frame(tmp_path):
    """60 depth images of 184 kB (11 MB) with the memory of a few: the last cluster, its copy and one image."""
    noise = depth_codec.encode(depth_image("kinect_000", 0))
    with McapWriter(tmp_path / "s" / "recording" / "a.mcap") as writer:
        writer.add_stream("/a/depth", "dzp")
        for index in range(60):
            writer.write("/a/depth", noise, device_us=index * 33_333, host_us=0)
    stream = StreamInfo(
        name="a/depth", kind="depth", file="recording/a.mcap", topic="/a/depth", encoding="dzp", frames=60, width=320,
        height=288, rate_hz=30.0,
    )  # fmt: skip
    session = Session.create(tmp_path / "s", streams=[stream], origin="test")
    camera = Camera(name="a/depth", K=np.diag([252.0, 252, 1]), width=320, height=288)
    plan = plan_kinect(session, "a")
    assert plan is not None
    session.frame("a/depth", 0)
    tracemalloc.start()
    notes = write_kinect_mkv(plan, tmp_path / "a.mkv", {"a/depth": camera})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (tmp_path / "a.mkv").stat().st_size > 60 * 2 * 320 * 288
    assert peak < 2_000_000  # measured: 0.8 MB
    assert any("a nominal one stands in" in note for note in notes)


def test_the_command(take, tmp_path, capsys):
    assert main(["export", str(take.folder), "--format", "mkv", "--to", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.splitlines()[0] == str(tmp_path / "out" / "kinect_000.mkv")


def test_a_cut_recording_is_said(tmp_path, capsys):
    session = build(tmp_path / "s")
    file = session.path("recording", "kinect_001.mcap")
    attached = Session.open(session.folder).recording("recording/kinect_001.mcap").attachments.popitem()[1]
    file.unlink()  # a whole one takes its place, but not that of which session.toml tells
    with McapWriter(file, {"kinect_001/calibration.json": attached}) as writer:
        for kind in ("color", "depth", "ir", "imu"):
            writer.add_stream(f"/kinect_001/{kind}", {"color": "jpeg", "imu": "json"}.get(kind, "dzp"))
            at = time_us("kinect_001", 0, kind)
            writer.write(f"/kinect_001/{kind}", payload("kinect_001", 0, kind, at), device_us=at, host_us=at)
    with session.path("recording", "kinect_000.mcap").open("r+b") as opened:
        opened.truncate(session.path("recording", "kinect_000.mcap").stat().st_size - 5)
    assert main(["export", str(session.folder), "--format", "mkv", "--to", str(tmp_path / "out")]) == 0
    said, written = " ".join(capsys.readouterr().err.split()), (tmp_path / "out" / "source.txt").read_text()
    for text in (
        "kinect_000.mcap was cut short: all frames are there, its index is not",
        "kinect_001.mcap is not what session.toml tells of: kinect_001/color has 1 of 8 frames",
        f"run: humanrig repair {session.folder}",
    ):
        assert text in said
        assert text in written


@pytest.mark.real_data
def test_a_real_recording_goes_round(real_data, tmp_path):
    """What a real device recorded, imported, exported and imported again: every byte of every frame and its time."""
    path = real_data / "azure_kinect_mkv" / "recording.mkv"
    if not path.is_file():
        pytest.skip(f"needs {path}")
    first = import_recording(path, tmp_path / "first")
    export_session(first, "mkv", tmp_path / "out")
    second = import_recording(next((tmp_path / "out").glob("*.mkv")), tmp_path / "second")
    assert list(second.streams) == list(first.streams)
    for name, stream in first.streams.items():
        np.testing.assert_array_equal(second.timestamps_us(name)[0], first.timestamps_us(name)[0])
        for index in range(stream.frames):
            a, b = (s.recording(s.stream(name).file).read(f"/{name}", index).data for s in (first, second))
            assert a == b
    a, b = (s.recorded_camera_file().cameras for s in (first, second))
    for name in a:
        np.testing.assert_array_equal(a[name].K, b[name].K)
        np.testing.assert_array_equal(a[name].T_world_camera, b[name].T_world_camera)
