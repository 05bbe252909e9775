"""Bodies from landmarks and pictures and, where the landmarks are unsure, from the points of the clouds themselves."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from torch import Tensor

from hps.errors import HpsError
from hps.points.fitting.body import FitBody
from hps.points.fitting.config import BodyFitConfig
from hps.points.fitting.equations import Equations
from hps.points.fitting.evidence import LandmarkGaussians, SurfacePoints
from hps.points.fitting.fitted import FittedBodies
from hps.points.fitting.pictures import PictureKeypoints
from hps.points.fitting.prior_term import PriorTerm
from hps.points.fitting.result import fitted_bodies
from hps.points.fitting.solver import minimised
from hps.points.fitting.start import closed_form
from hps.points.fitting.state import BodyStates
from hps.points.fitting.surface_term import SurfaceTerm
from hps.points.fitting.term import Term, linearised
from hps.points.fitting.term_making import array_of, landmark_term, picture_term, prior_term, surface_term


def fit_bodies(
    body: FitBody,
    gaussians: LandmarkGaussians | None,
    surface: SurfacePoints | None = None,
    config: BodyFitConfig | None = None,
    *,
    pictures: Sequence[PictureKeypoints] = (),
    start: BodyStates | None = None,
    more: Sequence[Term] = (),
) -> FittedBodies:
    """The likeliest body of each cloud, and how sure it is. Computed in float64 on the processor.

    First landmarks and pictures; then, for bodies whose landmarks are unsure (`refine_above_m`) or not there, the
    points too. Each of the three may be missing, all of them in one frame. Without landmarks a start must be given.
    pictures: of each body one picture in each entry. more: any other evidence of the same bodies. Raises HpsError when
    what is given is not of the same bodies.
    """
    config = BodyFitConfig() if config is None else config
    _check(gaussians, surface, pictures, start)
    began = time.perf_counter()
    landmarks = None if gaussians is None else landmark_term(body, gaussians, config)
    prior = prior_term(body, config)
    states = start
    if states is None:
        assert landmarks is not None
        states = closed_form(body, landmarks.position, landmarks.information / config.landmark_redundancy)
    seen = tuple(picture_term(body, picture, states, config) for picture in pictures)
    told: tuple[Term, ...] = (*seen, *more) if landmarks is None else (landmarks, *seen, *more)
    steps = config.steps if told else 0
    states, equations = minimised(states, partial(linearised, body, told, prior), steps, config.greatest_turn)
    fitted = time.perf_counter()
    refined = np.zeros(len(states), bool)
    points = None if surface is None else surface_term(body, surface, config)
    if points is not None and config.refine:
        unsure = np.full(len(states), np.inf) if gaussians is None else _sigma_of(gaussians)
        refined = (unsure > config.refine_above_m) & (points.group >= 0).any(1)
        states, equations = _refined(body, states, equations, told, prior, points, refined, config)
    ended = time.perf_counter()
    like = next(tensor for tensor in _tensors(gaussians, surface, pictures))
    milliseconds = {"fit": 1e3 * (fitted - began), "refine": 1e3 * (ended - fitted)}
    return fitted_bodies(body, states, equations, landmarks, points, refined, milliseconds, like)


def _tensors(
    gaussians: LandmarkGaussians | None, surface: SurfacePoints | None, pictures: Sequence[PictureKeypoints]
) -> Iterator[Tensor]:
    """What was given, one tensor of each, a row for each body."""
    if gaussians is not None:
        yield gaussians.position
    if surface is not None:
        yield surface.points
    for picture in pictures:
        yield picture.q


def _check(
    gaussians: LandmarkGaussians | None,
    surface: SurfacePoints | None,
    pictures: Sequence[PictureKeypoints],
    start: BodyStates | None,
) -> None:
    counts = [len(tensor) for tensor in _tensors(gaussians, surface, pictures)]
    if not counts:
        raise HpsError("a body fit was given neither landmarks, nor points, nor pictures; give one of them")
    if gaussians is not None and surface is not None and len(surface.points) != len(gaussians):
        raise HpsError(f"{len(surface.points)} clouds of points were given for landmarks of {len(gaussians)} clouds")
    if start is not None:
        counts.append(len(start))
    if len(set(counts)) > 1:
        raise HpsError(f"landmarks, points, pictures and starts are of {counts} bodies; give the same number of each")
    if gaussians is None and start is None:
        raise HpsError("a body fit without landmarks cannot tell where to start; give a start, or landmarks")


def _refined(
    body: FitBody,
    states: BodyStates,
    equations: Equations,
    told: tuple[Term, ...],
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
    told, points = tuple(term.rows(some) for term in told), points.rows(some)
    for number, kernel in enumerate(config.point_kernels, 1):
        most = config.last_points if number == len(config.point_kernels) else config.refine_points
        stage = replace(points.thinned(most), kernel=kernel)
        linearise = partial(linearised, body, (*told, stage), prior)
        better, about = minimised(better, linearise, config.refine_steps, config.greatest_turn)
    return states.replaced(some, better), equations.replaced(some, about)


def _sigma_of(gaussians: LandmarkGaussians) -> np.ndarray:
    """Root mean square sigma of each body's landmarks; infinite where none is known."""
    sigma = array_of(gaussians.sigma)
    told = np.isfinite(sigma)
    mean = (np.where(told, sigma, 0.0) ** 2).sum(1) / np.maximum(told.sum(1), 1)
    return np.where(told.any(1), np.sqrt(mean), np.inf)
