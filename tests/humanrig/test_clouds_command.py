"""The stage and the command `clouds` on a small take: figures, warnings, resuming, processes and bad input."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from calibration.given import write_calibration
from calibration.rig import RigCalibration
from capture import depth_codec
from capture.frame_sets import Instant, write_instants
from capture.mcap_recording import McapWriter
from capture.session import Session
from capture.session_info import StreamInfo
from geometry.camera import Camera
from geometry.depth import encode_depth_mm
from geometry.rays import ray_table
from geometry.rigid import look_at
from humanrig import manifest
from humanrig.cli import main
from humanrig.commands.clouds import sentences
from humanrig.stage import StageContext
from humanrig.stages import cloud_instants, clouds
from registration.clouds.files import cloud_path, read_cloud
from registration.errors import RegistrationError
from registration.masks.files import mask_path, write_people

K = np.array([[120.0, 0, 79.5], [0, 120, 59.5], [0, 0, 1]])
CAMERAS, INSTANTS = 6, 3
RADIUS_M = 0.3


def _cameras() -> dict[str, Camera]:
    found = {}
    for n in range(CAMERAS):
        angle = 2 * np.pi * n / CAMERAS
        pose = look_at(np.array([2 * np.cos(angle), 2 * np.sin(angle), 1.2]), np.array([0, 0, 1.0]))
        name = f"kinect_{n:03d}/depth"
        found[name] = Camera(name=name, K=K, width=160, height=120, T_world_camera=pose)
    return found


def _ball(camera: Camera) -> np.ndarray:
    """Depth of a ball a metre above the origin, NaN beside it."""
    xy = ray_table(camera)
    v = np.concatenate([xy, np.ones((*xy.shape[:2], 1))], -1) @ camera.T_world_camera[:3, :3].T
    to = camera.center - np.array([0, 0, 1.0])
    a, b, c = (v * v).sum(-1), v @ to, to @ to - RADIUS_M**2
    with np.errstate(invalid="ignore"):
        return (-b - np.sqrt(b * b - a * c)) / a


@pytest.fixture
def take(tmp_path: Path) -> Session:
    """Six depth cameras around a ball; masks are made, instant 2 shows nobody."""
    cameras = _cameras()
    with McapWriter(tmp_path / "rig.mcap") as writer:
        for name, camera in cameras.items():
            writer.add_stream(f"/{name}", "dzp")
            for i in range(INSTANTS):
                payload = depth_codec.encode(encode_depth_mm(_ball(camera)))
                writer.write(f"/{name}", payload, device_us=33_333 * i, host_us=33_333 * i)
                whose = np.where(np.isfinite(_ball(camera)) & (i < 2), 0, -1)
                write_people(mask_path(tmp_path / "masks", name, i), whose)
    streams = [
        StreamInfo(
            name=n, kind="depth", file="rig.mcap", encoding="dzp", frames=3, topic=f"/{n}", width=160, height=120
        )
        for n in cameras
    ]
    session = Session.create(tmp_path, streams=streams, origin="virtual")
    (tmp_path / "sync").mkdir()
    offsets = {name: 160 * n for n, name in enumerate(cameras)}
    index = [dict.fromkeys(cameras, i) for i in range(INSTANTS)]
    instants = [Instant(instant=i, time_us=33_333 * i, index=index[i], offset_us=offsets) for i in range(INSTANTS)]
    write_instants(session.path("sync", "frames.parquet"), instants)
    (tmp_path / "calibration").mkdir()
    _calibrate(session, cameras)
    (tmp_path / "out").mkdir()
    return session


def _calibrate(session: Session, cameras: dict[str, Camera]) -> None:
    write_calibration(session.path("calibration", "cameras.json"), RigCalibration(cameras=cameras, source="test"))


def _context(session: Session, instants: list[int], output: Path, **options) -> StageContext:
    return StageContext(
        session=session,
        output=output,
        config=clouds.CloudsConfig(**{"workers": 1, "multipath": 0, **options}),
        instants=instants,
        without=frozenset(),
        progress=lambda done, total: None,
    )


def _run(session: Session, instants: list[int], **options) -> dict:
    return clouds.run(_context(session, instants, session.path("out"), **options))


def test_the_stage_writes_clouds_with_times_and_says_what_was_removed(take):
    figures = _run(take, [0, 1])
    cloud = read_cloud(cloud_path(take.path("out"), 1))
    assert np.abs(np.linalg.norm(cloud.points - [0, 0, 1], axis=1) - RADIUS_M).mean() < 1e-3  # millimetres on disk
    assert (cloud.time_us == 33_333 + 160 * cloud.camera.astype(int)).all()
    assert figures["points"] > 2000
    assert figures["warnings"] == []
    assert figures["empty"] == []
    seen, kept, removed = (figures[k] for k in ("seen", "kept", "removed"))
    lost = removed["edge"] + removed["unconfirmed"] + removed["carved"]
    assert sum(seen.values()) == pytest.approx(sum(kept.values()) + lost, abs=CAMERAS)  # rounded means
    assert not take.path("cache", "clouds").exists()
    text = sentences(figures)
    assert "points an instant" in text[0]
    assert len(text) == 2 + CAMERAS


def test_an_instant_without_anybody_is_an_error_that_names_it_unless_allowed(take):
    with pytest.raises(RegistrationError, match="instant 2: the cloud is empty"):
        _run(take, [0, 1, 2])
    figures = _run(take, [0, 1, 2], allow_empty=True)
    assert figures["empty"] == [2]
    assert not cloud_path(take.path("out"), 2).exists()
    with pytest.raises(RegistrationError, match="instant 2"):
        _run(take, [2], allow_empty=True)


def test_an_interrupted_stage_goes_on_where_it_stopped(take, monkeypatch):
    with pytest.raises(RegistrationError):
        _run(take, [0, 1, 2])
    kept = sorted(path.name for path in take.path("cache", "clouds").rglob("*.npz"))
    assert kept == ["000000.npz", "000001.npz"]
    made = []
    fuse = cloud_instants.fuse
    monkeypatch.setattr(cloud_instants, "fuse", lambda *a: made.append(a[3]) or fuse(*a))
    figures = _run(take, [0, 1, 2], allow_empty=True)
    assert made == [2]
    assert figures["points"] > 2000
    _run(take, [0], voxel_m=0.02)
    assert made == [2, 0]  # another option, another cloud


def test_clouds_made_ahead_are_taken_and_the_outputs_are_the_same(take, monkeypatch):
    plain = _run(take, [0, 1])
    hashes = manifest.hash_outputs(take.path("out"))
    made = []
    fuse = cloud_instants.fuse
    monkeypatch.setattr(cloud_instants, "fuse", lambda *a: made.append(a[3]) or fuse(*a))
    for number in (1, 0):
        assert clouds.STAGE.ahead is not None
        clouds.STAGE.ahead.run(_context(take, [number], take.path("scratch")))
    assert made == [1, 0]
    assert _run(take, [0, 1]) == plain
    assert made == [1, 0]
    assert manifest.hash_outputs(take.path("out")) == hashes
    assert not take.path("cache", "clouds").exists()


def test_a_note_that_was_cut_off_is_no_finished_cloud(take, tmp_path):
    """A loss of power may leave the file beside a cloud empty: the cloud is made again."""
    streams = tuple(take.of_kind("depth"))
    maker = cloud_instants.CloudMaker(take, streams, cloud_instants.CloudConfig(), tmp_path)
    first = maker.make(0)
    assert first.points
    for text in ("", '{"points": 3}', "[]"):
        (tmp_path / "000000.json").write_text(text)
        assert maker.make(0).points == first.points


def test_a_cloud_that_was_cut_off_beside_its_note_is_made_again(take, tmp_path):
    maker = cloud_instants.CloudMaker(take, tuple(take.of_kind("depth")), cloud_instants.CloudConfig(), tmp_path)
    first = maker.make(0)
    whole = cloud_path(tmp_path, 0).read_bytes()
    cloud_path(tmp_path, 0).write_bytes(whole[: len(whole) // 2])
    assert maker.make(0) == first
    assert cloud_path(tmp_path, 0).read_bytes() == whole


def test_cameras_that_disagree_are_named(take):
    cameras = _cameras()
    name = "kinect_002/depth"
    T = cameras[name].T_world_camera.copy()
    T[:3, 3] += 0.15 * T[:3, 2]
    _calibrate(take, {**cameras, name: cameras[name].at(T)})
    warnings = _run(take, [0])["warnings"]
    assert len(warnings) == 1
    assert warnings[0].startswith(f"{name}: ")
    assert "--without kinect_002" in warnings[0]


@pytest.mark.slow
def test_several_processes_make_the_same_clouds(take):
    _run(take, [0, 1])
    one = read_cloud(cloud_path(take.path("out"), 0))
    _run(take, [0, 1], workers=2)
    two = read_cloud(cloud_path(take.path("out"), 0))
    assert np.array_equal(one.points, two.points)
    with pytest.raises(RegistrationError, match=r"clouds\.workers=0"):
        _run(take, [0], workers=0)


def test_the_command_refuses_a_session_without_depth(tmp_path, capsys):
    Session.create(tmp_path, streams=[], origin="videos")
    assert main(["clouds", str(tmp_path)]) == 1
    assert "no depth stream" in capsys.readouterr().err


def test_figures_are_json(take):
    assert json.loads(json.dumps(_run(take, [0])))["points"] > 0
