"""Fit an SMPL-format body to a whole clip: keypoints first, then pixels together with the cloud's surface."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from body.model import BodyModel
from geometry.camera import Camera
from geometry.cloud import PointCloud
from registration.body_track import BodyTrack
from registration.errors import RegistrationError
from registration.fit.clip_keypoints import ClipKeypoints, pixel_sigma
from registration.fit.config import FitConfig
from registration.fit.energy import Energy, Piece, ShapeBelief
from registration.fit.facing import facing
from registration.fit.piece_fit import fit_piece
from registration.fit.report import report
from registration.fit.rest import RestBody
from registration.fit.starts import BodyStart, without_trunk
from registration.fit.state import FitState
from registration.fit.surface import CloudPoints
from registration.fit.swaps import EXCHANGED, exchanged, swapped_frames
from registration.fit.system import NormalEquations
from registration.fit.terms.silhouettes import Outline

__all__ = ["ClipKeypoints", "Fit", "fit_clip", "pixel_sigma"]

Progress = Callable[[int, int], None]


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
    outlines: Sequence[Outline] = (),
    start: BodyStart | None = None,
) -> Fit:
    """The body of every frame: one shape, a pose for each frame, and what should not be trusted in its flags.

    clouds: one for each frame, None where there is none. depth_cameras: those that made the clouds, which say how much
    of the body could have points. shape: what is known of the person's shape. outlines: of the person's masks, for the
    term `silhouettes`. start: bodies that were found in other ways, one for each frame or none; frames whose keypoints
    show no trunk begin there, and say so in their flags. Frames without data are interpolated by the motion prior and
    flagged. Raises RegistrationError when no frame shows a trunk or has a start, or the shapes disagree.
    """
    config = config or FitConfig()
    energy = Energy(model, keypoints, config, shape)
    swapped = swapped_frames(keypoints.p_world, list(keypoints.names))
    keypoints = exchanged(keypoints, swapped)
    ways = facing(energy, keypoints)
    if ways is not None and ways.wrong:
        every = np.ones(len(keypoints), bool)
        keypoints, swapped = exchanged(keypoints, every), ~swapped
    start = _of_blind_frames(energy, keypoints, start)
    if len(keypoints) <= config.frames_at_once:
        state, system = fit_piece(energy, _piece(energy, keypoints, clouds, outlines, start), None, on_progress)
    else:
        state, system = _in_pieces(energy, keypoints, clouds, outlines, start, on_progress)
    track = report(model, energy.landmarks, keypoints, state, clouds, energy.rest, system, depth_cameras)
    track = _flagged(track, [EXCHANGED if s else "" for s in swapped])
    if start is not None:
        track = _flagged(track, [words if known else "" for words, known in zip(start.words, start.known)])
    return Fit(track=track, state=state, landmarks=energy.landmarks.names, body=energy.rest, system=system)


def _flagged(track: BodyTrack, words: Sequence[str]) -> BodyTrack:
    """The track with something to say before its frames' other flags."""
    if not any(words):
        return track
    flags = [f"{word}; {flag}".strip("; ") for word, flag in zip(words, track.flags)]
    return replace(track, flags=np.array(flags, np.str_))


def _of_blind_frames(energy: Energy, keypoints: ClipKeypoints, start: BodyStart | None) -> BodyStart | None:
    """The start of frames without a trunk alone: where there are keypoints, they are believed."""
    if start is None:
        return None
    if len(start) != len(keypoints):
        raise RegistrationError(f"the start has {len(start)} frames, the clip {len(keypoints)}; give one for each")
    index = energy.landmarks.index
    known = start.known & without_trunk(energy.landmarks.names, keypoints.p_world[:, index])
    return replace(start, known=known) if known.any() else None


def _piece(
    energy: Energy,
    keypoints: ClipKeypoints,
    clouds: Sequence[PointCloud | None] | None,
    outlines: Sequence[Outline],
    start: BodyStart | None,
    smooth: bool = True,
) -> Piece:
    rng = np.random.default_rng(0)
    cloud = None if clouds is None else CloudPoints.of(clouds, energy.config.surface_points, rng)
    return Piece(keypoints=keypoints, cloud=cloud, smooth=smooth, clouds=clouds, outlines=outlines, start=start)


def _outlines_of(outlines: Sequence[Outline], frames: Sequence[int] | np.ndarray) -> list[Outline]:
    """Those of some frames, counted from the first of these."""
    place = {int(frame): n for n, frame in enumerate(frames)}
    return [replace(outline, frame=place[outline.frame]) for outline in outlines if outline.frame in place]


def _in_pieces(
    energy: Energy,
    keypoints: ClipKeypoints,
    clouds: Sequence[PointCloud | None] | None,
    outlines: Sequence[Outline],
    start: BodyStart | None,
    on_progress: Progress | None,
) -> tuple[FitState, NormalEquations]:
    """A long clip: the shape from frames spread over it, then pieces that overlap, cut in the middle of the overlap."""
    T, size = len(keypoints), energy.config.frames_at_once
    spread = np.linspace(0, T - 1, min(size, 100)).astype(int)
    some = None if clouds is None else [clouds[t] for t in spread]
    began = None if start is None else start[spread]
    few = _piece(energy, keypoints[spread], some, _outlines_of(outlines, spread), began, smooth=False)
    shared, _ = fit_piece(energy, few, None)
    overlap = min(20, size // 4)
    starts = list(range(0, max(T - overlap, 1), size - overlap))
    rotations, transl = np.empty((T, *shared.rotations.shape[1:])), np.empty((T, 3))
    systems = []
    for n, first in enumerate(starts):
        part = slice(first, min(first + size, T))
        some = None if clouds is None else clouds[part]
        its = _outlines_of(outlines, range(part.start, part.stop))
        began = None if start is None else start[part]
        state, system = fit_piece(energy, _piece(energy, keypoints[part], some, its, began), shared)
        kept = 0 if n == 0 else overlap // 2
        systems.append((first + kept, system.frames(slice(kept, None))))
        rotations[first + kept : part.stop] = state.rotations[kept:]
        transl[first + kept : part.stop] = state.transl[kept:]
        if on_progress is not None:
            on_progress(n + 1, len(starts))
    ends = [first for first, _ in systems[1:]] + [T]
    joined = NormalEquations.joined([s.frames(slice(0, end - first)) for (first, s), end in zip(systems, ends)])
    return replace(shared, rotations=rotations, transl=transl), joined
