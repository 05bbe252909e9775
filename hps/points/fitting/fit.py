"""Bodies from landmarks and, where the landmarks are unsure, from the points of the clouds themselves."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial

import numpy as np

from hps.errors import HpsError
from hps.points.fitting.body import FitBody
from hps.points.fitting.config import BodyFitConfig
from hps.points.fitting.equations import Equations
from hps.points.fitting.evidence import LandmarkGaussians, SurfacePoints
from hps.points.fitting.fitted import FittedBodies
from hps.points.fitting.landmark_term import LandmarkTerm
from hps.points.fitting.prior_term import PriorTerm
from hps.points.fitting.result import fitted_bodies
from hps.points.fitting.solver import minimised
from hps.points.fitting.start import closed_form
from hps.points.fitting.state import BodyStates, frames_of
from hps.points.fitting.surface_term import SurfaceTerm
from hps.points.fitting.term_making import array_of, landmark_term, prior_term, surface_term


def fit_bodies(
    body: FitBody,
    gaussians: LandmarkGaussians,
    surface: SurfacePoints | None = None,
    config: BodyFitConfig | None = None,
) -> FittedBodies:
    """The likeliest body of each cloud, and how sure it is. Computed in float64 on the processor.

    First the landmarks alone; then, for bodies whose landmarks are unsure (`refine_above_m`), landmarks and points.
    Raises HpsError when landmarks and points are not of the same clouds.
    """
    config = BodyFitConfig() if config is None else config
    if surface is not None and len(surface.points) != len(gaussians):
        raise HpsError(f"{len(surface.points)} clouds of points were given for landmarks of {len(gaussians)} clouds")
    began = time.perf_counter()
    landmarks, prior = landmark_term(body, gaussians, config), prior_term(body, config)
    states = closed_form(body, landmarks.position, landmarks.information / config.landmark_redundancy)
    linearise = partial(_linearised, body, landmarks, prior, None)
    states, equations = minimised(states, linearise, config.steps, config.greatest_turn)
    fitted = time.perf_counter()
    refined = np.zeros(len(states), bool)
    points = None if surface is None else surface_term(body, surface, config)
    if points is not None and config.refine:
        refined = (_sigma_of(gaussians) > config.refine_above_m) & (points.group >= 0).any(1)
        states, equations = _refined(body, states, equations, landmarks, prior, points, refined, config)
    ended = time.perf_counter()
    like = gaussians.position
    milliseconds = {"fit": 1e3 * (fitted - began), "refine": 1e3 * (ended - fitted)}
    return fitted_bodies(body, states, equations, landmarks, points, refined, milliseconds, like)


def _linearised(
    body: FitBody, landmarks: LandmarkTerm, prior: PriorTerm, points: SurfaceTerm | None, states: BodyStates
) -> Equations:
    equations = Equations.zeros(len(states), 75 + body.coefficients)
    frames = frames_of(states, body.points)
    landmarks.add(equations, states, frames)
    if points is not None:
        points.add(equations, states, frames)
    prior.add(equations, states)
    return equations


def _refined(
    body: FitBody,
    states: BodyStates,
    equations: Equations,
    landmarks: LandmarkTerm,
    prior: PriorTerm,
    points: SurfaceTerm,
    which: np.ndarray,
    config: BodyFitConfig,
) -> tuple[BodyStates, Equations]:
    """The chosen bodies fitted on to their points; the others stay as they are."""
    some = np.flatnonzero(which)
    if not len(some):
        return states, equations
    better, about = states.rows(some), equations.rows(some)
    landmarks, points = landmarks.rows(some), points.rows(some)
    for number, kernel in enumerate(config.point_kernels, 1):
        most = config.last_points if number == len(config.point_kernels) else config.refine_points
        stage = replace(points.thinned(most), kernel=kernel)
        linearise = partial(_linearised, body, landmarks, prior, stage)
        better, about = minimised(better, linearise, config.refine_steps, config.greatest_turn)
    return states.replaced(some, better), equations.replaced(some, about)


def _sigma_of(gaussians: LandmarkGaussians) -> np.ndarray:
    """Root mean square sigma of each body's landmarks; infinite where none is known."""
    sigma = array_of(gaussians.sigma)
    told = np.isfinite(sigma)
    mean = (np.where(told, sigma, 0.0) ** 2).sum(1) / np.maximum(told.sum(1), 1)
    return np.where(told.any(1), np.sqrt(mean), np.inf)
