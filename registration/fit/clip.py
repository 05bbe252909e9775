"""Fit an SMPL-format body to a whole clip: keypoints first, then pixels together with the cloud's surface."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from body.model import BodyModel
from geometry.camera import Camera
from geometry.cloud import PointCloud
from registration.body_track import BodyTrack
from registration.fit.clip_keypoints import ClipKeypoints, pixel_sigma
from registration.fit.config import FitConfig
from registration.fit.energy import Energy, Piece, ShapeBelief
from registration.fit.initial import initial_state
from registration.fit.posing import PosedClip
from registration.fit.report import report
from registration.fit.rest import RestBody
from registration.fit.sampling import points_by_part
from registration.fit.solver import minimise
from registration.fit.state import FitState
from registration.fit.surface import CloudPoints
from registration.fit.system import NormalEquations
from registration.fit.term import Term

__all__ = ["ClipKeypoints", "Fit", "fit_clip", "pixel_sigma"]

Progress = Callable[[int, int], None]
WIDE, COARSE = 3.0, 3
"""The first pass over the surface reaches this many times further, with one point of so many."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fit:
    """A fitted clip."""

    track: BodyTrack
    state: FitState
    landmarks: tuple[str, ...]
    """Names of the rows of `state.offsets`."""
    body: RestBody
    """The model with the unknowns of the shape."""
    system: NormalEquations
    """All terms, linearised at the state, without damping. Of a clip in pieces: without the links between them."""


def fit_clip(
    model: BodyModel,
    keypoints: ClipKeypoints,
    clouds: Sequence[PointCloud | None] | None = None,
    config: FitConfig | None = None,
    on_progress: Progress | None = None,
    depth_cameras: Sequence[Camera] = (),
    shape: ShapeBelief | None = None,
) -> Fit:
    """The body of every frame: one shape, a pose for each frame, and what should not be trusted in its flags.

    clouds: one for each frame, None where there is none. depth_cameras: those that made the clouds, which say how much
    of the body could have points. shape: what is known of the person's shape. Frames without data are interpolated by
    the motion prior and flagged. Raises RegistrationError when no frame shows a trunk or the shapes disagree.
    """
    config = config or FitConfig()
    energy = Energy(model, keypoints, config, shape)
    if len(keypoints) <= config.frames_at_once:
        state, system = fit_piece(energy, _piece(energy, keypoints, clouds), None, on_progress)
    else:
        state, system = _in_pieces(energy, keypoints, clouds, on_progress)
    track = report(model, energy.landmarks, keypoints, state, clouds, energy.rest, system, depth_cameras)
    return Fit(track=track, state=state, landmarks=energy.landmarks.names, body=energy.rest, system=system)


def fit_piece(
    energy: Energy, piece: Piece, shared: FitState | None, on_progress: Progress | None = None
) -> tuple[FitState, NormalEquations]:
    """One piece and its equations; with `shared` its shape and offsets are kept."""
    landmarks = energy.landmarks
    state = initial_state(
        energy.model,
        landmarks.names,
        piece.keypoints.p_world[:, landmarks.index],
        energy.betas,
        energy.config.beta_sigma,
    )
    state = replace(
        state, child=float(energy.shape.mean[-1]) if energy.fits_child else 0.0, fits_child=energy.fits_child
    )
    if shared is not None:
        state = replace(state, betas=shared.betas, offsets=shared.offsets, child=shared.child)
    config, few = energy.config, energy.config.surface_iterations // 3
    points: dict[str, Term] = {"keypoints": energy.points(piece)}
    best: dict[str, Term] = {"keypoints": energy.pixels(piece)} if len(piece.keypoints.cameras) else points
    cloud = piece.cloud if config.terms.get("surface", 1.0) and piece.cloud is not None else None
    if cloud is not None and not cloud.weight.any():
        cloud = None
    kinds = energy.kinds_of_clothes()
    total = config.keypoint_iterations + (
        config.pixel_iterations if cloud is None else config.surface_iterations + (len(kinds) - 1) * few
    )
    done, tell = 0, on_progress or (lambda done, total: None)

    def step(state: FitState, terms: dict[str, Term], count: int) -> tuple[FitState, NormalEquations]:
        nonlocal done
        before, done = done, done + count
        return minimise(
            state,
            lambda s: energy.equations(s, terms),
            count,
            config.tolerance,
            fixed_shared=shared is not None,
            on_iteration=lambda n: tell(before + n, total),
        )

    state, system = step(state, {**points, **energy.priors(piece)}, config.keypoint_iterations)
    if cloud is None:
        if best is not points:
            state, system = step(state, {**best, **energy.priors(piece)}, config.pixel_iterations)
    else:
        thin, priors = cloud.thinned(COARSE), energy.priors(piece)
        tried = [step(state, {**best, "surface": energy.surface(thin, WIDE, kind), **priors}, few) for kind in kinds]
        cheapest = min(range(len(kinds)), key=lambda n: tried[n][1].cost)
        state, energy.clothes = tried[cheapest][0], kinds[cheapest]
        if piece.clouds is not None:
            body, rng = PosedClip(state, energy.rest), np.random.default_rng(1)
            cloud = points_by_part(piece.clouds, config.surface_points, body, energy.ring, rng)
        terms = {**best, "surface": energy.surface(cloud, 1.0, energy.clothes), **energy.late_priors(piece, state)}
        state, system = step(state, terms, config.surface_iterations - few)
    tell(total, total)
    return state, system


def _piece(
    energy: Energy, keypoints: ClipKeypoints, clouds: Sequence[PointCloud | None] | None, smooth: bool = True
) -> Piece:
    rng = np.random.default_rng(0)
    cloud = None if clouds is None else CloudPoints.of(clouds, energy.config.surface_points, rng)
    return Piece(keypoints=keypoints, cloud=cloud, smooth=smooth, clouds=clouds)


def _in_pieces(
    energy: Energy,
    keypoints: ClipKeypoints,
    clouds: Sequence[PointCloud | None] | None,
    on_progress: Progress | None,
) -> tuple[FitState, NormalEquations]:
    """A long clip: the shape from frames spread over it, then pieces that overlap, cut in the middle of the overlap."""
    T, size = len(keypoints), energy.config.frames_at_once
    spread = np.linspace(0, T - 1, min(size, 100)).astype(int)
    some = None if clouds is None else [clouds[t] for t in spread]
    shared, _ = fit_piece(energy, _piece(energy, keypoints[spread], some, smooth=False), None)
    overlap = min(20, size // 4)
    starts = list(range(0, max(T - overlap, 1), size - overlap))
    rotations, transl = np.empty((T, *shared.rotations.shape[1:])), np.empty((T, 3))
    systems = []
    for n, start in enumerate(starts):
        part = slice(start, min(start + size, T))
        state, system = fit_piece(
            energy, _piece(energy, keypoints[part], None if clouds is None else clouds[part]), shared
        )
        kept = 0 if n == 0 else overlap // 2
        systems.append((start + kept, system.frames(slice(kept, None))))
        rotations[start + kept : part.stop] = state.rotations[kept:]
        transl[start + kept : part.stop] = state.transl[kept:]
        if on_progress is not None:
            on_progress(n + 1, len(starts))
    ends = [start for start, _ in systems[1:]] + [T]
    joined = NormalEquations.joined([s.frames(slice(0, end - start)) for (start, s), end in zip(systems, ends)])
    return replace(shared, rotations=rotations, transl=transl), joined
