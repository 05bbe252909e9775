"""The empty room: light by its formulas, coverings and panels by seed."""

from itertools import pairwise

import numpy as np
import pytest

from capture.virtual.backdrop import Backdrop, trace_backdrop
from capture.virtual.config import SimulationConfig
from capture.virtual.light import LAMPS, SUBJECT, Lights, irradiance, srgb_from_linear
from capture.virtual.rig import build_rig
from capture.virtual.room import CEILING, FLOOR, HALF_WIDTH_M, HEIGHT_M, RoomHits, corner_occlusion, draw_room
from capture.virtual.room_finishes import SKIRTING_M, draw_floor, draw_noise, draw_wall, sample_wrapped
from capture.virtual.room_panels import Panel


def _on_floor(xy) -> RoomHits:
    point = np.concatenate([np.atleast_2d(xy), np.zeros((len(np.atleast_2d(xy)), 1))], 1).astype(np.float32)
    return RoomHits(t=np.ones(len(point)), side=np.full(len(point), FLOOR), point=point)


def test_lamps_have_their_power_in_the_middle_of_the_ring():
    lights = Lights.standard()
    for direction, power in zip(lights.directions, lights.powers):
        alone = Lights(directions=direction[None], powers=power[None], sky=lights.sky, ground=lights.ground)
        assert alone.direct(SUBJECT[None], direction[None])[0] == pytest.approx(power, rel=1e-5)  # float32
    assert (lights.positions[:, 2] < HEIGHT_M).all()
    assert (np.abs(lights.positions[:, :2]) < HALF_WIDTH_M).all()
    assert np.linalg.norm(lights.directions, axis=1) == pytest.approx(1, abs=1e-6)


def test_figures_and_room_share_the_standard_light():
    lights, n = Lights.standard(), np.array([[0.0, 0.6, 0.8], [1, 0, 0], [0, 0, -1]])
    total = lights.ambient(n) + lights.direct(np.tile(SUBJECT, (3, 1)), n)
    assert total == pytest.approx(irradiance(n), rel=1e-5)
    assert len(LAMPS) >= 3


def test_light_falls_off_with_the_square_of_the_distance():
    up = np.array([[0, 0, 1.0]], np.float32)
    lamp = Lights(
        directions=up, powers=np.ones((1, 3), np.float32), sky=np.zeros(3, np.float32), ground=np.zeros(3, np.float32)
    )
    height = lamp.positions[0, 2]
    low, high = (lamp.direct(np.array([[0, 0, z]]), up)[0, 0] for z in (0.0, 1.2))
    assert low / high == pytest.approx(((height - 1.2) / height) ** 2, rel=1e-5)


def test_corners_hide_what_the_form_factor_says_and_are_darker():
    """Against rays: the part of cosine-weighted directions from a point of the floor that meet a wall below h."""
    rng = np.random.default_rng(0)
    disc, turn = np.sqrt(rng.uniform(size=200000)), rng.uniform(0, 2 * np.pi, 200000)
    d = np.stack([disc * np.cos(turn), disc * np.sin(turn), np.sqrt(1 - disc**2)], -1)
    room = draw_room(rng)
    for xy in ([0.0, 0.0], [3.4, 0.0], [-3.3, 3.3]):
        rays = room.hit(np.array([*xy, 0.0]), d)
        seen = (rays.side != CEILING).mean()
        # the walls are not endless: 0.05 in the middle of the floor
        assert corner_occlusion(_on_floor(xy))[0] == pytest.approx(seen, abs=0.06)
    light = room.light(_on_floor([[0, 0], [3.5, 0], [3.5, 3.5]]))
    ambient = light - room.lights.direct(_on_floor([[0, 0], [3.5, 0], [3.5, 3.5]]).point, np.tile([0, 0, 1.0], (3, 1)))
    assert (np.diff(ambient[:, 1]) < -0.02).all()


@pytest.mark.parametrize("seed", range(4))
def test_every_room_has_sane_albedo_and_its_own_look(seed):
    room, other = draw_room(np.random.default_rng(seed)), draw_room(np.random.default_rng(seed + 100))
    directions = np.random.default_rng(1).normal(0, 1, (20000, 3)).astype(np.float32)
    hits = room.hit(np.array([0.5, -1.0, 1.2]), directions)
    albedo = room.albedo(hits)
    assert albedo.min() > 0
    assert albedo.max() < 1
    assert np.abs(albedo - other.albedo(hits)).mean() > 0.02
    assert np.array_equal(albedo, draw_room(np.random.default_rng(seed)).albedo(hits))
    floor = albedo[hits.side == FLOOR]
    assert 0.02 < floor.mean() < 0.75


@pytest.mark.parametrize("seed", range(12))
def test_every_covering_can_be_drawn_and_keeps_its_mean(seed):
    rng = np.random.default_rng(seed)
    noise = draw_noise(rng)
    x, y = (rng.uniform(-3.6, 3.6, 4000).astype(np.float32) for _ in range(2))
    for finish in (draw_floor(rng, noise), draw_wall(rng, noise)):
        albedo = finish.albedo(x, np.abs(y))
        assert albedo.shape == (4000, 3)
        assert albedo.mean() == pytest.approx(finish.palette.mean(), rel=0.35)  # joints and borders


def test_coverings_differ_by_seed():
    noise = draw_noise(np.random.default_rng(0))
    floors = {draw_floor(np.random.default_rng(seed), noise).kind for seed in range(40)}
    walls = {draw_wall(np.random.default_rng(seed), noise).kind for seed in range(60)}
    assert floors == {"planks", "parquet", "tiles", "carpet", "concrete"}
    assert walls == {"paint", "two_tone", "stripes", "brick", "boards"}


def test_panels_show_their_picture_upright_and_do_not_overlap():
    picture = np.zeros((10, 20, 3), np.float32)
    picture[:5] = [1, 0, 0]  # the top
    panel = Panel(side=0, center=(1.0, 1.5), half=(0.4, 0.2), picture=picture)
    a, b = np.array([1.0, 1.0, 1.5], np.float32), np.array([1.65, 1.35, 1.5], np.float32)
    inside, color = panel.sample(a, b)
    assert inside.tolist() == [0, 1]
    assert color == pytest.approx(np.array([[1, 0, 0], [0, 0, 0]]))
    for seed in range(4):
        for side in range(4):
            spans = sorted(
                (p.center[0] - p.half[0], p.center[0] + p.half[0])
                for p in draw_room(np.random.default_rng(seed)).panels
                if p.side == side
            )
            assert spans  # no wall is bare
            assert all(left[1] < right[0] for left, right in pairwise(spans))
            assert spans[0][0] > -HALF_WIDTH_M
            assert spans[-1][1] < HALF_WIDTH_M


def test_skirting_runs_under_the_wall_and_lamps_glow():
    room = draw_room(np.random.default_rng(0))
    above = np.array([[*room.lights.positions[0, :2], HEIGHT_M]], np.float32)
    lamp = RoomHits(t=np.ones(1), side=np.array([CEILING]), point=above)
    assert (room.radiance(lamp) > 1).all()
    low = RoomHits(
        t=np.ones(1), side=np.array([0]), point=np.array([[-HALF_WIDTH_M, 3.55, SKIRTING_M / 2]], np.float32)
    )
    assert room.albedo(low)[0] == pytest.approx([0.45] * 3)


def test_wrapped_samples_repeat():
    image = np.random.default_rng(0).uniform(0, 1, (8, 8)).astype(np.float32)
    x, y = np.array([3.0, 11.0, -5.0]), np.array([2.0, 2.0, 10.0])
    assert sample_wrapped(image, x, y) == pytest.approx(image[2, 3] * np.ones(3))
    assert sample_wrapped(image, x[:0], y[:0]).shape == (0,)


def test_a_backdrop_is_the_room_it_was_traced_from_and_survives_the_disk(tmp_path):
    config = SimulationConfig(cameras=1, depth_mode="NFOV_2X2BINNED")
    device, room = build_rig(config)[0], draw_room(np.random.default_rng(3))
    backdrop = trace_backdrop(device, room)
    assert backdrop.z.shape == (device.depth.height, device.depth.width) == (288, 320)
    assert backdrop.z_fine.shape == backdrop.amplitude_fine.shape == (576, 640)
    direction = np.append(backdrop.color_rays[300, 400], 1) @ device.color.T_world_camera[:3, :3].T
    hits = room.hit(device.color.center, direction[None].astype(np.float32))
    blurred = backdrop.srgb[299:302, 399:402].mean((0, 1))
    assert blurred == pytest.approx(srgb_from_linear(room.radiance(hits))[0], abs=40)  # one ray against nine pixels
    backdrop.save(tmp_path / "room")
    again = Backdrop.load(tmp_path / "room")
    assert np.array_equal(again.srgb, backdrop.srgb)
    assert np.array_equal(again.z_fine, backdrop.z_fine)


@pytest.mark.filterwarnings("error")
def test_rays_outside_the_lens_model_stay_missing():
    device = build_rig(SimulationConfig(cameras=1, depth_mode="WFOV_2X2BINNED"))[0]
    backdrop = trace_backdrop(device, draw_room(np.random.default_rng(3)))
    missing = np.isnan(backdrop.depth_rays).any(-1)
    assert 0.1 < missing.mean() < 0.4  # the round field of view
    assert np.isnan(backdrop.z[missing]).all()
    assert (np.isnan(backdrop.z) & ~missing).mean() < 0.01  # a pixel's ray needs its neighbours'
    assert np.isfinite(backdrop.srgb).all()
