"""A solve that is moved onto the floor states its uncertainty in the new world, lenses and places together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_solve import SmallSolve, small_solve

from calibration.rig_solve.body_sigma import body_covariance
from geometry.rigid import from_rotvec
from humanrig.calibrating.placed_solve import placed_solve

T_NEW_WORLD = from_rotvec(np.array([1.1, -0.4, 0.7]), np.array([0.4, -1.2, 2.0]))


@pytest.fixture(scope="module")
def small() -> SmallSolve:
    return small_solve()


def test_what_cameras_see_at_the_body_is_as_uncertain_in_any_world(small):
    """The covariance of a seen point, made from places and lenses together, turns with the world and stays."""
    moved = placed_solve(small.solve, T_NEW_WORLD)
    R = T_NEW_WORLD[:3, :3]
    before = body_covariance(small.solve.solution, small.solve.volume_middle)
    after = body_covariance(moved.solution, moved.volume_middle)
    assert set(after) == set(small.solve.cameras)
    for name, covariance in before.items():
        np.testing.assert_allclose(after[name], R @ covariance @ R.T, rtol=1e-4, atol=1e-12)  # lens by differences


def test_places_in_the_joint_covariance_are_those_of_the_covariance(small):
    solution = placed_solve(small.solve, T_NEW_WORLD).solution
    assert solution.joint_covariance is not None
    count = len(solution.covariance.cameras)
    places = solution.joint_covariance.reshape(count, 18, count, 18)[:, :6, :, :6].reshape(6 * count, -1)
    np.testing.assert_allclose(places, solution.covariance.matrix, atol=1e-15)


def test_a_solve_without_a_joint_covariance_is_moved_too(small):
    without = replace(small.solve, solution=replace(small.solve.solution, joint_covariance=None))
    assert placed_solve(without, T_NEW_WORLD).solution.joint_covariance is None
