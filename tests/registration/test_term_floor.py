from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from simulated_scene import open_body, standing
from term_checks import SHAPES, equations, gradient_error, rest_body

from registration.fit.posing import PosedClip
from registration.fit.state import FitState
from registration.fit.system import NormalEquations
from registration.fit.terms import floor
from registration.fit.terms.floor import Floor, Soles

STEP_S = 1 / 30


@pytest.fixture(scope="module")
def soles():
    return Soles.of(open_body())


def still(frames, rng, slide_m=0.0, sink_m=0.0):
    """Somebody who stands on the floor, measured with noise in every frame, moving over it by `slide_m` a frame."""
    parameters = standing(open_body(), 1, rng)
    one = FitState.from_parameters(replace(parameters, betas=np.zeros(SHAPES)))
    low = PosedClip(one, rest_body()).vertices[..., 2].min()
    transl = np.repeat(one.transl, frames, 0) - [0, 0, low + sink_m]
    transl[:, 0] += slide_m * np.arange(frames)
    return replace(one, rotations=np.repeat(one.rotations, frames, 0), transl=transl)


def test_soles_are_low_on_the_feet_and_apart(soles):
    rest = np.asarray(open_body().v_template)
    assert soles.vertices.shape == (4, 3)
    assert (rest[soles.vertices, 1] < rest[:, 1].min() + 0.025).all()
    assert (rest[soles.vertices[:2], 0] > 0).all()
    assert (rest[soles.vertices[2:], 0] < 0).all()
    assert (rest[soles.vertices[0::2], 2].max(1) < rest[soles.vertices[1::2], 2].min(1)).all()


def test_feet_stand_when_low_and_slow_only(soles):
    rng = np.random.default_rng(0)
    said = lambda state: floor.standing(PosedClip(state, rest_body()), soles, STEP_S)  # noqa: E731
    assert said(still(4, rng))[:, 1::2].all()  # its knees are bent, its heels off the floor
    assert not said(still(4, rng, slide_m=0.02)).any()
    assert not said(still(4, rng, sink_m=-0.05)).any()
    assert not said(still(1, rng)).any()


def test_gradient_is_the_cost_s(soles):
    rng = np.random.default_rng(1)
    state = still(3, rng, slide_m=0.004, sink_m=0.012)
    term = Floor(soles=soles, stands=np.ones((3, 4), bool))
    # pose correctives are left out of the rows: feet bend little, so their change is below 2 % here
    assert gradient_error(term.add, state, rng) < 0.02


def test_a_foot_that_slides_is_held_and_skin_under_the_floor_comes_up(soles):
    rng = np.random.default_rng(2)
    state = still(4, rng, slide_m=0.003, sink_m=0.03)
    term = Floor(soles=soles, stands=np.ones((4, 4), bool))
    for _ in range(8):
        system = equations(term.add, state)
        system.A += 100.0 * np.eye(75)  # a belief of 0.1 rad and m in where it is
        step, _ = system.solve(1e-6, fixed_shared=True)
        state = state.stepped(step, np.zeros(SHAPES))
    body = PosedClip(state, rest_body())
    points = body.vertices[:, soles.vertices]
    slid = np.linalg.norm(np.diff(points[..., :2], axis=0), axis=-1)
    assert slid.mean() < 0.0005
    assert body.vertices[..., 2].min() > -0.008  # 30 mm before; flesh gives way by 4 mm


def test_rows_of_two_frames_are_those_of_one_long_row():
    rng = np.random.default_rng(3)
    now, later, residual = rng.standard_normal((5, 79)), rng.standard_normal((5, 79)), rng.standard_normal(5)
    information = rng.uniform(0, 2, 5)
    system = NormalEquations.zeros(3, SHAPES)
    system.add_between(1, now, later, information, residual, 2.5)
    long = np.concatenate([now[:, :75], later[:, :75], now[:, 75:] + later[:, 75:]], 1)
    A, b = np.zeros((154, 154)), np.zeros(154)
    for row, weight, r in zip(long, information, residual, strict=True):
        A += weight * np.outer(row, row)
        b += weight * r * row
    np.testing.assert_allclose(np.stack([system.A[1], system.A[2]]), [A[:75, :75], A[75:150, 75:150]], atol=1e-10)
    np.testing.assert_allclose(system.A_next[1], A[75:150, :75], atol=1e-10)
    np.testing.assert_allclose(np.concatenate([*system.A_border[1:], system.A_shared]), A[:, 150:], atol=1e-10)
    np.testing.assert_allclose(np.concatenate([*system.b[1:], system.b_shared]), b, atol=1e-10)
    assert system.cost == 2.5
    assert not system.A[0].any()
    assert not system.A_next[[0, 2]].any()
