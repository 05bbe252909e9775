"""What one virtual device makes of a known scene."""

from dataclasses import replace

import numpy as np
import pytest

from capture.virtual.backdrop import Backdrop, trace_backdrop
from capture.virtual.colour import render_color, shadow_map
from capture.virtual.config import SimulationConfig
from capture.virtual.depth import RANGE_M, hexagon, render_depth, sense
from capture.virtual.drawable import Drawable, Studio
from capture.virtual.figure import Figure
from capture.virtual.light import linear_from_srgb, srgb_from_linear
from capture.virtual.rig import build_rig
from capture.virtual.room import HALF_WIDTH_M, HEIGHT_M, draw_room
from capture.virtual.view import SUBPIXELS, View, Window
from geometry.camera import Camera
from geometry.depth import depth_to_points
from geometry.rays import RayScene
from geometry.rigid import transform

RADIUS = 0.35
CENTER = np.array([0.05, -0.1, 1.0])


def _sphere() -> Figure:
    a, b = np.meshgrid(np.linspace(0, 2 * np.pi, 97), np.linspace(0, np.pi, 49))
    rows, columns = a.shape
    corner = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).ravel()
    faces = np.concatenate(
        [
            np.stack([corner, corner + columns, corner + columns + 1], -1),
            np.stack([corner, corner + columns + 1, corner + 1], -1),
        ]
    )
    uv = np.stack([a.ravel() / (2 * np.pi), 1 - b.ravel() / np.pi], -1)  # v = 1 at the top
    texture = np.zeros((64, 128, 3), np.uint8)
    texture[:32], texture[32:] = (200, 40, 40), (40, 40, 200)  # upper half red, lower half blue
    return Figure(faces=faces, uv=uv, uv_faces=faces, texture=texture)


def _sphere_vertices() -> np.ndarray:
    a, b = np.meshgrid(np.linspace(0, 2 * np.pi, 97), np.linspace(0, np.pi, 49))
    return RADIUS * np.stack([np.cos(a) * np.sin(b), np.sin(a) * np.sin(b), np.cos(b)], -1).reshape(-1, 3) + CENTER


@pytest.fixture(scope="module")
def device():
    return build_rig(SimulationConfig(cameras=2, noise=False))[0]


@pytest.fixture(scope="module")
def backdrop(device) -> Backdrop:
    return trace_backdrop(device, draw_room(np.random.default_rng(0)))


@pytest.fixture(scope="module")
def sphere() -> Drawable:
    return Drawable.of(Studio.of(_sphere()), _sphere_vertices())


def _seen(sphere: Drawable, camera: Camera) -> np.ndarray:
    """Pixels whose centres see the sphere, by rays."""
    return RayScene(sphere.vertices, sphere.faces).cast_camera(camera).face >= 0


def test_subpixel_rays_are_those_of_the_lens_model(device):
    for camera in (device.color, device.depth):
        view = View.of(camera)
        for rows, columns in ((slice(0, 40), slice(0, 40)), (slice(300, 340), slice(400, 440))):
            window = Window(rows=rows, columns=columns)
            directions = view.directions(window, SUBPIXELS)
            v_camera = directions @ camera.T_world_camera[:3, :3]
            q = camera.project_camera(v_camera.astype(np.float64))
            y, x = np.mgrid[rows, columns]
            expected = np.stack([x, y], -1) + SUBPIXELS[:, None, None]
            # one-sided differences at the window's rim are the worst; float32 directions hold 1e-4 px
            assert np.abs(q - expected).max() < 2e-3
            assert v_camera[..., 2] == pytest.approx(1, abs=1e-6)


def test_the_room_is_a_box_seen_from_inside():
    room = draw_room(np.random.default_rng(0))
    directions = np.random.default_rng(1).normal(0, 1, (5000, 3)).astype(np.float32)
    origin = np.array([0.5, -1.0, 1.2])
    hits = room.hit(origin, directions)
    assert (hits.t > 0).all()
    assert hits.point == pytest.approx(origin + hits.t[:, None] * directions, abs=1e-5)
    box = np.array([HALF_WIDTH_M, HALF_WIDTH_M, HEIGHT_M / 2])
    relative = np.abs(hits.point - [0, 0, HEIGHT_M / 2]) / box
    assert relative.max(-1) == pytest.approx(1, abs=1e-5)
    albedo = room.albedo(hits)
    assert albedo.min() > 0
    assert albedo.max() < 1


def test_depth_without_noise_is_the_surface_to_its_millimetre(device, backdrop, sphere):
    image = render_depth(device, backdrop, sphere, None)
    assert np.abs(image.depth_mm / 1000 - image.clean_m)[image.depth_mm > 0].max() < 0.501e-3  # float32 depth
    p_world = transform(device.depth.T_world_camera, depth_to_points(image.clean_m, device.depth))
    on_sphere = np.linalg.norm(p_world - CENTER, axis=-1) < 1.05 * RADIUS
    assert on_sphere.sum() > 10000
    # the sphere's facets lie up to r (1 - cos(pi / 48)) = 0.75 mm inside
    assert np.linalg.norm(p_world[on_sphere] - CENTER, axis=-1) == pytest.approx(RADIUS, abs=0.8e-3)
    rest = p_world[~on_sphere]
    on_floor = np.abs(rest[:, 2]) < 1e-3
    assert on_floor.mean() > 0.2
    outside = (image.clean_m < RANGE_M[0]) | (image.clean_m > RANGE_M[1])
    assert (image.depth_mm[outside] == 0).all()


def test_noise_of_a_wall_has_the_stated_bias_and_spread():
    rng = np.random.default_rng(0)
    z = np.full((400, 400), 2.0, np.float32)
    strong, weak = (sense(z, np.full_like(z, amplitude / 4), 0.004, rng) for amplitude in (0.5, 0.1))
    # sigma = 0.5 mm + 1 mm/m (2 - 0.5) m = 2 mm; 40,000 pixels make the mean certain to 0.01 mm
    assert strong.mean() == pytest.approx(2.004, abs=5e-5)
    assert strong.std() == pytest.approx(2.0e-3, rel=0.03)
    assert weak.std() == pytest.approx(2.0e-3 / np.sqrt(0.25), rel=0.03)


def test_a_weak_echo_or_a_wall_out_of_range_gives_nothing():
    rng = np.random.default_rng(0)
    z = np.full((40, 40), 2.0, np.float32)
    assert (sense(z, np.full_like(z, 0.001), 0.0, rng) == 0).all()
    for far in (0.4, 4.0):
        assert (sense(np.full_like(z, far), np.full_like(z, 0.2), 0.0, rng) == 0).all()


def test_edges_give_flying_pixels_and_holes_within_two_pixels():
    rng = np.random.default_rng(0)
    z = np.full((400, 400), 2.0, np.float32)
    z[:, 201:] = 2.3  # not on a pixel's border
    measured = sense(z, (0.4 / z**2).astype(np.float32), 0.0, rng)
    from_surfaces = np.minimum(np.abs(measured - 2.0), np.abs(measured - 2.3)) > 0.02
    columns = np.flatnonzero(from_surfaces.any(0))
    assert len(columns)
    assert columns.min() >= 98
    assert columns.max() <= 102


def test_the_infrared_light_misses_only_the_corners():
    lit = hexagon((576, 640))
    assert not lit[0, 0]
    assert not lit[-1, -1]
    assert lit[288].all()
    assert 0.85 < lit.mean() < 0.99


def test_noisy_depth_stays_near_the_clean_one(device, backdrop, sphere):
    image = render_depth(replace(device, depth_bias_m=0.0), backdrop, sphere, np.random.default_rng(0))
    inner = _seen(sphere, device.depth)
    error = np.abs(image.depth_mm / 1000 - image.clean_m)[inner & (image.depth_mm > 0)]
    assert np.median(error) < 3e-3  # sigma is 2.3 mm at the sphere, more towards its rim
    assert (image.depth_mm[inner] > 0).mean() > 0.95


def test_colour_shows_the_texture_the_right_way_up(device, backdrop, sphere):
    image = render_color(device, backdrop, sphere, shadow_map(sphere), None)
    camera = device.color
    toward = camera.center - CENTER
    side = CENTER + RADIUS * toward * [1, 1, 0] / np.linalg.norm(toward[:2])
    for height, expected in ((0.12, 0), (-0.12, 2)):
        column, row = np.round(camera.project(side + [0, 0, height])).astype(int)
        assert image[row, column].argmax() == expected


def test_silhouettes_are_anti_aliased(device, backdrop, sphere):
    """Pixels beside the outline of the centre rays carry part of the body's colour, at most three of four rays."""
    black = replace(backdrop, srgb=np.zeros_like(backdrop.srgb))
    grey = replace(_sphere(), texture=np.full((64, 128, 3), 170, np.uint8))  # 0.4 as light
    white = Drawable.of(Studio.of(grey), sphere.vertices)
    image = render_color(device, black, white, None, None)
    linear = linear_from_srgb(image).mean(-1)
    inside = _seen(sphere, device.color)
    mixed = (image.max(-1) > 0) & ~inside
    assert 0.25 * np.sqrt(inside.sum()) < mixed.sum()
    assert (linear[mixed] < linear[inside].max() * 0.76).all()


def test_the_empty_room_is_the_backdrop(device, backdrop):
    image = render_color(device, backdrop, None, None, None)
    assert np.abs(image - backdrop.srgb).max() <= 0.5001


def test_the_shadow_darkens_the_floor_below_and_nothing_far_away(sphere):
    light = shadow_map(sphere)
    assert light.min() < 0.7
    assert light[0].min() == 1
    assert np.argwhere(light < 0.9).mean(0) == pytest.approx(np.array([128, 128]), abs=45)


def test_srgb_round_trip():
    values = np.arange(256.0)
    assert srgb_from_linear(linear_from_srgb(values)) == pytest.approx(values, abs=1e-3)
