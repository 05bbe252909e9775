"""The pose prior of people who stand for a scan: its equations are the derivative of its cost."""

from __future__ import annotations

import numpy as np

from body.loading import load_body_model
from registration.fit.posing import PosedClip
from registration.fit.rest import RestBody
from registration.fit.rotations import exponential
from registration.fit.state import FitState
from registration.fit.system import NormalEquations
from registration.shape.standing import StandingPose
from registration.shape.upright import pose_of


def equations(state: FitState, rest: RestBody) -> NormalEquations:
    system = NormalEquations.zeros(len(state), 2)
    StandingPose().add(system, PosedClip(state, rest))
    return system


def test_the_equations_are_the_derivative_of_the_cost() -> None:
    rng = np.random.default_rng(0)
    rest = RestBody.of(load_body_model(), 2, np.arange(5))
    state = FitState(
        rotations=exponential(rng.normal(0, 0.4, (1, 24, 3))),
        transl=np.zeros((1, 3)),
        betas=np.zeros(2),
        offsets=np.zeros((0, 3)),
    )
    system = equations(state, rest)
    for unknown in (0, 4, 20, 37, 50, 71):
        step = np.zeros((1, 75))
        step[0, unknown] = 1e-6
        ahead, behind = (equations(state.stepped(s * step, np.zeros(2)), rest).cost for s in (1, -1))
        # central differences of a cost of a few thousand: 1e-6 of it
        np.testing.assert_allclose(system.b[0, unknown], -(ahead - behind) / 2e-6, rtol=1e-4, atol=1e-2)
    assert not system.b[0, 72:].any()


def test_a_standing_person_costs_little_and_a_sitting_one_much() -> None:
    rest = RestBody.of(load_body_model(), 2, np.arange(5))
    zero = {"transl": np.zeros((1, 3)), "betas": np.zeros(2), "offsets": np.zeros((0, 3))}
    standing = pose_of(45.0, 8.0)[None]
    sitting = standing.copy()
    sitting[0, [1, 2]] = exponential(np.array([[-1.5, 0, 0], [-1.5, 0, 0]]))
    low = equations(FitState(rotations=standing, **zero), rest).cost
    high = equations(FitState(rotations=sitting, **zero), rest).cost
    assert low < 10 < 30 < high
