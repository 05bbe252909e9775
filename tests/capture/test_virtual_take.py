"""A simulated take on disk: the session of a real rig, the truth beside it, the same bytes from the same seed."""

import errno
import json
import multiprocessing
from dataclasses import replace

import numpy as np
import pytest
import trimesh

from body.loading import load_body_model
from body.parameters import BodyParameters
from capture.errors import CaptureError
from capture.mcap_recording import McapWriter
from capture.session import Session
from capture.virtual.board import board_take
from capture.virtual.clocks import ClockEffects
from capture.virtual.config import SimulationConfig
from capture.virtual.figure import Figure
from capture.virtual.scene import Thing
from capture.virtual.simulate import simulate
from capture.virtual.subject import Subject, choose_betas
from capture.virtual.truth import Truth
from geometry.camera_files.azure_kinect import parse_kinect_calibration
from geometry.depth import depth_to_points
from geometry.rays import RayScene
from geometry.rigid import transform

CONFIG = SimulationConfig(cameras=2, clip="wave", background_frames=1, seed=3)
THICKNESS = 0.01
STREAMS = ["kinect_000/color", "kinect_000/depth", "kinect_001/color", "kinect_001/depth"]


def _subject(config: SimulationConfig, frames: int = 2) -> Subject:
    """Stands at the ring's centre and lifts an arm."""
    model = load_body_model()
    betas = choose_betas(config, model)
    pose = np.zeros((frames, 69))
    pose[:, 3 * 16 - 3 + 2] = np.linspace(-1.2, -0.9, frames)  # left shoulder
    upright = np.tile([np.pi / 2, 0, 0], (frames, 1))
    parameters = BodyParameters(betas=betas, global_orient=upright, body_pose=pose, transl=np.zeros((frames, 3)))
    lowest = model.pose(parameters).vertices[..., 2].min() - THICKNESS  # soles below the floor would not be seen
    parameters = replace(parameters, transl=np.tile([0, 0, -lowest], (frames, 1)))
    texture = np.random.default_rng(0).integers(60, 200, (64, 64, 3), np.uint8)
    offsets = np.where(model.v_template[:, 1] < -0.3, THICKNESS, 0.0)  # trousers and shoes
    return Subject.of(model, parameters, texture=texture, offsets=offsets)


@pytest.fixture(scope="module")
def subject():
    return _subject(CONFIG)


@pytest.fixture(scope="module")
def take(tmp_path_factory, subject) -> Session:
    return simulate(tmp_path_factory.mktemp("virtual") / "take", CONFIG, subject, workers=1)


@pytest.fixture(scope="module")
def exact(tmp_path_factory, subject) -> Session:
    config = replace(CONFIG, cameras=1, noise=False, background_frames=0)
    return simulate(tmp_path_factory.mktemp("virtual") / "exact", config, subject, workers=1)


def _payloads(session: Session) -> dict[tuple[str, int], bytes]:
    recording = session.recording("recording/rig.mcap")
    return {(name, k): recording.read(f"/{name}", k).data for name in session.streams for k in range(2)}


def _surface_mm(session: Session, dressed: bool = True) -> np.ndarray:
    """Distance to the true surface of every depth pixel whose ray meets the person."""
    truth, cameras, distances = Truth.open(session), session.recorded_cameras(), []
    for instant in range(truth.frames):
        seen = RayScene.of(truth.mesh(instant))
        scene = RayScene.of(truth.mesh(instant, dressed=dressed))
        for stream in session.of_kind("depth"):
            camera = cameras[stream]
            depth = np.where(seen.cast_camera(camera).face >= 0, session.frame(stream, instant).payload, np.nan)
            p_camera = depth_to_points(depth.astype(np.float64), camera)
            p_world = transform(camera.T_world_camera, p_camera[np.isfinite(p_camera[..., 2])])
            distances.append(1000 * scene.closest(p_world).distance)
    return np.concatenate(distances)


def test_the_session_is_that_of_a_real_rig(take):
    session = Session.open(take.folder)
    assert list(session.streams) == STREAMS
    assert session.info.origin == "virtual"
    assert session.info.action == "wave"
    assert [device.sync for device in session.info.devices] == ["master", "subordinate"]
    assert session.frame("kinect_001/color", 1).payload.shape == (720, 1280, 3)
    depth = session.frame("kinect_001/depth", 1).payload
    assert depth.shape == (576, 640)
    assert depth.dtype == np.float32
    assert 0.1 < np.isfinite(depth).mean() < 0.9
    assert not [path for path in session.folder.iterdir() if path.name.startswith(".")]


def test_timestamps_are_those_that_were_simulated(take):
    for stream in take.streams:
        device_us, host_us = take.timestamps_us(stream)
        assert list(np.diff(device_us)) == [33333]
        assert (host_us > device_us).all()
        pulse_us = np.load(take.path("truth", "body", "person00.npz"))["time_us"]
        delay_us = 160 if stream == "kinect_001/depth" else 0
        assert list(device_us) == list(pulse_us + delay_us)
        assert take.streams[stream].delay_us == delay_us


@pytest.mark.slow
def test_delayed_depth_shows_the_body_as_it_was_then(tmp_path, subject):
    """A body that moves at 2 m/s towards the second camera is 2 mm nearer when it exposes 1 ms later."""
    model = load_body_model()
    config = replace(CONFIG, noise=False, background_frames=0, depth_stagger_us=1000)
    way = subject.parameters.transl + np.array([[0.0, 0, 0], [-2.0 / 30, 0, 0]])
    outfit = {"texture": np.full((8, 8, 3), 99, np.uint8), "offsets": np.zeros(model.vertex_count)}
    moving = Subject.of(model, replace(subject.parameters, transl=way), **outfit)
    truth = Truth.open(simulate(tmp_path / "take", config, moving, workers=1))
    camera = truth.cameras()["kinect_001/depth"]
    mesh = truth.mesh(0)
    moved = replace(mesh, vertices=mesh.vertices + 1e-3 * 30 * (truth.mesh(1).vertices - mesh.vertices))
    depth = truth.depth("kinect_001/depth", 0)
    errors = []
    for surface in (moved, mesh):
        hits = RayScene.of(surface).cast_camera(camera)
        errors.append(np.nanmedian(np.abs(depth - hits.t)[hits.face >= 0]))
    assert errors[0] < 1e-4  # tenths of a millimetre, rounded
    assert errors[1] == pytest.approx(2e-3, rel=0.2)  # 2 m/s for 1 ms, nearly along the axis


def test_factory_calibrations_are_attached(take):
    recording = take.recording("recording/rig.mcap")
    cameras = take.recorded_cameras()
    for device in ("kinect_000", "kinect_001"):
        raw = recording.attachments[f"{device}/calibration.json"]
        calibration = parse_kinect_calibration(raw, device)
        assert calibration.serial == take.devices[device].serial
        assert np.allclose(calibration.color_camera("720P").K, cameras[f"{device}/color"].K, rtol=0, atol=1e-9)


def test_truth_and_recorded_cameras_agree(take):
    truth, recorded = Truth.open(take).cameras(), take.recorded_cameras()
    assert list(truth) == list(recorded) == STREAMS
    for name in STREAMS:
        assert np.array_equal(truth[name].T_world_camera, recorded[name].T_world_camera)


def test_truth_gives_the_simulated_body_back(take, subject):
    truth = Truth.open(take)
    assert truth.frames == 2
    assert truth.config() == CONFIG
    parameters = truth.parameters()
    for name in ("betas", "global_orient", "body_pose", "transl"):
        assert np.array_equal(getattr(parameters, name), getattr(subject.parameters, name))
    assert np.array_equal(truth.joints(), subject.joints)
    for instant in range(2):
        assert truth.body_vertices(instant) == pytest.approx(subject.vertices[instant], abs=1e-9)
        thickness = np.linalg.norm(truth.mesh(instant).vertices - truth.body_vertices(instant), axis=-1)
        assert np.unique(thickness.round(6)) == pytest.approx([0, THICKNESS])  # float32 on disk
        assert np.array_equal(truth.mesh(instant, dressed=False).vertices, truth.body_vertices(instant))
    assert truth.mesh(0).texture is not None


def test_exact_depth_lies_on_the_dressed_body(exact):
    dressed, bare = _surface_mm(exact), _surface_mm(exact, dressed=False)
    assert len(dressed) > 30000
    assert dressed.max() < 0.58  # half a millimetre along the axis, more along a ray up to 30 degrees off it
    assert bare.mean() > 1.0  # the clothes are there


def test_noisy_depth_lies_on_the_dressed_body_within_the_noise(take):
    distances = _surface_mm(take)
    assert np.median(distances) < 2.5  # sigma is about 2.3 mm, plus a bias of about 1 mm for each device
    assert np.mean(distances[distances < 50]) < 3.0
    assert (distances > 50).mean() < 0.03  # flying pixels: about a quarter of the outline, which is 6 % of the body


def test_clean_depth_is_the_depth_without_noise(take, exact):
    truth = Truth.open(take)
    clean, measured = truth.depth("kinect_000/depth", 1), exact.frame("kinect_000/depth", 1).payload
    both = np.isfinite(measured)
    assert np.abs(clean - measured)[both].max() < 0.56e-3  # a millimetre and a tenth of one, rounded
    assert np.isfinite(clean)[both].all()


def test_colour_shows_the_person_where_the_truth_is(take):
    truth, cameras = Truth.open(take), take.recorded_cameras()
    background = Session.open(take.path(take.info.links["background_from"]))
    for stream in take.of_kind("color"):
        person = RayScene.of(truth.mesh(0)).cast_camera(cameras[stream]).face >= 0
        empty = background.frame(stream, 0).payload.astype(int)
        changed = np.abs(take.frame(stream, 0).payload - empty).max(-1) > 40
        assert changed[person].mean() > 0.5
        rows = slice(0, int(np.flatnonzero(person.any(1))[0]))  # above the head: no shadow there
        assert changed[rows].mean() < 1e-3


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes_in_other_processes_and_in_a_smaller_rig(tmp_path, take, subject):
    config = replace(CONFIG, cameras=1, background_frames=0)
    again = simulate(tmp_path / "again", config, subject, workers=2)
    payloads = _payloads(take)
    assert _payloads(again) == {key: data for key, data in payloads.items() if key[0].startswith("kinect_000")}
    assert len(set(payloads.values())) == 8
    clean = "truth/depth/kinect_000/depth/000001.png"
    assert (again.folder / clean).read_bytes() == (take.folder / clean).read_bytes()


def test_another_seed_gives_another_body():
    model = load_body_model()
    first, second = (choose_betas(SimulationConfig(seed=seed), model) for seed in (0, 1))
    assert len(first) == model.shape_count
    assert np.abs(first).max() <= 2
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("height_m", [1.55, 1.9])
def test_a_height_is_reached(height_m):
    model = load_body_model()
    y = model.shaped(choose_betas(SimulationConfig(seed=1, height_m=height_m), model))[:, 1]
    assert y.max() - y.min() == pytest.approx(height_m, abs=1e-4)


def test_given_betas_are_filled_with_zeros_and_too_many_are_an_error():
    model = load_body_model()
    assert list(choose_betas(SimulationConfig(betas=(1.0, -1.0)), model)) == [1.0, -1.0] + 14 * [0.0]
    with pytest.raises(CaptureError, match=r"17 betas given.*has 16"):
        choose_betas(SimulationConfig(betas=17 * (0.0,)), model)


def test_an_existing_folder_is_refused_and_left_alone(tmp_path, subject):
    (tmp_path / "take").mkdir()
    (tmp_path / "take" / "notes.txt").write_text("mine")
    with pytest.raises(CaptureError, match="never overwrites"):
        simulate(tmp_path / "take", CONFIG, subject, workers=1)
    assert [path.name for path in (tmp_path / "take").iterdir()] == ["notes.txt"]


@pytest.mark.slow
def test_a_full_disk_keeps_the_instants_that_are_whole(tmp_path, subject, monkeypatch):
    """The third frame set of the take cannot be written: two whole ones and their truth stay."""
    config = replace(CONFIG, cameras=1, background_frames=1)
    longer = _subject(CONFIG, frames=4)
    write, written = McapWriter.write, []

    def fails_later(self: McapWriter, topic: str, data: bytes, **times: int) -> None:
        if len(written) == 2 + 2 * 2 + 1:  # background, two instants, and the colour frame of the third
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(topic)
        write(self, topic, data, **times)
        self.flush()  # as after a second

    monkeypatch.setattr(McapWriter, "write", fails_later)
    with pytest.raises(CaptureError, match="the disk is full; 2 of 4 instants are whole and kept"):
        simulate(tmp_path / "take", config, longer, workers=1)
    assert [path.name for path in tmp_path.iterdir()] == ["take"]
    session = Session.open(tmp_path / "take")
    assert {name: stream.frames for name, stream in session.streams.items()} == {
        "kinect_000/color": 3,
        "kinect_000/depth": 2,
    }
    assert session.frame("kinect_000/depth", 1).payload.shape == (576, 640)
    truth = Truth.open(session)
    assert truth.frames == len(truth.parameters()) == len(truth.joints()) == 2
    assert [path.stem for path in sorted(session.path("truth", "depth", "kinect_000", "depth").iterdir())] == [
        "000000",
        "000001",
    ]


def test_a_disk_that_is_full_at_once_leaves_nothing(tmp_path, subject, monkeypatch):
    def full(folder: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("capture.virtual.simulate.Reserve.of", full)
    with pytest.raises(CaptureError, match="the disk is full before anything was whole"):
        simulate(tmp_path / "take", CONFIG, subject, workers=1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_background_has_what_stands_in_the_room_and_not_what_moves(tmp_path, subject):
    """Without furniture in the background, a later stage would take it for the person."""
    shape = trimesh.creation.box((0.4, 0.4, 0.8))
    uv = np.zeros((1, 2), np.float32)
    figure = Figure(
        faces=shape.faces, uv=uv, uv_faces=np.zeros_like(shape.faces), texture=np.full((4, 4, 3), 200, np.uint8)
    )
    box = Thing(name="box", figure=figure, vertices=(shape.vertices + [0.0, 0.9, 0.4])[None].astype(np.float32))
    swings = Thing(name="swings", figure=figure, vertices=np.repeat(box.vertices - [0.0, 1.8, 0.0], 2, 0))
    config = replace(CONFIG, cameras=1, noise=False)
    session = simulate(tmp_path / "take", config, subject, things=[box, swings], workers=1)
    background = Session.open(session.path(session.info.links["background_from"]))
    truth = Truth.open(session)
    depth, empty = (s.frame("kinect_000/depth", 0).payload for s in (session, background))
    mask = truth.mask("kinect_000/depth", 0)
    both = np.isfinite(depth) & np.isfinite(empty)
    for owner, differs in ((1, True), (2, False), (3, True)):  # the person, the box, what moves
        part = (mask == owner) & both
        assert (mask == owner).sum() > 2000
        assert (np.abs(depth - empty)[part] > 0.02).mean() == pytest.approx(float(differs), abs=0.02)
    assert truth.thing("thing00")["name"] == "box"
    with pytest.raises(CaptureError, match=r"box \(thing00\) has no pose; boards and boxes have"):
        truth.thing_poses("thing00")


@pytest.mark.slow
def test_the_pose_of_a_board_is_in_the_truth(tmp_path):
    config = replace(CONFIG, cameras=1, background_frames=0, seconds=0.1, noise=False, scenario="board")
    thing, motion = board_take(config)
    session = simulate(
        tmp_path / "take", config, things=[replace(thing, T_world_thing=motion.T_world_board)], workers=1
    )
    assert session.info.action == "board"
    assert Truth.open(session).thing_poses("thing00") == pytest.approx(motion.T_world_board)


@pytest.mark.slow
def test_streams_that_lose_every_frame_are_an_error(tmp_path, subject):
    config = replace(CONFIG, cameras=1, clocks=replace(ClockEffects.quiet(), drop_rate=0.999))
    with pytest.raises(CaptureError, match="every frame of kinect_000/color, kinect_000/depth is lost"):
        simulate(tmp_path / "take", config, subject, workers=1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_an_empty_room_is_a_take_of_its_own(tmp_path):
    config = replace(CONFIG, cameras=1, background_frames=0, seconds=0.1, noise=False)
    session = simulate(tmp_path / "take", config, workers=1)
    truth = Truth.open(session)
    assert truth.people == []
    assert truth.frames == session.streams["kinect_000/depth"].frames == 3
    depth, measured = truth.depth("kinect_000/depth", 2), session.frame("kinect_000/depth", 2).payload
    assert np.nanmax(np.abs(depth - measured)) < 0.56e-3  # a millimetre and a tenth of one, rounded
    assert not truth.mask("kinect_000/color", 2).any()
    with pytest.raises(CaptureError, match="has no person00; it has nobody"):
        truth.joints()


@pytest.mark.slow
def test_an_interrupted_simulation_leaves_nothing(tmp_path, subject):
    def interrupt(done: int, total: int) -> None:
        assert total == 4
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(tmp_path / "take", replace(CONFIG, cameras=1), subject, workers=1, on_progress=interrupt)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_process_that_dies_is_named_and_leaves_nothing(tmp_path, subject):
    def kill(done: int, total: int) -> None:
        for process in multiprocessing.active_children():
            process.kill()

    with pytest.raises(CaptureError, match="one of 2 rendering processes ended by itself"):
        simulate(tmp_path / "take", replace(CONFIG, cameras=1), subject, workers=2, on_progress=kill)
    assert list(tmp_path.iterdir()) == []


def test_truth_of_a_session_that_was_not_simulated_or_of_another_body(tmp_path, take):
    Session.create(tmp_path / "real", streams=[], origin="videos")
    with pytest.raises(CaptureError, match="it was not simulated"):
        Truth.open(tmp_path / "real")
    other = replace(load_body_model(), sha256="0" * 64, name="other")
    with pytest.raises(CaptureError, match="not with this 'other'"):
        Truth.open(take, other).body_vertices(0)
    with pytest.raises(CaptureError, match="has 2 instants in truth/, there is no 2"):
        Truth.open(take).body_vertices(2)


@pytest.mark.slow
def test_a_body_outside_the_model_and_a_second_person_are_kept_whole(tmp_path, subject):
    model = load_body_model()
    rest = model.shaped(subject.parameters.betas) * [1.05, 1.0, 1.1]  # wider than any betas make it
    outfit = {"texture": np.full((32, 32, 3), 120, np.uint8), "offsets": np.full(model.vertex_count, 0.02)}
    aside = replace(subject.parameters, transl=subject.parameters.transl + [0.0, 1.0, 0.0])
    other = Subject.of(model, aside, rest_vertices=rest, name="body_007", **outfit)
    config = replace(CONFIG, cameras=1, background_frames=0, noise=False)
    truth = Truth.open(simulate(tmp_path / "two", config, [subject, other], workers=1))
    assert truth.people == ["person00", "person01"]
    assert truth.exact("person00")
    assert not truth.exact("person01")
    assert truth.rest_vertices("person01") == pytest.approx(rest, abs=1e-6)
    assert truth.body_vertices(1, "person01") == pytest.approx(other.vertices[1], abs=1e-6)
    assert np.array_equal(truth.joints("person01"), other.joints)
    assert np.abs(other.vertices[1] - model.pose(aside).vertices[1]).max() > 0.01  # betas do not describe it
    scene = json.loads(truth.session.path("truth", "scene.json").read_text())
    assert scene["people"]["person01"]["subject"] == "body_007"
    # vertices pushed along their normals come nearer to other skin in creases alone
    assert scene["people"]["person01"]["distance_to_skin_mm"]["median"] == pytest.approx(20, abs=0.5)
    for stream, camera in truth.cameras().items():
        hits = [RayScene.of(truth.mesh(1, person=person)).cast_camera(camera).t for person in truth.people]
        nearest = np.where(np.isnan(hits).all(0), 0, 1 + np.nan_to_num(np.array(hits), nan=np.inf).argmin(0))
        mask = truth.mask(stream, 1)
        assert (mask == 2).sum() > 1000
        assert (mask != nearest).sum() < 0.01 * (nearest > 0).sum()  # edges of faces, 0.01 px
        if stream.endswith("depth"):
            there = np.where(nearest > 0, np.fmin(*hits), np.nan)
            assert np.nanquantile(np.abs(truth.depth(stream, 1) - there), 0.99) < 1e-4
    with pytest.raises(CaptureError, match="has no person02; it has person00, person01"):
        truth.joints("person02")
