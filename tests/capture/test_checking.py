"""`check_session` finds each kind of damage, and nothing in a whole session."""

from dataclasses import replace

import numpy as np
import pytest

from capture import mcap_recording
from capture.checking import check_session
from capture.frame_sets import Instant, write_instants
from capture.importers.detect import import_recording
from capture.mcap_recording import McapWriter
from capture.session import Session
from capture.session_info import StreamInfo
from geometry.camera import Camera
from geometry.camera_files.cameras_json import write_cameras

FILE = "recording/rig.mcap"


def make(folder, times, links=None, unplaced=(), monkeypatch=None):
    """A session with one depth stream for each entry of `times` (us)."""
    streams, cameras = [], []
    with McapWriter(folder / FILE) as writer:
        for name in times:
            writer.add_stream(f"/{name}/depth", "dzp")
        for name, stamps in times.items():
            for t in stamps:
                writer.write(f"/{name}/depth", np.random.default_rng(t).bytes(500), device_us=t, host_us=t)
            streams.append(
                StreamInfo(name=f"{name}/depth", kind="depth", file=FILE, topic=f"/{name}/depth", encoding="dzp",
                           frames=len(stamps), width=64, height=48, rate_hz=30.0)
            )  # fmt: skip
            cameras.append(Camera(name=f"{name}/depth", K=np.diag([50.0, 50, 1]), width=64, height=48))
    write_cameras(folder / "recording" / "cameras.json", cameras, source="test", unplaced=unplaced)
    return Session.create(folder, streams=streams, origin="virtual", links=links)


WHOLE = {"a": [k * 33_333 for k in range(20)], "b": [k * 33_333 + 160 for k in range(20)]}


def found(session):
    return [(f.level, f.where, f.text) for f in check_session(session)]


def test_a_whole_session_has_no_finding(tmp_path):
    assert found(make(tmp_path / "s", WHOLE)) == []


def assert_finding(session, level, where, text):
    matching = [f for f in check_session(session) if f.level == level and f.where == where and text in f.text]
    assert matching, found(session)


def test_damage_to_the_recording(tmp_path, monkeypatch):
    monkeypatch.setattr(mcap_recording, "CHUNK_BYTES", 4000)
    session = make(tmp_path / "s", WHOLE)
    data = session.path(FILE).read_bytes()
    session.path(FILE).write_bytes(data[: len(data) // 2])
    assert_finding(session, "error", FILE, "cut short")
    assert_finding(session, "error", "b/depth", "of 20 frames are there")
    flipped = bytearray(data)
    flipped[3000] ^= 4
    session.path(FILE).write_bytes(flipped)
    assert_finding(session, "error", FILE, "damaged")
    session.path(FILE).unlink()
    assert_finding(session, "error", FILE, "cannot be opened")


def test_drops_holes_and_clocks(tmp_path):
    dropped = [t for k, t in enumerate(WHOLE["a"]) if k not in (5, 9, 10)]
    reset = [*WHOLE["b"][:8], *WHOLE["b"][2:9]]
    session = make(tmp_path / "s", {"a": dropped, "b": reset, "c": WHOLE["a"]})
    assert_finding(session, "warning", "a/depth", "3 frames dropped in 2 gaps, the longest 0.10 s after frame 7")
    assert_finding(session, "error", "b/depth", "does not advance at frame 8")
    assert_finding(session, "warning", "session.toml", "the longest 20, a/depth 17, b/depth 15")
    instants = [Instant(instant=k, time_us=k, index={"a/depth": k - 1, "c/depth": 0}, offset_us={}) for k in range(3)]
    write_instants(session.path("sync", "frames.parquet"), instants)
    assert_finding(session, "warning", "a/depth", "no frame at 1 of 3 instants")
    assert_finding(session, "warning", "sync", "manifest.json")


def test_a_phone_of_twice_the_rate_has_twice_the_frames(tmp_path):
    session = make(tmp_path / "s", {**WHOLE, "phone": [k * 16_667 for k in range(40)]})
    faster = [replace(s, rate_hz=60.0) if s.device == "phone" else s for s in session.info.streams]
    assert found(Session(session.folder, replace(session.info, streams=faster))) == []


def test_cameras(tmp_path):
    session = make(tmp_path / "s", WHOLE, unplaced=["b/depth"], links={"calibration_from": "../gone"})
    assert_finding(session, "warning", "recording/cameras.json", "the place of b in the world is not known")
    assert_finding(session, "warning", "links.calibration_from", "no session at ../gone")
    camera = Camera(name="a/depth", K=np.diag([50.0, 50, 1]), width=32, height=48)
    write_cameras(session.path("recording", "cameras.json"), [camera], source="test")
    assert_finding(session, "error", "a/depth", "its camera is 32x48, its frames 64x48")
    assert_finding(session, "error", "b/depth", "has no camera")
    session.path("recording", "cameras.json").write_text("{")
    assert_finding(session, "error", "recording/cameras.json", "not a complete JSON")
    session.path("recording", "cameras.json").unlink()
    assert_finding(session, "error", "recording/cameras.json", "missing")


def test_leftovers_of_stages(tmp_path):
    session = make(tmp_path / "s", WHOLE)
    session.path("clouds").mkdir()
    session.path("clouds", "000000.npz").touch()
    session.path(".mesh.partial").mkdir()
    assert_finding(session, "warning", "clouds", "was not made by a stage")
    assert_finding(session, "warning", ".mesh.partial", "safe to delete")
    session.path("clouds", "manifest.json").touch()
    assert not [f for f in check_session(session) if f.where == "clouds"]


@pytest.fixture
def videos(tmp_path, video):
    for name in ("cam00", "cam01"):
        video.write(tmp_path / "take" / f"{name}.mp4", frames=8)
    cameras = [Camera(name=f"cam0{i}/color", K=np.diag([50.0, 50, 1]), width=64, height=48) for i in range(2)]
    write_cameras(tmp_path / "take" / "cameras.json", cameras, source="test")
    return import_recording(tmp_path / "take", tmp_path / "s")


def test_videos(videos, video):
    assert found(videos) == []
    path = videos.path("recording", "cam01.mp4")
    data = path.read_bytes()
    path.unlink()
    assert_finding(videos, "error", "recording/cam01.mp4", "is missing")
    path.write_bytes(data[: len(data) // 2])
    assert_finding(videos, "error", "recording/cam01.mp4", "cam01.mp4")
    video.write(path, frames=6, size=(32, 48))
    assert_finding(videos, "error", "cam01/color", "6 of 8 frames are there")
    assert_finding(videos, "error", "cam01/color", "pictures are 32x48")
    video.write(path, frames=9)
    assert_finding(videos, "note", "cam01/color", "1 frames after the first 8 are not used")


def test_worst_first(videos):
    videos.info.devices[0] = replace(videos.info.devices[0], note="scaled")
    videos.path("recording", "cam01.mp4").unlink()
    videos.path(".mesh.partial").mkdir()
    assert [f.level for f in check_session(videos)] == ["error", "warning", "note"]
