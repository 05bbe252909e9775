"""What one virtual device makes of a known scene."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from capture.virtual.backdrop import Backdrop, trace_backdrop
from capture.virtual.config import SimulationConfig
from capture.virtual.depth_effects import DepthEffects
from capture.virtual.drawable import Drawable, Studio
from capture.virtual.figure import Figure
from capture.virtual.floor_light import darken_floor
from capture.virtual.kinect_rendering import KinectRenderer, disturbed
from capture.virtual.light import linear_from_srgb, srgb_from_linear
from capture.virtual.moment import Moment
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


def _kinect(device, **options) -> KinectRenderer:
    return KinectRenderer(SimulationConfig(cameras=2, **options), device, 0)


def _rng() -> np.random.Generator:
    return np.random.default_rng(0)


def _moment(drawable: Drawable) -> Moment:
    return Moment(drawable=drawable, velocity=np.zeros_like(drawable.vertices))


def test_depth_without_noise_is_the_surface_to_its_millimetre(device, backdrop, sphere):
    image = _kinect(device, noise=False).depth_frame(backdrop, sphere, _rng())
    assert np.abs(image.depth_mm / 1000 - image.clean_m)[image.depth_mm > 0].max() < 0.501e-3  # float32 depth
    p_world = transform(device.depth.T_world_camera, depth_to_points(image.clean_m.astype(float), device.depth))
    on_sphere = np.linalg.norm(p_world - CENTER, axis=-1) < 1.05 * RADIUS
    assert on_sphere.sum() > 10000
    # the sphere's facets lie up to r (1 - cos(pi / 48)) = 0.75 mm inside
    assert np.linalg.norm(p_world[on_sphere] - CENTER, axis=-1) == pytest.approx(RADIUS, abs=0.8e-3)
    rest = p_world[~on_sphere]
    on_floor = np.abs(rest[:, 2]) < 1e-3
    assert on_floor.mean() > 0.2
    outside = (image.clean_m < 0.15) | (image.clean_m > 3.86)  # of the narrow mode
    assert (image.depth_mm[outside] == 0).all()
    assert np.array_equal(image.mask > 0, on_sphere)


def test_noisy_depth_stays_near_the_clean_one(device, backdrop, sphere):
    kinect = _kinect(device, depth_effects=DepthEffects(bias=False, scale=False))
    image = kinect.depth_frame(backdrop, sphere, _rng())
    inner = _seen(sphere, device.depth)
    error = np.abs(image.depth_mm / 1000 - image.clean_m)[inner & (image.depth_mm > 0)]
    assert np.median(error) < 3e-3  # sigma is 2.3 mm at the sphere, more towards its rim
    assert (image.depth_mm[inner] > 0).mean() > 0.95


def test_colour_shows_the_texture_the_right_way_up(device, backdrop, sphere):
    frame = _kinect(device, noise=False).color_frame(backdrop, _moment(sphere), _rng())
    camera = device.color
    toward = camera.center - CENTER
    side = CENTER + RADIUS * toward * [1, 1, 0] / np.linalg.norm(toward[:2])
    for height, expected in ((0.12, 0), (-0.12, 2)):
        column, row = np.round(camera.project(side + [0, 0, height])).astype(int)
        assert frame.image[row, column].argmax() == expected
    assert np.mean((frame.mask == 1) != _seen(sphere, camera)) < 1e-4  # edges of faces, 0.01 px


def test_silhouettes_are_anti_aliased(device, backdrop, sphere):
    """Pixels beside the outline of the centre rays carry part of the body's colour, at most three of four rays."""
    black = replace(backdrop, srgb=np.zeros_like(backdrop.srgb))
    grey = replace(_sphere(), texture=np.full((64, 128, 3), 170, np.uint8))  # 0.4 as light
    white = Drawable.of(Studio.of(grey), sphere.vertices)
    image = _kinect(device, noise=False).color_frame(black, _moment(white), _rng()).image
    linear = linear_from_srgb(image).mean(-1)
    inside = _seen(sphere, device.color)
    mixed = (image.max(-1) > 0) & ~inside
    assert 0.25 * np.sqrt(inside.sum()) < mixed.sum()
    assert (linear[mixed] < linear[inside].max() * 0.76).all()


def test_the_empty_room_is_the_backdrop(device, backdrop):
    frame = _kinect(device, noise=False).color_frame(backdrop, None, _rng())
    assert np.array_equal(frame.image, backdrop.srgb)
    assert not frame.mask.any()


def test_the_shadow_darkens_the_floor_below_and_nothing_far_away(device, backdrop, sphere):
    casting = Drawable.of(Studio.of(_sphere(), sphere.vertices), sphere.vertices)
    kinect = _kinect(device, noise=False)
    image = kinect.color_frame(backdrop, _moment(casting), _rng()).image.astype(int)
    darker = backdrop.srgb.astype(int) - image
    near, far = (np.linalg.norm(backdrop.floor - CENTER[:2], axis=-1) < reach for reach in (0.5, 2.5))
    room = ~cv2.dilate(_seen(sphere, device.color).astype(np.uint8), np.ones((5, 5))).astype(bool)
    assert np.percentile(darker[near & room], 80) > 8  # the shadows of three lamps, not all of the floor around
    assert np.abs(darker[~far & room]).max() <= 2


def test_light_on_the_floor_is_that_of_its_cell():
    light = np.linspace(0.2, 1, 100, dtype=np.float32).reshape(10, 10)
    floor = np.stack(np.meshgrid(np.linspace(-0.4, 0.4, 9), np.linspace(-0.4, 0.4, 9)), -1).astype(np.float32)
    picture = np.full((9, 9, 3), 180, np.uint8)
    darken_floor(picture, floor, light, 1.0)
    # a pixel on the border of four cells has their mean; a table of 64 steps
    expected = (light[:-1, :-1] + light[1:, :-1] + light[:-1, 1:] + light[1:, 1:]) / 4
    assert linear_from_srgb(picture[..., 0]) == pytest.approx(expected * linear_from_srgb(np.array(180)), abs=0.006)
    picture[:] = 180
    darken_floor(picture, np.full_like(floor, 1e3), light, 1.0)
    assert (picture == 180).all()


def test_cameras_that_expose_together_disturb_each_other():
    spaced, together = (SimulationConfig(cameras=3, depth_stagger_us=us) for us in (160, 0))
    assert [disturbed(spaced, index) for index in range(3)] == [0, 0, 0]
    assert [disturbed(together, index) for index in range(3)] == [1, 1, 1]
    assert disturbed(SimulationConfig(cameras=2, depth_stagger_us=40), 0) == pytest.approx(0.75)
    assert disturbed(SimulationConfig(cameras=1, depth_stagger_us=0), 0) == 0


def test_units_differ_and_their_errors_are_in_the_truth(device):
    first, second = (KinectRenderer(SimulationConfig(cameras=2), device, index).truth() for index in (0, 1))
    assert first["depth"]["bias_m"] != second["depth"]["bias_m"]
    assert first["color"]["gain"] != second["color"]["gain"]
    perfect = _kinect(device, noise=False).truth()
    assert perfect["depth"]["bias_m"] == perfect["depth"]["scale"] == perfect["depth"]["wiggling_m"] == 0
    assert perfect["color"]["gain"] == [1, 1, 1]


def test_srgb_round_trip():
    values = np.arange(256.0)
    assert srgb_from_linear(linear_from_srgb(values)) == pytest.approx(values, abs=1e-3)
