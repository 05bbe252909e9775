"""Keypoints of pictures in the fit: their slopes, the body's own projection, and what they add to landmarks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from drawn_bodies import drawn_bodies, gaussians, seen_points, the_body, the_model, vertex_error_mm
from test_fit_terms import STEP, states_of

from hps.errors import HpsError
from hps.points.fitting import BodyFitConfig, FitBody, PictureKeypoints, fit_bodies
from hps.points.fitting.equations import Equations
from hps.points.fitting.state import frames_of
from hps.points.fitting.term_making import picture_term
from registration.fit.rest import RestBody

AXES = torch.tensor([[0.0, -1.0, 0.0, 0.1], [0.0, 0.0, -1.0, 0.2], [1.0, 0.0, 0.0, 0.3], [0.0, 0.0, 0.0, 1.0]])
"""T_camera_frame: the drawn bodies stand some two metres along +x."""
K = torch.tensor([[900.0, 0.0, 640.0], [0.0, 905.0, 360.0], [0.0, 0.0, 1.0]])
VERTICES = np.arange(0, 6800, 170)


def picture_of(bodies, noise_px: float = 0.0, body: FitBody | None = None, spread_m: float = 0.0) -> PictureKeypoints:
    """Forty vertices as a camera sees them; projected here, from vertices that the model itself posed."""
    model = the_model() if body is None else body.model
    p = bodies.vertices[:, VERTICES] @ AXES[:3, :3].T.double() + AXES[:3, 3]
    q = (p / p[..., 2:]) @ K[:2].T.double()
    q = q + noise_px * torch.randn(q.shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    batch = len(q)
    return PictureKeypoints(
        points=RestBody.of(model, 10, VERTICES, fit_child=True),
        q=q,
        sigma_px=torch.full(q.shape[:2], max(noise_px, 0.5), dtype=torch.float64),
        spread_m=torch.full((len(VERTICES),), spread_m, dtype=torch.float64),
        K=K.expand(batch, 3, 3),
        Ts_camera_frame=AXES.expand(batch, 4, 4),
    )


def test_the_term_sees_bodies_where_the_camera_does():
    bodies = drawn_bodies(3, seed=51)
    states = states_of(bodies)
    term = picture_term(the_body(), picture_of(bodies), states, BodyFitConfig())
    # 1e-3: the model holds its arrays in float32, some 1e-7 of 900 px
    assert term.distances(states, frames_of(states, the_body().points)).max() < 1e-3


@pytest.mark.parametrize("zoomed", [False, True])
def test_pictures_pull_down_their_cost(zoomed):
    # without pose correctives, whose change with the pose the term leaves out on purpose
    body = FitBody.of(replace(the_model(), posedirs=None), skin_vertices=40)
    bodies = drawn_bodies(1, seed=52)
    picture = picture_of(bodies, 8.0, body)
    states = states_of(bodies)
    states = replace(states, zoom=np.array([0.1])) if zoomed else states
    term = picture_term(body, picture, states, BodyFitConfig())

    def linearised(at) -> Equations:
        equations = Equations.zeros(len(at), at.unknowns)
        some = term.rows(np.zeros(len(at), int))
        some.add(equations, at, frames_of(at, body.points))
        return equations

    steps = STEP * np.eye(states.unknowns)
    rows = states.rows(np.zeros(len(steps), int))
    seen = -(linearised(rows.stepped(steps)).cost - linearised(rows.stepped(-steps)).cost) / (2 * STEP)
    told = linearised(states).b[0]
    assert np.allclose(told, seen, rtol=1e-5, atol=1e-5 * np.abs(told).max())


def test_a_body_behind_the_camera_costs_more_than_one_before_it():
    bodies = drawn_bodies(1, seed=53)
    states = states_of(bodies)
    term = picture_term(the_body(), picture_of(bodies), states, BodyFitConfig())
    costs = []
    for way in (0.0, -4.0):
        at = replace(states, transl=states.transl + np.array([way, 0.0, 0.0]))
        equations = Equations.zeros(1, at.unknowns)
        term.add(equations, at, frames_of(at, the_body().points))
        assert np.isfinite(equations.A).all()
        costs.append(float(equations.cost[0]))
    assert costs[1] > costs[0] + 100


def test_pictures_mend_unsure_landmarks():
    bodies = drawn_bodies(6, seed=54)
    told = gaussians(bodies, 0.06, 55)
    alone, found = fit_bodies(the_body(), told), fit_bodies(the_body(), told, pictures=[picture_of(bodies, 1.0)])
    # 0.35 of the error without the picture: forty points of the skin within a pixel
    assert vertex_error_mm(bodies, found).mean() < 0.6 * vertex_error_mm(bodies, alone).mean()
    assert (
        found.joint_covariance.diagonal(dim1=-2, dim2=-1).sum()
        < alone.joint_covariance.diagonal(dim1=-2, dim2=-1).sum()
    )


def test_points_and_pictures_do_without_landmarks():
    bodies = drawn_bodies(3, seed=56)
    start = states_of(bodies)
    start = start.stepped(0.1 * np.random.default_rng(57).standard_normal((3, start.unknowns)))
    points, picture = seen_points(bodies, 58), picture_of(bodies, 1.0)
    far = vertex_error_mm(
        bodies, fit_bodies(the_body(), None, None, BodyFitConfig(steps=0), pictures=[picture], start=start)
    )
    seen = vertex_error_mm(bodies, fit_bodies(the_body(), None, None, pictures=[picture], start=start))
    both = vertex_error_mm(bodies, fit_bodies(the_body(), None, points, pictures=[picture], start=start))
    assert seen.mean() < far.mean()
    assert both.mean() < 0.15 * seen.mean()  # 4.3 and 67 mm


def test_what_cannot_be_fitted_is_refused():
    bodies = drawn_bodies(2, seed=59)
    picture, told = picture_of(bodies), gaussians(bodies, 0.03)
    with pytest.raises(HpsError, match="neither landmarks"):
        fit_bodies(the_body(), None)
    with pytest.raises(HpsError, match="where to start"):
        fit_bodies(the_body(), None, pictures=[picture])
    with pytest.raises(HpsError, match="same number"):
        fit_bodies(the_body(), gaussians(drawn_bodies(3, seed=60), 0.03), pictures=[picture])
    q = picture.q.clone()
    q[0, 0] = torch.nan
    with pytest.raises(HpsError, match="sigma_px = inf"):
        replace(picture, q=q)
    sigma = picture.sigma_px.clone()
    sigma[0, 0] = torch.inf
    unseen = fit_bodies(the_body(), told, pictures=[replace(picture, q=q, sigma_px=sigma)])
    assert unseen.transl.isfinite().all()
