"""The camera model: round trips, agreement with OpenCV, invariance, and where it says NaN."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.transform import Rotation

from geometry.camera import Camera
from geometry.distortion import distort, distort_point, distortion_jacobian, undistort
from geometry.errors import GeometryError
from geometry.rigid import from_rotvec, transform

K = np.array([[611.0, 0, 640.2], [0, 609.5, 366.7], [0, 0, 1]])
vectors = arrays(np.float64, 3, elements=st.floats(-2, 2))
motions = st.builds(from_rotvec, vectors, vectors)


@st.composite
def lenses(draw) -> np.ndarray:
    """Distortions about as strong as those of consumer lenses."""
    radial, tangential = st.floats(-0.15, 0.15), st.floats(-2e-3, 2e-3)
    k1, k2, k3 = draw(radial), draw(radial) / 4, draw(radial) / 10
    k4, k5, k6 = draw(radial), draw(radial) / 4, draw(radial) / 10
    return np.array([k1, k2, draw(tangential), draw(tangential), k3, k4, k5, k6])


@settings(max_examples=60)
@given(lenses(), motions, st.floats(0.3, 6))
def test_unproject_undoes_project(k, T, depth):
    camera = Camera(name="c", K=K, width=1280, height=720, distortion=k, metric_radius=1.0, T_world_camera=T)
    x, y = np.meshgrid(np.linspace(-0.7, 0.7, 9), np.linspace(-0.5, 0.5, 7))
    p_camera = np.stack([x, y, np.ones_like(x)], -1) * depth
    q = camera.project(transform(T, p_camera))
    # undistort stops at 1e-12 on the plane z = 1
    np.testing.assert_allclose(camera.unproject(q, depth), p_camera, atol=1e-9)


@pytest.mark.parametrize("kind", ["depth", "color"])
def test_round_trip_holds_up_to_the_rim_of_a_real_lens(kinect, kind):
    camera = kinect.depth_camera("WFOV_UNBINNED") if kind == "depth" else kinect.color_camera("3072P")
    # the colour lens is calibrated on what its sensor sees: its 1.7 is a default, the model folds over before it
    rim = camera.metric_radius * 0.9999 if kind == "depth" else 1.15
    angle, radius = np.meshgrid(np.linspace(0, 2 * np.pi, 73), np.linspace(0, rim, 40))
    xy = np.stack([radius * np.cos(angle), radius * np.sin(angle)], -1)
    q = camera.project_camera(np.concatenate([xy, np.ones((*xy.shape[:-1], 1))], -1))
    assert np.isfinite(q).all()
    np.testing.assert_allclose(camera.normalize(q), xy, atol=1e-9)


@settings(max_examples=40)
@given(lenses(), motions)
def test_project_agrees_with_opencv(k, T):
    camera = Camera(name="c", K=K, width=1280, height=720, distortion=k, T_world_camera=T)
    rng = np.random.default_rng(0)
    p_camera = rng.uniform([-1, -1, 1], [1, 1, 3], (50, 3))
    p_world, T_camera_world = transform(T, p_camera), camera.T_camera_world
    # cv2.Rodrigues would take rotations below 1e-5 for none
    rvec = Rotation.from_matrix(T_camera_world[:3, :3]).as_rotvec()
    q, _ = cv2.projectPoints(p_world[:, None], rvec, T_camera_world[:3, 3], K, k)
    np.testing.assert_allclose(camera.project(p_world), q[:, 0], atol=1e-8)


def test_normalize_agrees_with_opencv_on_a_real_lens(kinect):
    camera = kinect.color_camera("720P")
    q = np.stack(np.meshgrid(np.linspace(0, 1279, 30), np.linspace(0, 719, 20)), -1).reshape(-1, 2)
    stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 500, 1e-12)
    theirs = cv2.undistortPoints(q[:, None].copy(), camera.K, camera.distortion, criteria=stop)[:, 0]
    # OpenCV's fixed-point iteration, run until it changes by less than 1e-12 px, is short of the root by its rate
    np.testing.assert_allclose(camera.normalize(q), theirs, atol=1e-8)


@settings(max_examples=40)
@given(lenses(), motions, motions)
def test_moving_the_world_moves_nothing_in_the_image(k, T, motion):
    camera = Camera(name="c", K=K, width=1280, height=720, distortion=k, T_world_camera=T)
    p_world = transform(T, np.random.default_rng(1).uniform([-1, -1, 1], [1, 1, 4], (20, 3)))
    moved = camera.at(motion @ T)
    np.testing.assert_allclose(moved.project(transform(motion, p_world)), camera.project(p_world), atol=1e-8)


@given(st.integers(2, 3000), st.integers(2, 3000), lenses())
def test_resizing_moves_pixel_corners_with_the_image(width, height, k):
    camera = Camera(name="c", K=K, width=1280, height=720, distortion=k)
    small = camera.resized(width, height)
    p = np.random.default_rng(2).uniform([-1, -0.5, 1], [1, 0.5, 2], (20, 3))
    q, scale = camera.project_camera(p), np.array([width / 1280, height / 720])
    np.testing.assert_allclose(small.project_camera(p), (q + 0.5) * scale - 0.5, atol=1e-9)
    np.testing.assert_allclose(small.resized(1280, 720).K, K, atol=1e-9)


def test_project_is_nan_behind_the_camera_and_beyond_the_metric_radius():
    camera = Camera(name="c", K=K, width=1280, height=720, metric_radius=1.7)
    p = np.array([[0, 0, 1.0], [0, 0, 0.0], [0, 0, -1.0], [1.69, 0, 1.0], [1.71, 0, 1.0], [np.nan, 0, 1.0]])
    assert np.isfinite(camera.project_camera(p)).all(-1).tolist() == [True, False, False, True, False, False]


def test_normalize_is_nan_beyond_the_metric_radius(kinect):
    camera = kinect.depth_camera("WFOV_UNBINNED")
    assert np.isnan(camera.normalize(np.array([[0.0, 0.0]]))).all()
    assert np.isfinite(camera.normalize(np.array([[512.0, 512.0]]))).all()
    assert np.isnan(camera.unproject(np.array([[0.0, 0.0]]), 1.0)).all()


@settings(max_examples=40)
@given(lenses())
def test_distortion_kernel_and_jacobian_agree_with_the_readable_function(k):
    xy = np.random.default_rng(3).uniform(-0.8, 0.8, (30, 2))
    np.testing.assert_allclose([distort_point(x, y, k) for x, y in xy], distort(xy, k), atol=1e-14)
    step = 1e-6
    numeric = np.stack([(distort(xy + e, k) - distort(xy - e, k)) / (2 * step) for e in step * np.eye(2)], -1)
    np.testing.assert_allclose(distortion_jacobian(xy, k), numeric, atol=1e-8)  # central differences: step^2 + eps/step


def test_undistort_keeps_shapes_and_nan():
    k = np.array([0.1, 0, 0, 0, 0, 0, 0, 0])
    xy = np.zeros((2, 3, 2))
    xy[0, 1] = np.nan
    assert undistort(xy, k).shape == (2, 3, 2)
    assert np.isnan(undistort(xy, k)).all(-1).tolist() == [[False, True, False], [False, False, False]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"K": np.diag([-1.0, 1, 1])}, "K must be"),
        ({"K": np.full((3, 3), np.nan)}, "K must be"),
        ({"width": 0}, "image size"),
        ({"distortion": np.full(8, np.nan)}, "distortion"),
        ({"T_world_camera": np.diag([1.0, 1, -1, 1])}, "rigid"),
    ],
)
def test_a_camera_that_cannot_be_is_refused(change, message):
    with pytest.raises(GeometryError, match=f"camera 'c': .*{message}"):
        Camera(**{"name": "c", "K": K, "width": 4, "height": 3, **change})
