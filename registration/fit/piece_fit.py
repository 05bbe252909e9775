"""Fit the frames of one piece: triangulated landmarks, then pixels with the surface, first wide, then finely."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from registration.fit.energy import Energy, Piece
from registration.fit.initial import initial_state
from registration.fit.lost_limbs import with_limbs_found
from registration.fit.posing import PosedClip
from registration.fit.sampling import points_by_part
from registration.fit.solver import minimise
from registration.fit.starts import started, without_trunk
from registration.fit.state import FitState
from registration.fit.surface import CloudPoints
from registration.fit.system import NormalEquations
from registration.fit.term import Term
from registration.fit.terms.margin_prior import MarginPrior

Progress = Callable[[int, int], None]
WIDE, COARSE = 3.0, 3
"""The first pass over the surface reaches this many times further, with one point of so many."""
KEYPOINT_TOLERANCE = 1e-3
"""Of the first stage, which only has to bring the body near its surface."""
TRIED_FRAMES, MORE = 4, 4
"""Frames on which the kinds of clothes are compared, and iterations of each from where the first kind is near.
By then painted clothes cost at least 40 less on the validation takes that wear them, and at least 47 more on others;
with ten betas once 22 more, since what the shapes leave out looks like cloth."""
GAIN = 8.0
"""Energy of a frame that other clothes must save over the first kind, the tightest: between those 22 and 47."""


def fit_piece(
    energy: Energy, piece: Piece, shared: FitState | None, on_progress: Progress | None = None
) -> tuple[FitState, NormalEquations]:
    """The least energy of a piece and its equations; with `shared` its shape and offsets are kept."""
    config = energy.config
    fit = _Stages(energy, shared is not None, on_progress)
    state = first_state(energy, piece, shared)
    points: dict[str, Term] = {"keypoints": energy.points(piece), **energy.started(piece)}
    cloud = piece.cloud if config.terms.get("surface", 1.0) and piece.cloud is not None else None
    if cloud is None or not cloud.weight.any():
        with_pixels = len(piece.keypoints.cameras) > 0
        silhouettes = energy.silhouettes(piece)
        stages = with_pixels * (1 + bool(silhouettes))
        fit.total = config.keypoint_iterations + stages * config.pixel_iterations
        tolerance = KEYPOINT_TOLERANCE if with_pixels else config.tolerance
        state, system = fit.step(state, {**points, **energy.priors(piece)}, config.keypoint_iterations, tolerance)
        if with_pixels:
            terms: dict[str, Term] = {**points, "keypoints": energy.pixels(piece), **energy.priors(piece)}
            state, system = fit.step(state, terms, config.pixel_iterations)
            if silhouettes:  # near the masks by now
                state, system = fit.step(state, {**terms, **silhouettes}, config.pixel_iterations)
        return state, system
    few = config.surface_iterations // 3
    kinds = energy.kinds_of_clothes()
    fit.total = config.keypoint_iterations + config.surface_iterations + (len(kinds) > 1) * (few + len(kinds) * MORE)
    from_points = {**points, **energy.priors(piece)}
    state, _ = fit.step(state, from_points, config.keypoint_iterations, KEYPOINT_TOLERANCE)
    landmarks = energy.landmarks, piece.keypoints.p_world[:, energy.landmarks.index]
    state, lost = with_limbs_found(state, *landmarks)
    if lost.any():
        state, _ = fit.step(state, from_points, config.keypoint_iterations, KEYPOINT_TOLERANCE)
    thin, priors = cloud.thinned(COARSE), energy.priors(piece)
    energy.clothes = next(iter(kinds))
    state, _ = fit.step(state, {**_terms(energy, piece, thin, WIDE), **priors}, few)
    if len(kinds) > 1:
        energy.clothes = _likeliest(energy, piece, state, kinds, fit)
        if energy.clothes is not kinds[0]:
            state, _ = fit.step(state, {**_terms(energy, piece, thin, WIDE), **priors}, few)
    if piece.clouds is not None:
        body, rng = PosedClip(state, energy.rest), np.random.default_rng(1)
        cloud = points_by_part(piece.clouds, config.surface_points, body, energy.ring, rng, piece.keypoints.time_us)
    fine = {**_terms(energy, piece, cloud, 1.0), **energy.silhouettes(piece)}
    terms = {**fine, **energy.late_priors(piece, state)}
    state, system = fit.step(state, terms, config.surface_iterations - few)
    found, lost = with_limbs_found(state, *landmarks)
    if not lost.any():
        return state, system
    again, renewed = fit.step(found, terms, config.surface_iterations - few)
    return (again, renewed) if renewed.cost < system.cost else (state, system)


class _Stages:
    """Runs the solver and tells how far it is."""

    def __init__(self, energy: Energy, fixed_shared: bool, on_progress: Progress | None) -> None:
        self.energy, self.fixed_shared, self.tell = energy, fixed_shared, on_progress or (lambda done, total: None)
        self.total = self.done = 0

    def step(
        self, state: FitState, terms: dict[str, Term], count: int, tolerance: float | None = None
    ) -> tuple[FitState, NormalEquations]:
        """One stage."""
        before, self.done = self.done, self.done + count
        fitted = minimise(
            state,
            lambda s: self.energy.equations(s, terms),
            count,
            self.energy.config.tolerance if tolerance is None else tolerance,
            fixed_shared=self.fixed_shared,
            on_iteration=lambda n: self.tell(before + n, self.total),
        )
        self.tell(self.done, self.total)
        return fitted


def first_state(energy: Energy, piece: Piece, shared: FitState | None) -> FitState:
    """In closed form from the landmarks, or as the piece's start has it; with `shared` its shape and offsets."""
    p = piece.keypoints.p_world[:, energy.landmarks.index]
    names, blind = energy.landmarks.names, without_trunk(energy.landmarks.names, p)
    state = None
    if piece.start is None or not blind.all():
        state = initial_state(energy.model, names, p, energy.betas, energy.config.beta_sigma)
    if piece.start is not None:
        state = started(state, piece.start, blind, energy.betas, len(names))
    assert state is not None
    if shared is not None:
        return replace(
            state, betas=shared.betas, offsets=shared.offsets, child=shared.child, fits_child=energy.fits_child
        )
    child = (state.child or float(energy.shape.mean[-1])) if energy.fits_child else 0.0
    return replace(state, child=child, fits_child=energy.fits_child)


def _terms(
    energy: Energy, piece: Piece, cloud: CloudPoints, kernel: float, clothes: MarginPrior | None = None
) -> dict[str, Term]:
    keypoints = energy.pixels(piece) if len(piece.keypoints.cameras) else energy.points(piece)
    surface = energy.surface(cloud, kernel, clothes or energy.clothes)
    return {"keypoints": keypoints, "surface": surface, **energy.started(piece)}


def _likeliest(
    energy: Energy, piece: Piece, state: FitState, kinds: tuple[MarginPrior | None, ...], fit: _Stages
) -> MarginPrior | None:
    """The kind of clothes with which some frames of the piece have the least energy."""
    assert piece.cloud is not None
    seen = np.flatnonzero(piece.cloud.weight.any(1))
    some = seen[np.unique(np.linspace(0, len(seen) - 1, min(TRIED_FRAMES, len(seen))).astype(int))]
    start = None if piece.start is None else piece.start[some]
    few = Piece(keypoints=piece.keypoints[some], cloud=None, smooth=False, start=start)
    thin = piece.cloud.at(some).thinned(COARSE)
    terms = [{**_terms(energy, few, thin, WIDE, kind), **energy.priors(few)} for kind in kinds]
    costs = [fit.step(state.at(some), of_kind, MORE)[1].cost for of_kind in terms]
    costs[0] -= GAIN * len(some)
    return kinds[int(np.argmin(costs))]
