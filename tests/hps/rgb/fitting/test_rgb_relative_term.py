"""Lifted landmarks in the fit: their slopes, and that where all of them are does not matter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from lifted_people import lifted, people, the_body

from hps.points.fitting import FitBody
from hps.points.fitting.equations import Equations
from hps.points.fitting.state import SHIFT, BodyStates, frames_of
from hps.rgb.fitting.relative_term import RelativeTerm, ray_axes
from hps.rgb.fitting.starts import lifted_start

STEP = 1e-6


def term_and_states(redundancy: float = 2.0, size_sigma: float = 0.0) -> tuple[FitBody, RelativeTerm, BodyStates]:
    # without pose correctives, whose change with the pose the term leaves out on purpose
    body = FitBody.of(replace(the_body().model, posedirs=None), skin_vertices=40)
    told = lifted(people(16, 3), 0.03, 0.09, 5)
    term = RelativeTerm.of(
        told, body.points, least_sigma_m=0.01, freedom=8.0, redundancy=redundancy, size_sigma=size_sigma
    )
    return body, term.rows(np.array([1])), lifted_start(body, told, 0.01).rows(np.array([1]))


def linearised(body: FitBody, term: RelativeTerm, states: BodyStates) -> Equations:
    equations = Equations.zeros(len(states), states.unknowns)
    term.rows(np.zeros(len(states), int)).add(equations, states, frames_of(states, body.points))
    return equations


@pytest.mark.parametrize("size_sigma", [0.0, 0.1])
def test_lifted_landmarks_pull_down_their_cost(size_sigma: float):
    body, term, states = term_and_states(size_sigma=size_sigma)
    steps = STEP * np.eye(states.unknowns)
    rows = states.rows(np.zeros(len(steps), int))
    ahead, back = linearised(body, term, rows.stepped(steps)), linearised(body, term, rows.stepped(-steps))
    told, seen = linearised(body, term, states).b[0], -(ahead.cost - back.cost) / (2 * STEP)
    # the common translation is found to 1e-4 of itself in its rounds
    assert np.allclose(told, seen, rtol=1e-3, atol=1e-3 * np.abs(told).max())


def test_a_common_translation_changes_nothing():
    body, term, states = term_and_states()
    here = linearised(body, term, states)
    there = linearised(body, term, replace(states, transl=states.transl + np.array([0.3, -0.2, 1.0])))
    assert np.isclose(here.cost, there.cost, rtol=1e-12)
    scale = np.abs(here.A).max()
    assert np.abs(here.A[0, SHIFT]).max() < 1e-9 * scale
    assert np.abs(here.b[0, SHIFT]).max() < 1e-9 * np.abs(here.b).max()


def test_a_common_size_changes_nothing_where_nothing_is_believed_of_it():
    body, term, states = term_and_states(size_sigma=1e4)
    larger = replace(term, position=1.3 * term.position, information=term.information / 1.3**2)
    here, there = linearised(body, term, states), linearised(body, larger, states)
    assert np.isclose(here.cost, there.cost, rtol=1e-6)
    assert np.allclose(here.b, there.b, atol=1e-6 * np.abs(here.b).max())
    # 0.9 and not 1: so much of a size is left to the lifter when it is believed to 10 %
    known = linearised(body, replace(larger, size_sigma=0.0), states)
    assert known.cost > here.cost + 0.9 * (0.3 / 0.1) ** 2 / 2


def test_the_pelvis_says_nothing_and_unsure_depths_say_little():
    told = lifted(people(16, 3), 0.03, 0.09, 5)
    term = RelativeTerm.of(told, the_body().points, least_sigma_m=0.01, freedom=8.0, redundancy=1.0)
    assert (term.information[:, 0] == 0).all()
    # nine times: sigma along the ray is three times that across
    assert np.allclose(term.information[:, 1:, :2], 9 * term.information[:, 1:, 2:])


def test_axes_are_rotations_whose_last_row_is_the_ray():
    root = torch.randn((50, 3), generator=torch.Generator().manual_seed(1), dtype=torch.float64).numpy()
    axes = ray_axes(root)
    assert np.allclose(axes @ axes.transpose(0, 2, 1), np.eye(3), atol=1e-12)
    assert np.allclose(np.linalg.det(axes), 1)
    assert np.allclose(axes[:, 2], root / np.linalg.norm(root, axis=1, keepdims=True))
