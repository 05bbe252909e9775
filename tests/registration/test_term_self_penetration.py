from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from simulated_scene import open_body
from term_checks import SHAPES, equations, gradient_error, random_state

from body.joints import JOINT_INDEX, JOINT_NAMES
from registration.fit.rotations import exponential
from registration.fit.terms.self_penetration import Balls, SelfPenetration


@pytest.fixture(scope="module")
def balls():
    return Balls.of(open_body())


def posed(**turns):
    state = random_state(1, np.random.default_rng(0), 0.0)
    rotations = np.zeros((1, 24, 3))
    for name, turn in turns.items():
        rotations[0, JOINT_INDEX[name]] = turn
    return replace(state, rotations=exponential(rotations), betas=np.zeros(SHAPES))


def hand_in_the_belly():
    return posed(left_shoulder=(0.6, -1.4, -1.3), left_elbow=(0.0, -2.3, 0.0))


def test_pairs_are_of_parts_that_can_meet(balls):
    names = {frozenset(JOINT_NAMES[j] for j in balls.joint[pair]) for pair in balls.pairs}
    assert frozenset({"left_wrist", "spine2"}) in names
    assert frozenset({"left_knee", "right_knee"}) in names
    assert frozenset({"left_elbow", "left_shoulder"}) not in names
    assert frozenset({"left_shoulder", "spine2"}) not in names


@pytest.mark.parametrize("down", [0.0, 0.8, 1.2])
def test_standing_people_do_not_penetrate(balls, down):
    state = posed(left_shoulder=(0, 0, -down), right_shoulder=(0, 0, down))
    assert equations(SelfPenetration(balls=balls).add, state).cost == 0


def test_a_hand_in_the_belly_is_pushed_out(balls):
    term, state = SelfPenetration(balls=balls), hand_in_the_belly()
    before = equations(term.add, state).cost
    assert before > 2
    for _ in range(20):
        system = equations(term.add, state)
        system.A += np.eye(75)  # a belief of one radian in the pose
        step, _ = system.solve(1e-6, fixed_shared=True)
        state = state.stepped(step, np.zeros(SHAPES))
    assert equations(term.add, state).cost < 0.05 * before


def test_gradient_is_the_cost_s(balls):
    """The change of the radii with the shape is left out: at one shape the gradient is exact."""
    system_of = SelfPenetration(balls=balls).add
    rng = np.random.default_rng(1)
    state = hand_in_the_belly()
    system = equations(system_of, state)
    for _ in range(4):
        step, zero = rng.standard_normal((1, 75)), np.zeros(SHAPES)
        ahead, behind = (equations(system_of, state.stepped(s * step, zero)).cost for s in (1e-6, -1e-6))
        assert (behind - ahead) / 2e-6 == pytest.approx(float((system.b * step).sum()), rel=1e-4)
    assert gradient_error(system_of, state, rng) < 0.3
