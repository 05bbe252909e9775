"""Triangulation on synthetic rigs: exact, as uncertain as it says, and deaf to views that are wrong."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keypoint_scenes import LENS, ring

from geometry.rigid import from_rotvec, transform
from registration.errors import RegistrationError
from registration.keypoints.projection import project_all, project_with_jacobian
from registration.keypoints.triangulation import TriangulationOptions, triangulate


def points(rng, n=200):
    return rng.uniform([-0.8, -0.8, 0.1], [0.8, 0.8, 1.9], (n, 3))


@pytest.mark.parametrize("count", [2, 3, 4, 10])
@pytest.mark.parametrize("distortion", [np.zeros(8), LENS], ids=["pinhole", "lens"])
def test_exact_without_noise(count, distortion):
    p = points(np.random.default_rng(0))
    cameras = ring(count, distortion=distortion)
    if count == 2:  # on a ring of two, the cameras face each other: rays are nearly parallel
        cameras = ring(5, distortion=distortion)[:2]
    found = triangulate(cameras, project_all(cameras, p), np.ones((len(p), count)))
    np.testing.assert_allclose(found.p_world, p, atol=1e-8)  # Newton's undistortion stops at 1e-9 of the plane z = 1
    assert found.used.all()
    assert np.nanmax(found.reprojection_px) < 1e-5


@pytest.mark.slow
def test_error_falls_with_the_number_of_views():
    rng = np.random.default_rng(1)
    p, rms = points(rng, 600), {}
    for count in (6, 24):
        cameras = ring(count)
        q = project_all(cameras, p) + rng.normal(0, 2.0, (len(p), count, 2))
        # without selection: with 24 views a fair one is beyond 5 sigmas now and then
        found = triangulate(cameras, q, np.full(q.shape[:-1], 2.0), TriangulationOptions(max_residual=100.0))
        rms[count] = np.sqrt(np.mean((found.p_world - p) ** 2))
    assert rms[6] / rms[24] == pytest.approx(2.0, rel=0.1)  # sqrt(24 / 6); 600 points fix each rms to 3 %


@pytest.mark.parametrize("sigma", [0.5, 3.0])
def test_covariance_matches_the_spread(sigma):
    rng = np.random.default_rng(2)
    cameras, p = ring(5), points(rng, 2000)
    each = sigma * rng.uniform(0.5, 2.0, (len(p), 5))
    q = project_all(cameras, p) + rng.normal(size=(len(p), 5, 2)) * each[..., None]
    found = triangulate(cameras, q, each, TriangulationOptions(max_residual=100.0))
    e = found.p_world - p
    chi2 = np.einsum("ni,nij,nj->n", e, np.linalg.inv(found.covariance), e)
    assert chi2.mean() == pytest.approx(3.0, abs=5 * np.sqrt(6 / len(p)))  # variance of chi2 with 3 degrees is 6
    assert np.mean(chi2 < 7.81) == pytest.approx(0.95, abs=0.025)  # its 95 % quantile; 5 sigmas of 2000 draws


def test_each_point_drops_its_own_bad_view():
    rng = np.random.default_rng(3)
    cameras, p = ring(5), points(rng)
    q = project_all(cameras, p) + rng.normal(0, 1.0, (len(p), 5, 2))
    bad = rng.integers(0, 5, len(p))
    angle = rng.uniform(0, 2 * np.pi, len(p))
    q[np.arange(len(p)), bad] += 60 * np.stack([np.cos(angle), np.sin(angle)], -1)
    found = triangulate(cameras, q, np.ones((len(p), 5)))
    error = np.linalg.norm(found.p_world - p, axis=-1)
    # a view that is off along its neighbours' epipolar lines can hide; with five views few do
    assert np.mean(~found.used[np.arange(len(p)), bad]) > 0.98
    assert np.median(error) < 0.008  # 1 px at 3 m and f = 620 is 5 mm
    assert found.used.sum(1).min() >= 2


def test_two_wrong_views_of_six_are_left_out():
    rng = np.random.default_rng(4)
    cameras, p = ring(6), points(rng, 50)
    q = project_all(cameras, p)
    q[:, 1] += [90, -40]
    q[:, 4] += [-70, 80]
    found = triangulate(cameras, q, np.ones((50, 6)))
    assert not found.used[:, [1, 4]].any()
    np.testing.assert_allclose(found.p_world, p, atol=1e-8)


def test_missing_views_and_hopeless_points():
    cameras, p = ring(5), points(np.random.default_rng(5), 4)
    q = project_all(cameras, p)
    q[0, 2:] = np.nan  # two views left
    q[1, 1:] = np.nan  # one view
    q[2] = np.nan  # none
    q[3, 2:] = np.nan
    q[3, 1, 1] += 300  # two views that disagree: nobody knows which is right
    found = triangulate(cameras, q, np.ones((4, 5)))
    np.testing.assert_allclose(found.p_world[0], p[0], atol=1e-8)
    assert np.isnan(found.p_world[1:]).all()
    assert not found.used[1:].any()
    assert np.isnan(found.sigma[1:]).all()
    assert np.isnan(found.reprojection_px[0, 2:]).all()


def test_nearly_parallel_rays_fix_nothing():
    camera = ring(4)[0]
    T = camera.T_world_camera.copy()
    T[:3, 3] += 0.01 * T[:3, 0]  # 1 cm beside: 0.2° at 3 m
    pair = [camera, camera.at(T)]
    p = np.array([[0.0, 0, 1]])
    assert np.isnan(triangulate(pair, project_all(pair, p), np.ones((1, 2))).p_world).all()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31), st.floats(0, 3.1))
def test_a_moved_world_gives_moved_points(seed, angle):
    rng = np.random.default_rng(seed)
    T = from_rotvec(angle * np.array([0.36, 0.48, 0.8]), rng.normal(0, 5, 3))
    cameras, p = ring(4), points(rng, 20)
    moved = [camera.at(T @ camera.T_world_camera) for camera in cameras]
    q = project_all(cameras, p) + rng.normal(0, 1.0, (20, 4, 2))
    q[0, 0] += 80
    a, b = (triangulate(some, q, np.ones((20, 4))) for some in (cameras, moved))
    np.testing.assert_allclose(b.p_world, transform(T, a.p_world), atol=1e-7)
    np.testing.assert_array_equal(a.used, b.used)
    np.testing.assert_allclose(b.covariance, T[:3, :3] @ a.covariance @ T[:3, :3].T, atol=1e-9)


def test_shapes_are_kept_and_one_camera_is_refused():
    cameras = ring(3)
    p = points(np.random.default_rng(6), 12).reshape(2, 6, 3)
    found = triangulate(cameras, project_all(cameras, p), np.ones((2, 6, 3)))
    assert found.covariance.shape == (2, 6, 3, 3)
    assert found.used.shape == (2, 6, 3)
    empty = triangulate(cameras, np.zeros((0, 3, 2)), np.zeros((0, 3)))
    assert empty.p_world.shape == (0, 3)
    with pytest.raises(RegistrationError, match="at least 2 cameras"):
        triangulate(cameras[:1], np.zeros((1, 1, 2)), np.ones((1, 1)))


def test_derivatives_of_the_projection():
    camera = replace(ring(3)[1], distortion=np.array([0.5, -2.6, 0.0005, -0.0003, 1.5, 0.4, -2.4, 1.4]))
    p = points(np.random.default_rng(7), 30)
    q, J = project_with_jacobian(camera, p)
    np.testing.assert_allclose(q, camera.project(p), atol=1e-9)
    for k in range(3):
        step = np.zeros(3)
        step[k] = 1e-6
        numeric = (camera.project(p + step) - camera.project(p - step)) / 2e-6
        np.testing.assert_allclose(J[..., k], numeric, atol=1e-4)  # central differences of 1 µm on pixels to 1e-12
    behind = project_with_jacobian(camera, camera.center[None] - camera.T_world_camera[:3, 2])
    assert np.isnan(behind[0]).all()


def test_views_that_see_a_joint_outvote_those_that_guess_where_it_is_hidden():
    """Four cameras guess a hidden wrist alike, 0.3 m off and unsurely; two see it."""
    rng = np.random.default_rng(11)
    cameras = ring(6)
    p = np.array([[0.2, 0.1, 1.1]])
    sigma = np.array([[20.0, 2.0, 20.0, 2.0, 20.0, 20.0]])
    q = project_all(cameras, p)
    guessed = project_all(cameras, p + [0.0, 0.2, -0.22])
    q = np.where(sigma[..., None] > 10, guessed, q) + sigma[..., None] / 4 * rng.normal(size=q.shape)
    found = triangulate(cameras, q, sigma)
    assert np.linalg.norm(found.p_world - p) < 0.02
    assert found.used[0, [1, 3]].all()
