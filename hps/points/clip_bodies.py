"""One person's bodies of single frames put together: one shape, frame by frame or as a smooth motion."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int64

from body.parameters import BodyParameters
from hps.errors import HpsError
from hps.points.estimate import USABLE, BodyEstimate
from hps.points.fitted_clouds import FittedClouds
from hps.points.fitting.body import FitBody
from hps.points.joint_spread import joint_spread
from hps.points.sequence.bodies import FrameBodies
from hps.points.sequence.config import SequenceConfig
from hps.points.sequence.shared_shape import shape_spread, shared_shape, with_shape
from hps.points.sequence.smooth import smooth_bodies
from registration.fit.rotations import logarithm
from registration.shape.prior import ShapePrior


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SingleFrames:
    """What single frames say of one person, before anything is known of time; whatever the bodies were found in."""

    rows: Int64[np.ndarray, "bodies"]
    """Which of the frames have a body, rising."""
    bodies: FittedClouds
    """All in one frame, such as the world."""
    confidence: Float[np.ndarray, "bodies"]
    reasons: tuple[str, ...]
    """What speaks against each body; empty for a good one."""
    residual_mm: Float[np.ndarray, "bodies"]
    refused: dict[int, str]
    """Frames without a body, with the reason."""
    milliseconds: dict[str, float]
    spread: float = 1.0
    """What calibration multiplied standard deviations by."""
    shape_prior: ShapePrior | None = None
    """What was believed of the shape in each of the fits; None: that of people in general."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ClipEstimate:
    """Bodies of a clip."""

    estimate: BodyEstimate
    """Of the frames that have a body."""
    frames: Int64[np.ndarray, "frames"]
    """Which of the frames (clouds, pictures) these are."""
    residual_mm: Float[np.ndarray, "frames"]
    """Median distance of the points from the body that was fitted to them; NaN where a frame was bridged, and where
    bodies are not found in points."""
    refused: dict[int, str]
    """Frames that gave no body, with the reason."""


def clip_of(
    body: FitBody, single: SingleFrames, time_s: Float[np.ndarray, "frames"], *, smooth: bool = False
) -> ClipEstimate:
    """The bodies of one person. All frames share one shape, the product of what they say of it.

    smooth: the temporal mode as well (docs/point_sequences.md), which bridges short gaps. Raises HpsError when no frame
    has a body.
    """
    if not len(single.rows):
        raise HpsError(f"none of the {len(time_s)} frames has a body; choose other frames")
    frames = _frame_bodies(single, len(time_s), time_s)
    return _smooth(body, single, frames) if smooth else _one_by_one(body, single, frames)


def _frame_bodies(single: SingleFrames, count: int, time_s: np.ndarray) -> FrameBodies:
    """A row for each frame; those whose body should not be used say nothing, unless there are no others."""
    good = single.confidence >= USABLE
    seen = np.zeros(count, bool)
    seen[single.rows[good] if good.any() else single.rows] = True
    arrays = {}
    for name in ("rotations", "betas", "child", "transl", "covariance"):
        values = getattr(single.bodies, name)
        arrays[name] = np.full((count, *values.shape[1:]), np.nan)
        arrays[name][single.rows] = values
    return FrameBodies(**arrays, time_s=np.asarray(time_s, np.float64), seen=seen, spread=single.spread)


def _one_by_one(body: FitBody, single: SingleFrames, frames: FrameBodies) -> ClipEstimate:
    """Each frame's own pose under the clip's shape."""
    rows = single.rows
    if len(rows) == 1:
        return _estimate(body, single, frames.rows(rows), rows, single.reasons)
    shape = shared_shape(frames, SequenceConfig(shape_prior=single.shape_prior))
    everybody = replace(frames, seen=np.isfinite(frames.transl).all(-1))  # doubted frames get the shape too
    shaped = with_shape(everybody, shape)
    shaped = replace(shaped, covariance=shaped.covariance + shape_spread(everybody, shape))
    return _estimate(body, single, shaped.rows(rows), rows, single.reasons)


def _smooth(body: FitBody, single: SingleFrames, frames: FrameBodies) -> ClipEstimate:
    config = SequenceConfig(shape_prior=single.shape_prior)
    motion = smooth_bodies(frames, people=["one"] * len(frames), config=config)
    rows = np.flatnonzero(motion.known)
    bodies = FrameBodies(
        rotations=motion.rotations[rows],
        betas=motion.betas[rows],
        child=motion.child[rows],
        transl=motion.transl[rows],
        covariance=motion.covariance[rows],
        time_s=frames.time_s[rows],
        seen=np.ones(len(rows), bool),
        spread=frames.spread,
    )
    doubts = dict(zip(single.rows.tolist(), single.reasons)) | single.refused
    told = {row: "; ".join(part for part in (doubts[row], motion.notes[row]) if part) for row in doubts}
    lost = {int(row): told[int(row)] for row in np.flatnonzero(~motion.known)}
    reasons = tuple(told[int(row)] for row in rows)
    return _estimate(body, single, bodies, rows, reasons, lost)


def _estimate(
    body: FitBody,
    single: SingleFrames,
    bodies: FrameBodies,
    rows: Int64[np.ndarray, "frames"],
    reasons: tuple[str, ...],
    lost: dict[int, str] | None = None,
) -> ClipEstimate:
    turns = logarithm(bodies.rotations).reshape(len(rows), -1)
    parameters = BodyParameters(
        betas=bodies.betas[0], global_orient=turns[:, :3], body_pose=turns[:, 3:], transl=bodies.transl,
        child=float(bodies.child[0]),
    )  # fmt: skip
    joints = body.model.pose(parameters).joints
    place = {row: n for n, row in enumerate(single.rows.tolist())}
    at = [place.get(int(row)) for row in rows]

    def of_frames(values: np.ndarray) -> np.ndarray:
        out = np.full((len(rows), *values.shape[1:]), np.nan)
        for n, own in enumerate(at):
            if own is not None:
                out[n] = values[own]
        return out

    return ClipEstimate(
        estimate=BodyEstimate(
            parameters=parameters,
            joints=joints,
            joint_covariance=joint_spread(body, bodies.rotations, joints, bodies.covariance),
            parameter_covariance=bodies.covariance,
            confidence=np.nan_to_num(of_frames(single.confidence), nan=0.0),
            reasons=reasons,
            landmarks=of_frames(single.bodies.landmarks),
            landmark_sigma=of_frames(single.bodies.landmark_sigma),
            milliseconds=single.milliseconds,
            spread=bodies.spread,
        ),
        frames=rows.astype(np.int64),
        residual_mm=of_frames(single.residual_mm),
        refused=lost if lost is not None else dict(single.refused),
    )
