"""Two statements about the same cameras are weighted as Gaussians, and motions of the whole rig are left out."""

from __future__ import annotations

import numpy as np
import pytest

from calibration.geometric.fusion import excess, fuse, moved_by, prior_covariance, tangent, without_motion
from calibration.pose_covariance import PoseCovariance
from geometry.camera import Camera
from geometry.rigid import from_rotvec, look_at

K = np.array([[500.0, 0, 320], [0, 500, 288], [0, 0, 1]])


def ring(count: int = 4) -> list[Camera]:
    cameras = []
    for i in range(count):
        angle = 2 * np.pi * i / count
        eye = np.array([2.2 * np.cos(angle), 2.2 * np.sin(angle), 1.0 + 0.5 * (i % 2)])
        T = look_at(eye, np.array([0, 0, 0.9]))
        cameras.append(Camera(name=f"cam{i}/depth", K=K, width=640, height=576, T_world_camera=T))
    return cameras


def test_six_numbers_lead_from_one_place_to_another():
    rng = np.random.default_rng(0)
    T = from_rotvec(rng.normal(size=3), rng.normal(size=3))
    six = rng.normal(0, 0.1, 6)
    np.testing.assert_allclose(tangent(T, moved_by(T, six)), six, atol=1e-12)


def test_fusing_is_the_product_of_the_two_distributions():
    rng = np.random.default_rng(1)
    root = rng.normal(size=(12, 12))
    P = root @ root.T
    J = rng.normal(size=(4, 6))
    information = J.T @ J  # singular: four numbers of six
    seen, measured = np.arange(6, 12), rng.normal(size=6)
    fused = fuse(P, seen, information, measured)
    whole = np.linalg.inv(P)
    whole[6:, 6:] += information
    expected = np.linalg.inv(whole)
    np.testing.assert_allclose(fused.matrix, expected, rtol=1e-6, atol=1e-9)
    right = np.concatenate([np.zeros(6), information @ measured])
    np.testing.assert_allclose(fused.six, expected @ right, rtol=1e-6, atol=1e-9)


def test_a_motion_of_the_whole_rig_is_no_disagreement():
    cameras = ring()
    motion = from_rotvec(np.array([0.002, -0.001, 0.003]), np.array([0.004, 0.002, -0.003]))
    six = np.concatenate([tangent(c.T_world_camera, motion @ c.T_world_camera) for c in cameras])
    trusted = {camera.name: True for camera in cameras}
    left, matrix = without_motion(six, cameras, prior_covariance(cameras, None), trusted)
    assert np.abs(left).max() < 2e-5  # the second order of turns of 3 mrad over 2 m
    assert np.sqrt(np.diag(matrix)).max() < 0.2  # the metre and the radian of the world are gone


def test_the_stated_covariance_enters_and_given_up_cameras_are_loose():
    cameras = ring()
    names = tuple(camera.name for camera in cameras)
    covariance = PoseCovariance(cameras=names[::-1], matrix=np.diag(np.arange(1.0, 25) * 1e-8), gauge="aligned")
    bare = prior_covariance(cameras, covariance) - prior_covariance(cameras, None)
    loose = np.diag(prior_covariance(cameras, covariance, ["cam1/depth"]) - prior_covariance(cameras, None))
    assert np.diag(bare)[0] == pytest.approx(19e-8 - np.deg2rad(3) ** 2)  # the last six of the reversed order
    np.testing.assert_allclose(loose[6:12], 0, atol=1e-12)


def test_excess_counts_deviations():
    assert excess(np.zeros(6), np.eye(6)) == 0
    rng = np.random.default_rng(2)
    root = rng.normal(size=(6, 6)) * 1e-3
    draws = rng.normal(size=(400, 6)) @ root.T
    told = np.array([excess(draw, root @ root.T) for draw in draws])
    assert np.mean(told < 1) == pytest.approx(0.683, abs=0.08)  # three deviations of 400 draws
    assert np.mean(told > 3) < 0.02
    assert excess(20 * root[:, 0], root @ root.T) > 10
