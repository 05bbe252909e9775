"""A body for points alone, without a network: optimisation from several headings and poses, the likeliest end kept."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

import numpy as np
from jaxtyping import Float

from body.joints import JOINT_COUNT
from hps.errors import HpsError
from hps.points.fitting.body import ANY_PART, FitBody
from hps.points.fitting.config import BodyFitConfig
from hps.points.fitting.equations import Equations
from hps.points.fitting.evidence import SurfacePoints
from hps.points.fitting.fitted import FittedBodies
from hps.points.fitting.prior_term import PriorTerm
from hps.points.fitting.result import fitted_bodies
from hps.points.fitting.skin import posed_skin
from hps.points.fitting.solver import minimised
from hps.points.fitting.state import BodyStates, frames_of
from hps.points.fitting.surface_term import SurfaceTerm
from hps.points.fitting.term import linearised
from hps.points.fitting.term_making import prior_term, surface_term
from registration.fit.priors import pose_mean
from registration.fit.rotations import exponential
from registration.fit.terms.pose_mixture import FEATURES, JOINTS

BEHIND_M: Final = 0.10
"""The middle of a body lies so far behind the middle of what a camera sees of it."""
STAND_UP: Final = (np.pi / 2, 0.0, 0.0)
"""Axis-angle that takes the rest body's y to z."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeypointFreeConfig:
    """Choices of `fit_keypoint_free`."""

    headings: int = 8
    """Starts about the vertical."""
    poses: int = 3
    """Starts of the joints: arms and legs at rest, then the commonest kinds of poses that the prior knows."""
    kept: int = 4
    """Starts that go on to the fine stage."""
    coarse_points: int = 128
    coarse_sigmas_m: tuple[float, ...] = (0.15, 0.08, 0.04)
    """A point's standard deviation in each coarse stage, from far to near."""
    coarse_steps: int = 4
    """Steps of each stage."""
    fine_points: int = 256
    fine_steps: int = 10
    fit: BodyFitConfig = field(default_factory=lambda: BodyFitConfig(point_count=300.0))

    def __post_init__(self) -> None:
        """Raises HpsError for choices that leave no start."""
        if min(self.headings, self.poses, self.kept, self.coarse_points, self.fine_points) < 1:
            raise HpsError("a fit without keypoints needs at least one heading, one pose, one kept start and one point")


def fit_keypoint_free(
    body: FitBody,
    points: SurfacePoints,
    config: KeypointFreeConfig | None = None,
    up: tuple[float, float, float] = (0.0, 0.0, 1.0),
) -> FittedBodies:
    """The likeliest of the bodies that several starts end at, of each cloud.

    Parts of points are not looked at, and skin offsets only where they are given. up: against gravity, in the frame of
    the points. Raises HpsError for a cloud that keeps no point.
    """
    config = KeypointFreeConfig() if config is None else config
    empty = (~points.keep).all(1).nonzero()[:, 0]
    if len(empty):
        raise HpsError(f"cloud {int(empty[0])} of the batch keeps no point; leave it out")
    began = time.perf_counter()
    term = surface_term(body, points, config.fit)
    term = replace(term, group=np.where(term.group >= 0, ANY_PART, -1))
    prior = prior_term(body, config.fit)
    found = [
        _one(body, term.rows(np.array([cloud])), prior, config, np.asarray(up)) for cloud in range(len(points.points))
    ]
    states = BodyStates(
        rotations=np.concatenate([state.rotations for state, _ in found]),
        transl=np.concatenate([state.transl for state, _ in found]),
        coefficients=np.concatenate([state.coefficients for state, _ in found]),
    )
    equations = Equations(
        A=np.concatenate([about.A for _, about in found]),
        b=np.concatenate([about.b for _, about in found]),
        cost=np.concatenate([about.cost for _, about in found]),
    )
    milliseconds = {"fit": 1e3 * (time.perf_counter() - began), "refine": 0.0}
    return fitted_bodies(body, states, equations, None, term, np.ones(len(states), bool), milliseconds, points.points)


def _one(
    body: FitBody, term: SurfaceTerm, prior: PriorTerm, config: KeypointFreeConfig, up: Float[np.ndarray, "3"]
) -> tuple[BodyStates, Equations]:
    """The best end of one cloud."""
    told = np.flatnonzero(term.group[0] >= 0)
    states = _starts(body, term.points[0, told], term.rays[0, told], config, up)
    coarse = term.thinned(config.coarse_points)
    costs = np.zeros(len(states))
    for sigma in config.coarse_sigmas_m:
        stage = replace(
            coarse.repeated(len(states)),
            sigma=np.full((len(states), coarse.points.shape[1]), sigma),
            reach_m=max(3 * sigma, config.fit.reach_m),
        )
        linearise = partial(linearised, body, (stage,), prior)
        states, equations = minimised(states, linearise, config.coarse_steps, config.fit.greatest_turn)
        costs = equations.cost
    best = np.argsort(costs, kind="stable")[: config.kept]
    fine = partial(linearised, body, (term.thinned(config.fine_points).repeated(len(best)),), prior)
    states, equations = minimised(states.rows(best), fine, config.fine_steps, config.fit.greatest_turn)
    last = np.array([int(equations.cost.argmin())])
    return states.rows(last), equations.rows(last)


def _starts(
    body: FitBody,
    points: Float[np.ndarray, "points 3"],
    rays: Float[np.ndarray, "points 3"],
    config: KeypointFreeConfig,
    up: Float[np.ndarray, "3"],
) -> BodyStates:
    """Mean bodies in each pose and heading, upright, their skin's middle where the cloud's is or a little behind."""
    poses = _poses(body, config)
    z = up / np.linalg.norm(up)
    upright = _between(np.array([0.0, 0.0, 1.0]), z) @ exponential(np.array(STAND_UP))
    turns = np.linspace(0, 2 * np.pi, config.headings, endpoint=False)[:, None] * z
    roots = exponential(turns) @ upright
    rotations = np.tile(poses, (len(roots), 1, 1, 1))
    rotations[:, 0] = np.repeat(roots, len(poses), 0)
    none = np.zeros((len(rotations), body.coefficients))
    states = BodyStates(rotations=rotations, transl=np.zeros((len(rotations), 3)), coefficients=none)
    middle = posed_skin(body, states, frames_of(states, body.points)).vertices.mean(1)
    target = np.median(points, 0) + BEHIND_M * rays.mean(0)
    return replace(states, transl=target - middle)


def _poses(body: FitBody, config: KeypointFreeConfig) -> Float[np.ndarray, "poses 24 3 3"]:
    """Rest first, then the means of the prior's commonest components."""
    mixture = prior_term(body, config.fit).mixture
    theta = np.zeros((1 + min(config.poses - 1, len(mixture.means)), JOINT_COUNT, 3))
    theta[0] = pose_mean()
    commonest = np.argsort(-mixture.shares, kind="stable")[: len(theta) - 1]
    theta[1:, JOINTS] = mixture.means[commonest].reshape(-1, FEATURES // 3, 3)
    return exponential(theta)


def _between(a: Float[np.ndarray, "3"], b: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3 3"]:
    """The least rotation that takes the unit vector a to b; about x when they are opposite."""
    axis, cosine = np.cross(a, b), float(a @ b)
    sine = np.linalg.norm(axis)
    if sine < 1e-9:
        return np.eye(3) if cosine > 0 else exponential(np.array([np.pi, 0.0, 0.0]))
    return exponential(axis / sine * np.arctan2(sine, cosine))
