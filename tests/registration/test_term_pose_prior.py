from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from term_checks import equations, gradient_error, positive, random_state

from body.motion.joint_limits import human_limits
from registration.errors import RegistrationError
from registration.fit.rotations import exponential
from registration.fit.state import FitState
from registration.fit.terms.joint_limits import LimitTerm, twist_and_swing
from registration.fit.terms.pose_mixture import default_pose_mixture, fit_pose_mixture, read_pose_mixture
from registration.fit.terms.pose_prior import PosePrior


def of_turns(turns):
    turns = np.asarray(turns, float)
    return FitState(
        rotations=exponential(turns), transl=np.zeros((len(turns), 3)), betas=np.zeros(4), offsets=np.zeros((0, 3))
    )


def test_pose_prior_gradient_is_the_cost_s():
    rng = np.random.default_rng(0)
    state = random_state(3, rng)
    assert gradient_error(PosePrior().add, state, rng) < 1e-6  # central differences of 1e-5
    assert gradient_error(PosePrior(scale=2.0).add, state, rng) < 1e-6
    assert positive(equations(PosePrior().add, state))


def test_steps_of_the_bound_lower_the_pose_prior_to_a_likely_pose():
    rng = np.random.default_rng(1)
    state = random_state(4, rng, 0.5)
    costs = []
    for _ in range(30):
        system = equations(PosePrior().add, state)
        costs.append(system.cost)
        step, _ = system.solve(1e-6, fixed_shared=True)
        state = state.stepped(step, np.zeros(4))
    assert (np.diff(costs) < 1e-6).all()
    assert costs[-1] < costs[0] - 100


def test_the_prior_prefers_knees_that_bend_backwards_as_knees_do():
    bent, broken = np.zeros((1, 24, 3)), np.zeros((1, 24, 3))
    bent[0, 4:6, 0], broken[0, 4:6, 0] = 1.0, -1.0
    good, bad = (equations(PosePrior().add, of_turns(turns)).cost for turns in (bent, broken))
    assert bad > good + 5


def test_an_unseen_pose_costs_no_more_than_wide_anatomy_allows():
    """Arms straight up, one knee at the chest: in no clip. Half the weight is the wide component's."""
    turns = np.zeros((1, 24, 3))
    turns[0, 16, 2], turns[0, 17, 2], turns[0, 1, 0], turns[0, 4, 0] = 1.4, -1.4, -2.0, 2.0
    mixture = default_pose_mixture()
    theta = turns[:, 1:22].reshape(1, -1)
    wide = mixture.log_densities(theta)[0, -1]
    assert mixture.log_density(theta)[0] >= wide
    assert mixture.shares[-1] == pytest.approx(0.5)


def test_a_mixture_finds_two_groups_of_poses_and_survives_its_file(tmp_path):
    rng = np.random.default_rng(2)
    low, high = 0.05 * rng.standard_normal((2, 400, 63))
    high = high + 1.0
    mixture = fit_pose_mixture(np.concatenate([low, high]), 2, 5, 0.02, rng)
    mixture.write(tmp_path / "prior.npz", "made up")
    again = read_pose_mixture(tmp_path / "prior.npz")
    aside = np.tile([1.0, 0.0, 0.0], 21)[None]  # neither group, nor on the way from one to the other
    for group in (low, high):
        assert again.log_density(group[:5]).min() > again.log_density(aside)[0] + 50
    np.testing.assert_allclose(np.sort(again.means.mean(1)), [0, 1], atol=0.01)


def test_files_that_are_no_prior_and_too_few_poses_are_named(tmp_path):
    (tmp_path / "x.npz").write_bytes(b"nothing")
    with pytest.raises(RegistrationError, match=r"x\.npz is not a pose prior"):
        read_pose_mixture(tmp_path / "x.npz")
    with pytest.raises(RegistrationError, match="needs 120 poses, there are 7"):
        fit_pose_mixture(np.zeros((7, 63)), 12, 4, 0.1, np.random.default_rng(0))


def test_twist_and_swing_are_those_of_the_limits_with_their_derivative():
    rng = np.random.default_rng(3)
    limits = human_limits()
    turns = 0.8 * rng.standard_normal((5, 24, 3))
    components, derivative = twist_and_swing(exponential(turns), np.array(limits.twist_axis))
    np.testing.assert_allclose(components, limits.components(turns), atol=1e-9)
    d = rng.standard_normal((5, 24, 3))
    moved = (Rotation.from_rotvec(1e-6 * d.reshape(-1, 3)) * Rotation.from_rotvec(turns.reshape(-1, 3))).as_rotvec()
    change = (limits.components(moved.reshape(5, 24, 3)) - components) / 1e-6
    np.testing.assert_allclose((derivative @ d[..., None])[..., 0], change, atol=1e-4)  # forward difference


def test_limits_are_silent_within_and_pull_back_beyond():
    rng = np.random.default_rng(4)
    inside = human_limits().sample(rng, 3)
    inside[:, 0] = rng.standard_normal((3, 3))
    assert equations(LimitTerm().add, of_turns(inside)).cost == 0
    beyond = inside.copy()
    beyond[:, 4] = [-0.5, 0.0, 0.0]  # a knee that bends forwards
    state = of_turns(beyond)
    assert gradient_error(LimitTerm().add, state, rng) < 1e-6
    for _ in range(5):
        step, _ = equations(LimitTerm().add, state).solve(1e-6, fixed_shared=True)
        state = state.stepped(step, np.zeros(4))
    assert equations(LimitTerm().add, state).cost < 1e-6
