"""A session on disk: frames decoded with both clocks, and clear refusals."""

import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
import simplejpeg

from capture import depth_codec
from capture.errors import CaptureError
from capture.frame_sets import Instant, read_instants, write_instants
from capture.mcap_recording import McapWriter
from capture.session import Session
from capture.session_info import DeviceInfo, StreamInfo

FILE = "recording/rig.mcap"
DEPTH = np.random.default_rng(1).integers(0, 5000, (12, 16)).astype(np.uint16)
COLOR = np.full((16, 24, 3), (200, 100, 20), np.uint8)


def stream(kind, encoding, frames, **size):
    name = f"kinect_000/{kind}"
    return StreamInfo(name=name, kind=kind, file=FILE, topic=f"/{name}", encoding=encoding, frames=frames, **size)


@pytest.fixture
def session(tmp_path):
    folder = tmp_path / "take"
    with McapWriter(folder / FILE) as writer:
        for kind, encoding in (("color", "jpeg"), ("depth", "dzp"), ("ir", "dzp"), ("imu", "json")):
            writer.add_stream(f"/kinect_000/{kind}", encoding)
        for i in range(3):
            times = {"device_us": 1000 * i, "host_us": 70_000 + 1001 * i}
            writer.write("/kinect_000/color", simplejpeg.encode_jpeg(COLOR, quality=95), **times)
            writer.write("/kinect_000/depth", depth_codec.encode(DEPTH + np.uint16(i)), **times)
            writer.write("/kinect_000/ir", depth_codec.encode(DEPTH), **times)
            writer.write("/kinect_000/imu", json.dumps({"accel": [0, 0, 9.8]}).encode(), **times)
    return Session.create(
        folder,
        origin="virtual",
        streams=[
            stream("color", "jpeg", 3, width=24, height=16),
            stream("depth", "dzp", 3, width=16, height=12),
            stream("ir", "dzp", 3, width=16, height=12),
            stream("imu", "json", 3),
        ],
        devices=[DeviceInfo(name="kinect_000", serial="7", clock="pulse")],
    )


def test_open_gives_what_create_wrote(session):
    again = Session.open(session.folder)
    assert again.info == session.info
    assert list(again.streams) == ["kinect_000/color", "kinect_000/depth", "kinect_000/ir", "kinect_000/imu"]
    assert again.of_kind("depth") == ["kinect_000/depth"]
    assert again.devices["kinect_000"].serial == "7"
    assert again.info.id == "take"


def test_frames_are_decoded(session):
    color = session.frame("kinect_000/color", 1)
    assert (color.device_us, color.host_us, color.index) == (1000, 71_001, 1)
    np.testing.assert_allclose(color.payload, COLOR, atol=4)  # JPEG at quality 95; red first
    depth = session.frame("kinect_000/depth", 2).payload
    assert depth.dtype == np.float32
    expected = (DEPTH + 2) / 1000
    np.testing.assert_allclose(depth, expected, atol=1e-6)  # float32 of metres below 5
    missing = session.frame("kinect_000/depth", 0).payload
    np.testing.assert_array_equal(np.isnan(missing), DEPTH == 0)
    np.testing.assert_array_equal(session.frame("kinect_000/ir", 0).payload, DEPTH)
    assert session.frame("kinect_000/imu", 0).payload == {"accel": [0, 0, 9.8]}
    assert [f.index for f in session.frames("kinect_000/ir")] == [0, 1, 2]
    assert [f.index for f in session.frames("kinect_000/ir", [2, 0])] == [2, 0]
    device, host = session.timestamps_us("kinect_000/depth")
    np.testing.assert_array_equal(device, [0, 1000, 2000])
    np.testing.assert_array_equal(host, [70_000, 71_001, 72_002])


def test_another_process_can_open_it(session):
    session.frame("kinect_000/depth", 0)
    again = pickle.loads(pickle.dumps(session))
    np.testing.assert_array_equal(again.frame("kinect_000/ir", 0).payload, DEPTH)


def test_instants_round_trip(session):
    instants = [
        Instant(instant=0, time_us=0, index={"a/color": 0, "a/depth": -1}, offset_us={"a/color": -3, "a/depth": 0}),
        Instant(instant=1, time_us=33333, index={"a/color": 1, "a/depth": 0}, offset_us={"a/color": 5, "a/depth": 160}),
    ]
    write_instants(session.path("sync", "frames.parquet"), instants)
    assert session.instants() == instants
    assert not instants[0].has("a/depth")
    assert instants[0].streams == ["a/color"]


def test_refusals(session, tmp_path):
    with pytest.raises(CaptureError, match="there is no session"):
        Session.open(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CaptureError, match="not a session"):
        Session.open(tmp_path / "empty")
    with pytest.raises(CaptureError, match="already is a session"):
        Session.create(session.folder, streams=[], origin="virtual")
    with pytest.raises(CaptureError, match="two streams are called"):
        Session.create(tmp_path / "b", streams=[stream("imu", "json", 1)] * 2, origin="virtual")
    with pytest.raises(CaptureError, match="no frame 3"):
        session.frame("kinect_000/depth", 3)
    with pytest.raises(CaptureError, match="no stream 'kinect_009/depth'"):
        session.frame("kinect_009/depth", 0)
    with pytest.raises(CaptureError, match="--only sync"):
        session.instants()
    with pytest.raises(CaptureError, match="--only calibrate"):
        session.cameras()
    with pytest.raises(CaptureError, match="--calibration FILE"):
        session.recorded_cameras()
    (tmp_path / "frames.parquet").write_text("no table")
    with pytest.raises(CaptureError, match="cannot be read"):
        read_instants(tmp_path / "frames.parquet")
    session.path(FILE).unlink()
    with pytest.raises(CaptureError, match=r"rig\.mcap cannot be opened"):
        Session.open(session.folder).frame("kinect_000/depth", 0)


def test_a_damaged_frame_is_named(session):
    with McapWriter(session.path("recording", "bad.mcap")) as writer:
        writer.add_stream("/kinect_000/color", "jpeg")
        writer.write("/kinect_000/color", b"\xff\xd8 no picture", device_us=0, host_us=0)
    bad = stream("color", "jpeg", 1, width=24, height=16)
    session.streams[bad.name] = replace(bad, file="recording/bad.mcap")
    with pytest.raises(CaptureError, match="frame 0 of kinect_000/color is damaged"):
        session.frame("kinect_000/color", 0)
