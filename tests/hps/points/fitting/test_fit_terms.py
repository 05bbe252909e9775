"""The terms of the energy: their slopes against finite differences, their values against other code's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from drawn_bodies import drawn_bodies, gaussians, the_body, the_model

from hps.errors import HpsError
from hps.points.fitting import BodyFitConfig, FitBody, LandmarkGaussians, SurfacePoints
from hps.points.fitting.equations import Equations
from hps.points.fitting.state import BodyStates, frames_of
from hps.points.fitting.term_making import landmark_term, prior_term
from registration.fit.terms.pose_mixture import JOINTS, default_pose_mixture

STEP = 1e-6


def states_of(bodies) -> BodyStates:
    coefficients = torch.cat([bodies.betas, bodies.child[:, None]], 1).numpy()
    return BodyStates(rotations=bodies.rotations.numpy(), transl=bodies.transl.numpy(), coefficients=coefficients)


def slopes(states: BodyStates, add) -> tuple[np.ndarray, np.ndarray]:
    """The force on every unknown of the first body as the term says, and by central differences of its cost."""
    unknowns = 75 + states.coefficients.shape[1]

    def linearised(at: BodyStates) -> Equations:
        equations = Equations.zeros(len(at), unknowns)
        add(equations, at)
        return equations

    steps = STEP * np.eye(unknowns)
    rows = states.rows(np.zeros(unknowns, int))
    ahead, back = linearised(rows.stepped(steps)).cost, linearised(rows.stepped(-steps)).cost
    return linearised(states.rows(np.array([0]))).b[0], -(ahead - back) / (2 * STEP)


def test_landmarks_pull_down_their_cost():
    # without pose correctives, whose change with the pose the term leaves out on purpose
    model = replace(the_model(), posedirs=None)
    body = FitBody.of(model)
    bodies = drawn_bodies(1, seed=1)
    term = landmark_term(body, gaussians(bodies, 0.05, 2), BodyFitConfig())
    told, seen = slopes(states_of(bodies), lambda eq, at: term.add(eq, at, frames_of(at, body.points)))
    assert np.allclose(told, seen, rtol=1e-5, atol=1e-5 * np.abs(told).max())


def test_priors_pull_down_their_cost():
    term = prior_term(the_body(), BodyFitConfig(pose_scale=1.3, shape_scale=0.8))
    told, seen = slopes(states_of(drawn_bodies(1, seed=3)), term.add)
    assert np.allclose(told, seen, rtol=1e-4, atol=1e-5 * np.abs(told).max())


def test_the_pose_prior_is_the_mixtures_density():
    bodies = drawn_bodies(5, seed=4)
    states = states_of(bodies)
    from registration.fit.rotations import logarithm

    theta = logarithm(states.rotations)[:, JOINTS].reshape(5, -1)
    shape = 0.5 * (bodies.betas.numpy() ** 2).sum(1) / 1.2**2 + 0.5 * bodies.child.numpy() ** 2 / 0.4**2
    equations = Equations.zeros(5, 86)
    prior_term(the_body(), BodyFitConfig()).add(equations, states)
    assert np.allclose(equations.cost, shape - default_pose_mixture().log_density(theta), atol=1e-9)


def test_the_fit_poses_as_the_model_does():
    bodies = drawn_bodies(3, seed=5)
    states = states_of(bodies)
    frames = frames_of(states, the_body().points)
    term = landmark_term(the_body(), gaussians(bodies, 0.0), BodyFitConfig())
    assert np.allclose(frames.joints, bodies.joints, atol=1e-9)
    assert term.distances(states, frames).max() < 1e-9


def test_landmarks_that_no_fit_can_use_are_refused():
    place, sigma = torch.zeros(2, 88, 3), torch.ones(2, 88)
    with pytest.raises(HpsError, match="must be"):
        LandmarkGaussians(position=place[:, :80], sigma=sigma[:, :80])
    with pytest.raises(HpsError, match="not above 0"):
        LandmarkGaussians(position=place, sigma=0 * sigma)
    place[0, 3, 1] = torch.nan
    with pytest.raises(HpsError, match="not finite"):
        LandmarkGaussians(position=place, sigma=sigma)


def test_points_that_no_fit_can_use_are_refused():
    points, part, sigma = torch.zeros(1, 4, 3), torch.zeros(1, 4, dtype=torch.int64), torch.ones(1, 4)
    keep = torch.ones(1, 4, dtype=torch.bool)
    with pytest.raises(HpsError, match="1 of 4 points"):
        SurfacePoints(points=points, keep=keep, part=part, sigma=torch.tensor([[1.0, 1.0, 0.0, 1.0]]))
    with pytest.raises(HpsError, match=r"-1\.\.24"):
        SurfacePoints(points=points, keep=keep, part=part + 25, sigma=sigma)
    # what is not kept may be anything
    SurfacePoints(points=points * torch.nan, keep=~keep, part=part, sigma=sigma)


@pytest.mark.parametrize("wrong", [{"steps": -1}, {"landmark_redundancy": 0.0}, {"reach_m": float("nan")}])
def test_choices_that_no_fit_can_use_are_refused(wrong):
    with pytest.raises(HpsError, match=next(iter(wrong))):
        BodyFitConfig(**wrong)
