"""Phones and RealSense units in a take: what they see is what is there, when it was there, with clocks of their own."""

import json

import numpy as np
import pytest

from capture import depth_codec
from capture.checking import check_session
from capture.errors import CaptureError
from capture.iphone.message import PhoneMessage
from capture.session import RECORDED_CAMERAS, Session
from capture.virtual.backdrop import infrared_echo
from capture.virtual.baked_room import BakedRoom, pinhole_rays
from capture.virtual.clocks import ClockEffects
from capture.virtual.drawable import Studio
from capture.virtual.figure import Figure, motion_at
from capture.virtual.hand_held import HandHeld, hand_held_path
from capture.virtual.image_motion import image_motion
from capture.virtual.light import srgb_from_linear
from capture.virtual.motion_between import motion_between, vertices_at
from capture.virtual.other_devices import OtherDevicesConfig, draw_other_devices
from capture.virtual.other_recording import describe_recorded, record_other_devices, write_other_truth
from capture.virtual.other_rendering import OtherRenderer
from capture.virtual.other_sensors import UnitSensors
from capture.virtual.rig_playback import open_virtual_devices
from capture.virtual.room import NORMALS, draw_room
from capture.virtual.true_frames import read_true_frames, recorded_exposures
from capture.virtual.view import SUBPIXELS, View
from geometry.camera import Camera
from geometry.camera_files.cameras_json import write_cameras
from geometry.depth import depth_to_points
from geometry.rays import RayScene, ray_table
from geometry.rigid import look_at, transform

RATE_HZ, SECONDS = 30.0, 4 / 30
CORNERS = np.array([[x, y, z] for x in (-0.3, 0.3) for y in (-0.2, 0.2) for z in (0.5, 1.4)], np.float32)
QUADS = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
FACES = np.array([f for a, b, c, d in QUADS for f in ((a, b, c), (a, c, d))], np.int32)
SPEED_M_S = 1.5


@pytest.fixture(scope="module")
def room():
    return draw_room(np.random.default_rng(5))


@pytest.fixture(scope="module")
def baked(room):
    return BakedRoom.of(room, texel_m=0.012)


def _camera(width=160, height=120, f=100.0):
    K = np.array([[f, 0, (width - 1) / 2], [0, f, (height - 1) / 2], [0, 0, 1]])
    eye, target = np.array([1.7, -1.3, 1.3]), np.array([0.0, 0.1, 0.9])
    return Camera(name="test/color", K=K, width=width, height=height, T_world_camera=look_at(eye, target))


def test_a_baked_room_is_the_traced_room(room, baked):
    """A pixel covers 30 mm of a wall, so the mean of its rays is what both should give."""
    camera = _camera()
    view = View.of(camera)
    light = np.zeros((120, 160, 3))
    for offset in SUBPIXELS:
        hits = room.hit(camera.center, view.directions(view.whole, offset[None])[0])
        light += room.radiance(hits) / 4
    error = np.abs(baked.color(camera).astype(float) - srgb_from_linear(light))
    assert np.median(error) < 2.0
    assert (error > 25).mean() < 0.02  # gaps of planks and frames of posters: 6 mm lines in 30 mm pixels
    shadow = np.full((8, 8), 0.5, np.float32)
    ratio = baked.color(camera, shadow, 2.0) / baked.color(camera).astype(float)
    hits = room.hit(camera.center, view.directions(view.whole)[0])
    inside = (hits.side == 4) & (np.abs(hits.point[..., :2]) < 0.95).all(-1)
    assert np.median(ratio[inside]) == pytest.approx(0.5 ** (1 / 2.2), abs=0.01)
    assert np.all(ratio[(hits.side != 4) | (np.abs(hits.point[..., :2]) > 1.05).any(-1)] == 1)


def test_its_echo_is_that_of_the_traced_room(room, baked):
    camera = _camera()
    hits = room.hit(camera.center, View.of(camera).directions(View.of(camera).whole)[0])
    depth, amplitude = baked.echo(camera, 1)
    assert np.abs(depth - hits.t).max() < 1e-5  # float32 metres
    fine, _ = baked.echo(camera)
    assert fine.shape == (240, 320)
    assert fine.reshape(120, 2, 160, 2).mean((1, 3)) == pytest.approx(depth, rel=0.01)
    directions = View.of(camera).directions(View.of(camera).whole)[0]
    cosine = -np.einsum("hwc,hwc->hw", NORMALS[hits.side], directions) / np.linalg.norm(directions, axis=-1)
    expected = infrared_echo(room.albedo(hits), cosine, hits.t)
    assert np.median(np.abs(amplitude / expected - 1)) < 0.02
    assert np.array_equal(pinhole_rays(camera), ray_table(camera).astype(np.float32))


def test_motion_between_instants():
    rng = np.random.default_rng(0)
    times = np.arange(8) / RATE_HZ
    swing = np.sin(2 * np.pi * 2 * times)[:, None, None] * rng.normal(0, 1, (1, 5, 3))  # a limb at 2 Hz
    path = swing.astype(np.float32)
    assert np.array_equal(vertices_at(path, 1e6 * times[3], RATE_HZ), path[3])
    between = np.sin(2 * np.pi * 2 * 3.4 / RATE_HZ) / np.sin(2 * np.pi * 2 * times[3]) * path[3]
    cubic = np.abs(vertices_at(path, 3.4e6 / RATE_HZ, RATE_HZ) - between).max()
    linear = np.abs(0.6 * path[3] + 0.4 * path[4] - between).max()
    assert cubic < 0.1 * linear
    for time_us in (0.0, 1e6 * times[3], 4.3e6 / RATE_HZ):
        ends = [vertices_at(path, time_us + step, RATE_HZ) for step in (0, 100)]
        assert motion_between(path, time_us + 50, RATE_HZ).velocity == pytest.approx(
            (ends[1] - ends[0]) / 1e-4, abs=0.02
        )  # float32 over 100 us
    assert motion_between(path, 1e6 * times[3], RATE_HZ).velocity == pytest.approx(
        motion_at(path, 3, RATE_HZ).velocity, abs=1e-4
    )
    assert not motion_between(path, 9e6, RATE_HZ).velocity.any()
    assert np.array_equal(vertices_at(path, -5.0, RATE_HZ), path[0])
    assert np.array_equal(vertices_at(path, 9e6, RATE_HZ), path[-1])
    assert np.array_equal(vertices_at(path[:1], 1e4, RATE_HZ), path[0])


def _figure():
    uv = np.array([[0, 0], [1, 0], [1, 1]], np.float32)
    return Figure(
        faces=FACES,
        uv=uv,
        uv_faces=np.tile(np.arange(3, dtype=np.int32), (len(FACES), 1)),
        texture=np.full((8, 8, 3), (200, 40, 30), np.uint8),
    )


def _vertices():
    """A box that moves along x."""
    shift = np.arange(5)[:, None, None] * np.array([SPEED_M_S / RATE_HZ, 0, 0])
    return (CORNERS + shift).astype(np.float32)


@pytest.fixture(scope="module")
def take(tmp_path_factory, baked):
    """One phone and one unit watch the box; frames are lost."""
    folder = tmp_path_factory.mktemp("others") / "take"
    effects = ClockEffects(drop_rate=0.2, start_frames=1)
    devices = draw_other_devices(OtherDevicesConfig(phones=1, realsense=1, seed=4), seconds=SECONDS, clocks=effects)
    kept = {}
    renderer = OtherRenderer(
        devices,
        Studio.of(_figure()),
        _vertices(),
        rate_hz=RATE_HZ,
        folder=folder.with_name("room"),
        effects=False,
        keep_truth=lambda images: kept.update({(images.stream, images.exposure): images}),
    )
    baked.save(folder.with_name("room"))
    frames = (renderer.frame(number) for number in range(len(renderer.jobs)))
    record_other_devices(folder, devices, renderer.jobs, frames)
    recorded = describe_recorded(folder, devices)
    write_other_truth(folder, devices, effects=False, seed=0)
    write_cameras(folder.joinpath(*RECORDED_CAMERAS), recorded.cameras, source="test", unplaced=recorded.unplaced)
    session = Session.create(folder, streams=recorded.streams, devices=recorded.devices, origin="virtual")
    return session, devices, recorded, kept


def test_the_session_has_their_streams(take):
    session, _, recorded, _ = take
    sizes = {name: (s.kind, s.width, s.height, s.rate_hz) for name, s in session.streams.items()}
    assert sizes == {
        "iphone_000/color": ("color", 1920, 1440, 60.0),
        "iphone_000/depth": ("depth", 256, 192, 60.0),
        "iphone_000/imu": ("imu", None, None, 60.0),
        "realsense_000/color": ("color", 1280, 720, 30.0),
        "realsense_000/depth": ("depth", 848, 480, 30.0),
    }
    assert {d.name: d.clock for d in session.info.devices} == {n: n for n in ("iphone_000", "realsense_000")}
    assert list(recorded.unplaced) == ["iphone_000/color", "iphone_000/depth"]
    assert set(session.recorded_camera_file().cameras) == {name for name in sizes if not name.endswith("/imu")}
    assert [f for f in check_session(session) if f.level == "error"] == []
    color = session.frame("iphone_000/color", 0).payload
    assert color.shape == (1440, 1920, 3)


def test_times_are_those_of_their_own_clocks(take):
    session, devices, _, _ = take
    lost = 0
    for device in devices:
        for stream in device.clocked:
            truth = read_true_frames(session, stream)
            seen = recorded_exposures(truth)
            lost += len(truth.delivered) - len(seen)
            assert session.stream(stream).frames == len(seen)
            device_us, host_us = session.timestamps_us(stream)
            assert np.array_equal(device_us, truth.device_us[seen])
            assert np.array_equal(host_us - 40_000_000, truth.arrived_us[seen])
            expected = device.clock.offset_us + truth.exposed_us * (1 + 1e-6 * device.clock.skew_ppm)
            assert np.abs(truth.device_us - expected).max() < 5 * 6 + 1  # jitter's limit, rounding
            assert (truth.exposed_us >= 0).all()
            assert (truth.exposed_us <= 1e6 * SECONDS).all()
    assert lost >= 3
    with pytest.raises(CaptureError, match="has no stream 'iphone_009/color'"):
        read_true_frames(session, "iphone_009/color")


def _exposures(session, stream):
    return recorded_exposures(read_true_frames(session, stream)).tolist()


def _true_box(time_us):
    return CORNERS + np.array([SPEED_M_S * 1e-6 * time_us, 0, 0])


@pytest.mark.parametrize("name", ["iphone_000", "realsense_000"])
def test_depth_is_the_box_as_it_was_then(take, name):
    """Every recorded frame's points lie on the box at the true time of exposure, seen from the true place."""
    session, devices, _, kept = take
    device = next(d for d in devices if d.name == name)
    exposures = _exposures(session, f"{name}/depth")
    assert len(exposures) >= 2
    for index, exposure in enumerate(exposures):
        camera = device.depth_camera(exposure)
        depth = session.frame(f"{name}/depth", index).payload.astype(np.float64)
        images = kept[f"{name}/depth", exposure]
        box = RayScene(_true_box(device.exposed_us[exposure]).astype(np.float64), FACES)
        p_world = transform(camera.T_world_camera, depth_to_points(np.where(images.mask == 1, depth, np.nan), camera))
        p_world = p_world[np.isfinite(p_world[..., 2])]
        assert len(p_world) > 500
        assert box.closest(p_world).distance.max() < 0.7e-3  # half a millimetre of depth, along rays off the axis
        assert np.abs(images.depth_m - depth).max() < 0.51e-3
        late = RayScene(_true_box(device.exposed_us[exposure] + 16_667).astype(np.float64), FACES)
        assert late.closest(p_world).distance.max() > 5e-3  # a frame later it is elsewhere


def test_colour_is_red_where_the_box_is(take):
    session, devices, _, kept = take
    for device in devices:
        stream = f"{device.name}/color"
        for index, exposure in enumerate(_exposures(session, stream)):
            image, mask = session.frame(stream, index).payload.astype(int), kept[stream, exposure].mask
            red = image[..., 0] - image[..., 1] > 50
            assert red[mask == 1].mean() > 0.98
        exposure = _exposures(session, stream)[0]
        mask = kept[stream, exposure].mask
        small = device.color_camera(exposure).resized(320, 240 if device.moving else 180)  # 6x6 or 4x4 pixels in one
        step = 1920 // 320 if device.moving else 4
        inside = mask.reshape(small.height, step, small.width, step).mean((1, 3))
        box = RayScene(_true_box(device.exposed_us[exposure]).astype(np.float64), FACES).cast_camera(small).face >= 0
        assert (np.abs(inside - box) > 0.6).mean() < 1e-3


def test_the_phone_says_what_it_believes(take):
    session, devices, _, _ = take
    phone = devices[0]
    with np.load(session.path("truth", "phones", "iphone_000.npz")) as truth:
        poses, odometry, Ks = (truth[key] for key in ("Ts_world_camera", "Ts_odometry_camera", "Ks"))
    exposures = _exposures(session, "iphone_000/imu")
    for index, exposure in enumerate(exposures):
        frame = session.frame("iphone_000/imu", index)
        message = PhoneMessage.of(frame.payload)
        assert np.array_equal(message.K, Ks[exposure])
        assert round(1e6 * message.timestamp_s) == frame.device_us
        assert np.allclose(message.T_arkit_camera[:3, 3][[0, 2, 1]] * [1, -1, 1], odometry[exposure][:3, 3])
        assert np.array_equal(poses[exposure], phone.color_camera(exposure).T_world_camera)
        assert message.confidence.shape == (192, 256)
    json.dumps(session.frame("iphone_000/imu", 0).payload)


@pytest.mark.slow
def test_sensors_make_of_it_what_they_do(tmp_path, baked):
    """Errors of the sizes that docs/color_effects.md and docs/stereo_and_lidar_depth.md give; here: they are there."""
    devices = draw_other_devices(OtherDevicesConfig(phones=1, realsense=1, seed=4), seconds=SECONDS)
    kept = {}
    baked.save(tmp_path / "room")
    renderer = OtherRenderer(
        devices,
        Studio.of(_figure()),
        _vertices(),
        rate_hz=RATE_HZ,
        folder=tmp_path / "room",
        keep_truth=lambda images: kept.update({images.stream: images}),
    )
    for name, (height, width) in {"iphone_000": (192, 256), "realsense_000": (480, 848)}.items():
        number = next(n for n, (place, _) in enumerate(renderer.jobs) if devices[place].name == name)
        payloads = renderer.frame(number)
        assert payloads == renderer.frame(number)  # the same in any process
        depth = depth_codec.decode(payloads[f"{name}/depth"], height, width) / 1000.0
        images = kept[f"{name}/depth"]
        error = np.abs(depth - images.depth_m)[(images.mask == 1) & (depth > 0)]
        assert 0.001 < np.median(error) < 0.04
        missing = (depth == 0).mean()
        assert missing == 0 if name == "iphone_000" else 0.005 < missing < 0.3
        if name == "iphone_000":
            confidence = PhoneMessage.of(json.loads(payloads[f"{name}/imu"])).confidence
            assert set(np.unique(confidence)) == {0, 1, 2}
            assert np.median(np.abs(depth - images.depth_m)[confidence == 0]) > np.median(error)
    units = [UnitSensors.of(device, effects=True, seed=4).truth() for device in devices]
    assert json.dumps(units) != json.dumps([UnitSensors.of(d, effects=True, seed=5).truth() for d in devices])


def test_they_play_as_devices(take):
    session, *_ = take
    players = open_virtual_devices(session.folder, speed=np.inf)
    assert sorted(player.name for player in players) == ["iphone_000", "realsense_000"]
    for player in players:
        with player:
            player.start()
            frames = list(player.frames())
        expected = {s: info.frames for s, info in session.streams.items() if info.device == player.name}
        assert {s: sum(f.stream == s for f in frames) for s in expected} == expected


def test_the_same_seed_gives_the_same_devices_and_others_do_not_change_them():
    config = OtherDevicesConfig(phones=1, realsense=1, seed=7)
    one = draw_other_devices(config, seconds=1.0)
    more = draw_other_devices(OtherDevicesConfig(phones=1, realsense=2, seed=7), seconds=1.0)
    for a, b in zip(one, [more[0], more[1]]):
        assert a.clock == b.clock
        assert np.array_equal(a.exposed_us, b.exposed_us)
        assert np.array_equal(a.depth_camera(3).T_world_camera, b.depth_camera(3).T_world_camera)
    assert (
        one[0].exposed_us[0] != draw_other_devices(OtherDevicesConfig(phones=1, seed=8), seconds=1.0)[0].exposed_us[0]
    )
    single = draw_other_devices(config, seconds=0.0)
    assert [len(device.exposed_us) for device in single] == [1, 1]


@pytest.mark.slow
def test_a_rolling_shutter_sees_each_row_from_where_the_camera_is_then(baked):
    """Rows are those of still pictures taken when they are exposed."""
    hand = HandHeld(sway_m=0.2, aim_deg=10)
    path = hand_held_path(
        np.random.default_rng(2), stand=np.array([1.7, -1.3, 1.3]), target=np.array([0, 0, 0.9]), hand=hand
    )
    at, readout_s = 0.4, 0.05
    camera = _camera()
    moment = camera.at(path.at(np.array([at]))[0])
    picture = baked.color(moment).astype(int)
    rolled = baked.color(moment, motion=path.motion(at), readout_s=readout_s).astype(int)
    for row in (3, 116):
        time_s = at + readout_s * (row - (camera.height - 1) / 2) / camera.height
        still = baked.color(camera.at(path.at(np.array([time_s]))[0])).astype(int)
        moved = np.abs(still[row] - picture[row]).mean()
        assert moved > 0.5
        assert np.abs(rolled[row] - still[row]).mean() < 0.2 * moved


def test_motion_seen_from_a_moving_camera():
    """Image velocities of relative motion are those of the true projections."""
    path = hand_held_path(np.random.default_rng(3), stand=np.array([1.7, -1.3, 1.3]), target=np.array([0, 0, 0.9]))
    p, v = np.array([[0.1, 0.2, 1.1], [-0.3, 0.0, 0.4]]), np.array([[1.0, 0.0, 0.5], [0.0, -2.0, 0.0]])
    poses = path.at(np.array([0.4995, 0.5, 0.5005]))
    q = [_camera(f=1450.0).at(T).project(p + v * step) for T, step in zip(poses, (-0.0005, 0, 0.0005))]
    relative = path.motion(0.5).relative(poses[1][:3, 3], p, v)
    seen = image_motion(_camera(f=1450.0).at(poses[1]), p, relative).velocity_px_s
    assert seen == pytest.approx((q[2] - q[0]) / 1e-3, rel=1e-3, abs=0.5)
