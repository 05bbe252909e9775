"""A take with a phone, a RealSense unit and faulty clocks: one session, truth beside it, playable and pairable."""

import errno
import json
from dataclasses import replace

import numpy as np
import pytest

from capture.checking import check_session
from capture.errors import CaptureError
from capture.frame_sets import HOLE, write_instants
from capture.mcap_recording import McapWriter
from capture.session import INSTANTS as SYNCED
from capture.session import Session
from capture.synchronisation import session_frame_sets
from capture.virtual.baked_room import BakedRoom
from capture.virtual.clocks import ClockEffects
from capture.virtual.config import SimulationConfig
from capture.virtual.figure import Figure
from capture.virtual.other_rendering import OtherRenderer
from capture.virtual.rig_playback import open_virtual_devices
from capture.virtual.scene import Thing
from capture.virtual.simulate import simulate
from capture.virtual.true_frames import read_true_frames, recorded_exposures, true_instants
from capture.virtual.truth import Truth
from geometry.camera_files.cameras_json import read_cameras

CONFIG = SimulationConfig(
    cameras=2,
    scenario="empty",
    seconds=0.2,
    phones=1,
    realsense=1,
    background_frames=0,
    noise=False,
    seed=6,
    clocks=ClockEffects(drop_rate=0.2, start_frames=2, stall_device="kinect_001", stall_at_s=0.06, stall_s=0.07),
)
INSTANTS = 6
WIRED = ["kinect_000/color", "kinect_000/depth", "kinect_001/color", "kinect_001/depth"]
FREE = ["iphone_000/color", "iphone_000/depth", "iphone_000/imu", "realsense_000/color", "realsense_000/depth"]

pytestmark = pytest.mark.slow


def _pillar() -> Thing:
    """A tetrahedron in the middle of the room."""
    corners = np.array([[0, 0, 1.6], [0.4, 0, 0], [-0.3, 0.4, 0], [-0.3, -0.4, 0]], np.float32)
    faces = np.array([[0, 1, 2], [0, 2, 3], [0, 3, 1], [1, 3, 2]], np.int32)
    uv = np.array([[0, 0], [1, 0], [1, 1]], np.float32)
    texture = np.full((8, 8, 3), (40, 160, 60), np.uint8)
    figure = Figure(faces=faces, uv=uv, uv_faces=np.tile(np.arange(3, dtype=np.int32), (4, 1)), texture=texture)
    return Thing(name="pillar", figure=figure, vertices=corners[None])


def _coarse(renderer, room):
    """Bakes the room in a tenth of the time."""
    BakedRoom.of(room, texel_m=0.03).save(renderer._folder)


@pytest.fixture(scope="module")
def take(tmp_path_factory) -> Session:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OtherRenderer, "prepare", _coarse)
        return simulate(tmp_path_factory.mktemp("whole") / "take", CONFIG, things=[_pillar()], workers=1)


def test_one_session_has_all_streams(take):
    assert list(take.streams) == [*WIRED, *FREE]
    assert {name: d.clock for name, d in take.devices.items()} == {
        "kinect_000": "session",
        "kinect_001": "session",
        "iphone_000": "iphone_000",
        "realsense_000": "realsense_000",
    }
    assert [f.text for f in check_session(take) if f.level == "error"] == []
    assert take.recorded_camera_file().unplaced == {"iphone_000/color", "iphone_000/depth"}
    placed = read_cameras(take.path("truth", "other_cameras.json"))
    assert list(placed) == ["realsense_000/color", "realsense_000/depth"]
    assert Truth.open(take).config() == CONFIG
    assert set(json.loads(take.path("truth", "other_devices.json").read_text())) == {"iphone_000", "realsense_000"}
    assert not list(take.folder.glob(".*"))


def test_every_recorded_frame_has_its_truth(take):
    for stream, info in take.streams.items():
        truth = read_true_frames(take, stream)
        exposures = recorded_exposures(truth)
        assert info.frames == len(exposures)
        assert np.array_equal(take.timestamps_us(stream)[0], truth.device_us[exposures])
        for exposure in exposures if info.kind == "depth" else ():
            clean = take.path("truth", "depth", stream, f"{exposure:06d}.png")
            assert clean.exists()
        for exposure in exposures if info.kind in ("color", "depth") else ():
            assert take.path("truth", "masks", stream, f"{exposure:06d}.png").exists()
    clocks = json.loads(take.path("truth", "clocks.json").read_text())
    assert set(clocks) == {"kinect_000", "kinect_001", "iphone_000", "realsense_000"}
    assert clocks["kinect_000"]["offset_us"] == clocks["kinect_001"]["offset_us"]
    assert clocks["kinect_001"]["stall_us"] == [60000, 130000]
    assert clocks["iphone_000"]["stall_us"] is None


def test_depth_shows_the_pillar_to_all(take):
    """Perfect sensors: depth within half a millimetre of the truth where the mask has the pillar."""
    truth = Truth.open(take)
    for stream in ("kinect_000/depth", "iphone_000/depth", "realsense_000/depth"):
        for index, exposure in enumerate(recorded_exposures(read_true_frames(take, stream)).tolist()[:2]):
            there = truth.mask(stream, exposure) == 1
            assert there.sum() > 300
            error = np.abs(take.frame(stream, index).payload - truth.depth(stream, exposure))[there]
            assert np.nanmax(error) < 0.56e-3


def test_free_clocks_are_matched(take):
    """0.2 s of arrivals that are 1.5 ms late in the mean tell the offset to within the latest of them."""
    clocks = json.loads(take.path("truth", "clocks.json").read_text())["kinect_000"]
    sets = session_frame_sets(take)
    for stream in (s for s in FREE if not s.endswith("imu")):
        truth = read_true_frames(take, stream)
        exposed = truth.exposed_us[recorded_exposures(truth)]
        for found in (i for i in sets.instants if i.has(stream)):
            session_us = found.time_us + found.offset_us[stream] - clocks["offset_us"]
            assert abs(session_us / (1 + 1e-6 * clocks["skew_ppm"]) - exposed[found.index[stream]]) < 5000


def test_pairing_finds_the_instants(take):
    sets = session_frame_sets(take, without={"iphone_000", "realsense_000"})
    exposures = {stream: recorded_exposures(read_true_frames(take, stream)) for stream in WIRED}
    lost = sum(not read_true_frames(take, s).delivered[k] for s in WIRED for k in range(INSTANTS))
    assert lost > 4
    used = 0
    for found in sets.instants:
        instants = {int(exposures[s][k]) for s, k in found.index.items() if k != HOLE}
        assert len(instants) == 1
        used += sum(k != HOLE for k in found.index.values())
    assert used == INSTANTS * len(WIRED) - lost
    write_instants(take.path(*SYNCED), sets.instants)
    true = true_instants(take)
    for found, instant in zip(sets.instants, true):
        assert {int(exposures[s][k]) for s, k in found.index.items() if k != HOLE} == {instant}
    assert (true != np.arange(len(true))).any()


def test_all_devices_play(take):
    players = open_virtual_devices(take.folder, speed=np.inf)
    assert [player.name for player in players] == ["kinect_000", "kinect_001", "iphone_000", "realsense_000"]
    for player in players:
        player.open()
    for player in reversed(players):
        player.start()
    counts = {player.name: len(list(player.frames())) for player in players}
    for player in players:
        player.close()
    assert counts == {name: sum(s.frames for s in take.streams.values() if s.device == name) for name in take.devices}


@pytest.mark.slow
def test_others_do_not_change_what_the_kinects_see(tmp_path, take):
    alone = simulate(tmp_path / "alone", replace(CONFIG, phones=0, realsense=0), things=[_pillar()], workers=1)
    for stream in WIRED:
        for index in range(take.streams[stream].frames):
            topic = f"/{stream}"
            assert alone.recording("recording/rig.mcap").read(topic, index) == take.recording(
                "recording/rig.mcap"
            ).read(topic, index)


@pytest.mark.slow
def test_a_disk_that_fills_up_while_the_phone_is_written_leaves_the_kinects_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(OtherRenderer, "prepare", _coarse)
    write = McapWriter.write

    def full(writer, topic, data, *, device_us, host_us):
        if writer.counts.get("/iphone_000/imu", 0) == 3:
            raise OSError(errno.ENOSPC, "no space left on device")
        write(writer, topic, data, device_us=device_us, host_us=host_us)

    monkeypatch.setattr(McapWriter, "write", full)
    config = replace(CONFIG, cameras=1, realsense=0, clocks=None)
    with pytest.raises(CaptureError, match="the disk is full"):
        simulate(tmp_path / "take", config, things=[_pillar()], workers=1)
    session = Session.open(tmp_path / "take")
    assert session.streams["kinect_000/depth"].frames == INSTANTS
    for stream, info in session.streams.items():
        assert len(read_true_frames(session, stream).delivered) >= info.frames
        if info.frames:
            session.frame(stream, info.frames - 1)
    assert Truth.open(session).frames == INSTANTS
