"""The stage `sync` of a rig with a hand-held phone: matched, left out of later stages, and set right by content."""

import json
from dataclasses import replace

import av
import numpy as np
import pytest
import simplejpeg

from capture import mcap_recording
from capture.errors import CaptureError
from capture.mcap_recording import McapWriter
from capture.session import RECORDED_CAMERAS, Session
from capture.session_info import DeviceInfo, StreamInfo
from capture.virtual.moving_patches import MovingPatches
from geometry.camera import Camera
from geometry.camera_files.cameras_json import read_cameras, write_cameras
from humanrig import manifest
from humanrig.cli import main
from humanrig.errors import HumanrigError
from humanrig.pipeline import Request, reconstruct

CAMERA = Camera(name="", K=np.array([[150.0, 0, 80], [0, 150, 45], [0, 0, 1]]), width=160, height=90)
LATE_US = 60_000
"""How much longer the phone's frames take to arrive: no clock can tell."""


def record(folder, *, hosts=True):
    """Two Kinects on a cable and a phone at 60 Hz that see one movement; without `hosts`, host times are copies."""
    moving, rng = MovingPatches.of(3, 6.0), np.random.default_rng(0)
    streams, seconds = [], 6
    with McapWriter(folder / "recording" / "rig.mcap") as writer:
        for view, (name, rate, late) in enumerate((("k0", 30, 0), ("k1", 30, 0), ("phone", 60, LATE_US))):
            writer.add_stream(f"/{name}/color", "jpeg")
            t = np.rint(np.arange(seconds * rate) * 1e6 / rate).astype(np.int64) + (3000 if name == "phone" else 0)
            host = t + 9_000_000 + late + np.rint(40_000 + rng.exponential(1500, len(t))).astype(np.int64)
            device = t + (700_000_000 if name == "phone" else 1_000_000)
            for k in range(len(t)):
                grey = moving.picture(1e-6 * t[k], 0.4 * view).astype(np.uint8)
                data = simplejpeg.encode_jpeg(np.repeat(grey[..., None], 3, -1), quality=90)
                own = int(device[k])
                writer.write(f"/{name}/color", data, device_us=own, host_us=int(host[k]) if hosts else own)
            stream = f"{name}/color"
            streams.append(
                StreamInfo(name=stream, kind="color", file="recording/rig.mcap", encoding="jpeg", topic=f"/{stream}",
                           frames=len(t), width=160, height=90, rate_hz=float(rate))
            )  # fmt: skip
    cameras = [replace(CAMERA, name=s.name, T_world_camera=_at(k)) for k, s in enumerate(streams)]
    write_cameras(folder.joinpath(*RECORDED_CAMERAS), cameras, source="test", unplaced=["phone/color"])
    devices = [
        DeviceInfo(name="k0", clock="pulse", sync="master"),
        DeviceInfo(name="k1", clock="pulse", sync="subordinate"),
        DeviceInfo(name="phone", clock="phone"),
    ]
    return Session.create(folder, streams=streams, devices=devices, origin="rig")


def _at(k):
    T = np.eye(4)
    T[0, 3] = k
    return T


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    return record(tmp_path_factory.mktemp("sync") / "s")


def run(session, **options):
    reconstruct(session, Request(until="calibrate", configs={"sync": options}))
    return manifest.read(session.path("sync")).figures


def phone_error_us(session):
    """Median of the phone's times less the true ones: the session's clock is 1 s ahead of the movement's."""
    device = session.timestamps_us("phone/color")[0] - 700_000_000
    return np.median(
        [
            i.time_us + i.offset_us["phone/color"] - 1_000_000 - device[i.index["phone/color"]]
            for i in session.instants()
            if i.has("phone/color")
        ]
    )


def test_a_phone_is_matched_and_left_out_of_later_stages(session, capsys):
    figures = run(session)
    assert figures["left_out"] == ["phone"]
    assert any("phone: matched by fitted clocks, and left out" in warning for warning in figures["warnings"])
    assert manifest.read(session.path("calibration")).without == ["phone"]
    assert list(read_cameras(session.path("calibration", "cameras.json"))) == ["k0/color", "k1/color"]
    assert session.path("sync", "residuals.png").stat().st_size > 5000
    json.dumps(figures, allow_nan=False)


def test_an_unknown_latency_is_seen_by_content_and_moved_on_demand(session):
    figures = run(session)
    assert phone_error_us(session) == pytest.approx(LATE_US, abs=500)
    assert any("phone: its motion says that it is -" in warning for warning in figures["warnings"])
    figures = run(session, by_content=True)
    assert abs(phone_error_us(session)) < 10_000
    assert not any("its motion says" in warning for warning in figures["warnings"])
    assert any("phone: moved by -" in warning for warning in figures["warnings"])
    figures = run(session, latency_us={"phone/color": 40e3 + LATE_US, "k0/color": 40e3, "k1/color": 40e3})
    assert abs(phone_error_us(session)) < 500
    assert run(session, content="never")["content"] == []


def test_without_host_times_only_content_can_tell(tmp_path):
    session = record(tmp_path / "s", hosts=False)
    with pytest.raises(CaptureError, match=r"were not synchronised.*--option sync\.by_content=true"):
        run(session)
    figures = run(session, by_content=True, largest_lag_s=2.0)
    assert abs(phone_error_us(session)) < 10_000
    assert next(d for d in figures["devices"] if d["device"] == "phone")["method"] == "content"


def test_a_device_that_stands_still_is_used_on_demand(tmp_path):
    session = record(tmp_path / "s")
    cameras = [replace(CAMERA, name=f"{name}/color", T_world_camera=_at(k)) for k, name in enumerate(session.devices)]
    session.path(*RECORDED_CAMERAS).unlink()
    write_cameras(session.path(*RECORDED_CAMERAS), cameras, source="test")
    figures = run(session, content="never")
    assert figures["left_out"] == ["phone"]
    assert any("use them all the same with --option sync.use_free=true" in warning for warning in figures["warnings"])
    assert run(session, content="never", use_free=True)["left_out"] == []
    assert manifest.read(session.path("calibration")).without == []


def test_a_live_rig_is_placed_by_a_file(tmp_path):
    """A rig's own recording knows no camera's place; the phone must not ask for one."""
    session = record(tmp_path / "s")
    names = list(session.streams)
    cameras = [replace(CAMERA, name=name, T_world_camera=_at(k)) for k, name in enumerate(names)]
    session.path(*RECORDED_CAMERAS).unlink()
    write_cameras(session.path(*RECORDED_CAMERAS), cameras, source="test", unplaced=names)
    write_cameras(tmp_path / "rig.json", cameras[:2], source="a board")
    configs = {"sync": {"content": "never"}, "calibrate": {"file": tmp_path / "rig.json"}}
    reconstruct(session, Request(until="calibrate", configs=configs))
    assert list(read_cameras(session.path("calibration", "cameras.json"))) == ["k0/color", "k1/color"]


def test_a_misspelt_option_is_refused(session):
    with pytest.raises(HumanrigError, match=r"option sync\.by_contents"):
        run(session, by_contents=True)


def test_a_cut_recording_is_said(tmp_path, capsys, monkeypatch):
    """Fewer frames than were recorded make fewer instants: never without a word."""
    monkeypatch.setattr(mcap_recording, "CHUNK_BYTES", 20_000)
    session = record(tmp_path / "s")
    file = session.path("recording", "rig.mcap")
    with file.open("r+b") as opened:
        opened.truncate(file.stat().st_size * 5 // 6)
    assert main(["reconstruct", str(session.folder), "--only", "sync", "--option", "sync.content=never"]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "warning: recording/rig.mcap was cut short: phone/color has" in said
    warnings = manifest.read(session.path("sync")).figures["warnings"]
    assert f"of 360 frames; run: humanrig repair {session.folder}" in warnings[0]
    with file.open("r+b") as opened:
        opened.truncate(5000)
    with pytest.raises(CaptureError, match=r"it has none; recording/rig.mcap was cut short: .*humanrig repair"):
        run(Session.open(session.folder))


def record_videos(folder, late_s):
    """Videos at 30 Hz that began one after the other, as others hand them over: all their clocks begin at 0."""
    moving, streams = MovingPatches.of(5, 8.0), []
    for view, (name, late) in enumerate(late_s.items()):
        path = folder / "recording" / f"{name}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=30)
            stream.width, stream.height, stream.pix_fmt = 160, 90, "yuv420p"
            for k in range(180):
                grey = moving.picture(k / 30 + late, 0.4 * view).astype(np.uint8)
                frame = av.VideoFrame.from_ndarray(np.repeat(grey[..., None], 3, -1), format="rgb24")
                frame.pts = k
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        streams.append(StreamInfo(name=f"{name}/color", kind="color", file=f"recording/{name}.mp4", encoding="video",
                                  frames=180, width=160, height=90, rate_hz=30.0))  # fmt: skip
    cameras = [replace(CAMERA, name=s.name, T_world_camera=_at(k)) for k, s in enumerate(streams)]
    write_cameras(folder.joinpath(*RECORDED_CAMERAS), cameras, source="test")
    return Session.create(folder, streams=streams, origin="videos")


@pytest.mark.slow
def test_videos_that_did_not_begin_together(tmp_path):
    late_s = {"a": 0.0, "b": 0.412, "c": 0.0}
    session = record_videos(tmp_path / "s", late_s)
    figures = run(session)
    (warning,) = figures["warnings"]
    assert warning.startswith("b: its motion says that it is +4")
    figures = run(session, by_content=True)
    assert [d["device"] for d in figures["devices"] if d["method"] == "content"] == ["b"]
    assert figures["left_out"] == []
    pairs = [
        (i.index["a/color"], i.index["b/color"]) for i in session.instants() if i.has("a/color") and i.has("b/color")
    ]
    apart = np.array([a / 30 - (b / 30 + late_s["b"]) for a, b in pairs])
    assert np.abs(apart).max() < 0.5 / 30 + 0.01  # half a frame, and what content may be off
    assert len(pairs) > 160
    assert sum(i.has("a/color") and i.has("c/color") for i in session.instants()) == 180
