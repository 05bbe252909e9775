"""Rotation errors: known turns are measured, and the figure of LiveHPS does not measure them."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from body.joint_orientations import world_rotations
from body.joints import PARENTS
from hps.metrics.angles import (
    MAJOR_JOINTS,
    geodesic_deg,
    livehps_ang_deg,
    local_angle_error_deg,
    mpjae_deg,
    pa_mpjae_deg,
)


def _rotations(seed: int, frames: int = 3) -> np.ndarray:
    return Rotation.random(frames * 24, rng=np.random.default_rng(seed)).as_matrix().reshape(frames, 24, 3, 3)


@pytest.mark.parametrize("degrees", [0.0, 1e-6, 0.01, 30.0, 90.0, 179.9999, 180.0])
def test_a_known_turn_is_measured_near_both_ends_too(degrees):
    R = _rotations(0)[0]
    turn = Rotation.from_rotvec(np.radians(degrees) * np.array([0.6, 0.0, 0.8])).as_matrix()
    assert geodesic_deg(R @ turn, R) == pytest.approx(degrees, abs=1e-6)  # half a turn: sine of rounding, 1e-8 rad


def test_a_turned_joint_turns_those_below_it_in_the_global_error_alone():
    truth = _rotations(1, 1)
    estimate = truth.copy()
    elbow = 18
    estimate[:, elbow] = estimate[:, elbow] @ Rotation.from_euler("x", 20, degrees=True).as_matrix()
    local = local_angle_error_deg(estimate, truth)[0]
    assert local[elbow] == pytest.approx(20)
    assert np.delete(local, elbow) == pytest.approx(0, abs=1e-5)
    turned = geodesic_deg(world_rotations(estimate), world_rotations(truth))[0]
    below = [j for j in range(24) if elbow in _line(j)]
    assert sorted(below) == [18, 20, 22]
    assert turned[below] == pytest.approx(20)
    assert mpjae_deg(estimate, truth) == pytest.approx(20 / len(MAJOR_JOINTS))
    assert mpjae_deg(estimate, truth, range(24)) == pytest.approx(60 / 24)


def test_a_wrong_heading_counts_in_every_joint_and_alignment_takes_it_out():
    truth = _rotations(2)
    heading = Rotation.from_euler("y", 35, degrees=True).as_matrix()
    estimate = truth.copy()
    estimate[:, 0] = heading @ estimate[:, 0]
    assert mpjae_deg(estimate, truth) == pytest.approx(35)
    back = np.broadcast_to(heading.T, (3, 3, 3))
    assert pa_mpjae_deg(estimate, truth, back) == pytest.approx(0, abs=1e-5)


def test_livehps_angle_gives_nothing_for_a_body_turned_about_another_axis():
    truth = np.tile(np.eye(3), (1, 24, 1, 1))
    estimate = truth.copy()
    truth[:, 0] = Rotation.from_euler("x", 80, degrees=True).as_matrix()
    estimate[:, 0] = Rotation.from_euler("z", 80, degrees=True).as_matrix()
    assert livehps_ang_deg(estimate, truth) == pytest.approx(0, abs=1e-9)
    assert mpjae_deg(estimate, truth) > 80


def test_livehps_angle_leaves_the_feet_hands_and_head_out():
    truth = _rotations(3, 1)
    for joint in (10, 11, 15, 22, 23):
        estimate = truth.copy()
        estimate[:, joint] = np.eye(3)
        assert livehps_ang_deg(estimate, truth) == pytest.approx(0, abs=1e-9)


def _line(joint: int) -> list[int]:
    """The joint and all above it."""
    return [joint, *(_line(PARENTS[joint]) if joint else [])]
