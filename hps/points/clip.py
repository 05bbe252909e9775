"""One person's clouds over time: one shape, frame by frame or as a smooth motion, and which frames gave nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int64

from hps.errors import HpsError
from hps.points.estimate import USABLE, BodyEstimate
from hps.points.estimator import FittedBatch, PointEstimator
from hps.points.joint_spread import joint_spread
from hps.points.person_cloud import PersonCloud
from hps.points.sequence.bodies import FrameBodies
from hps.points.sequence.config import SequenceConfig
from hps.points.sequence.shared_shape import shape_spread, shared_shape, with_shape
from hps.points.sequence.smooth import smooth_bodies

PIECE = 64
"""Clouds between two words on the progress."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ClipEstimate:
    """Bodies of a clip."""

    estimate: BodyEstimate
    """Of the frames that have a body."""
    frames: Int64[np.ndarray, "frames"]
    """Which of the clouds these are."""
    residual_mm: Float[np.ndarray, "frames"]
    """Median distance of the points from the body that was fitted to them; NaN where a frame was bridged."""
    refused: dict[int, str]
    """Clouds that gave no body, with the reason."""


def estimate_clip(
    estimator: PointEstimator,
    clouds: Sequence[PersonCloud],
    time_s: Float[np.ndarray, "clouds"],
    *,
    smooth: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> ClipEstimate:
    """The bodies of one person, all clouds in one frame such as the world.

    All frames share one shape, the product of what they say of it. smooth: the temporal mode as well
    (docs/point_sequences.md), which bridges short gaps. Raises HpsError when no cloud gives a body.
    """
    batch = _batch(estimator, clouds, on_progress)
    if not batch.rows:
        raise HpsError(f"none of the {len(clouds)} clouds gives a body; the first: {batch.refused[0]}")
    frames = _frame_bodies(batch, len(clouds), time_s, estimator.spread)
    return _smooth(estimator, batch, frames) if smooth else _one_by_one(estimator, batch, frames)


def _batch(
    estimator: PointEstimator, clouds: Sequence[PersonCloud], on_progress: Callable[[int, int], None] | None
) -> FittedBatch:
    parts = []
    for start in range(0, len(clouds), PIECE):
        parts.append(estimator.fitted(clouds[start : start + PIECE]).shifted(start))
        if on_progress is not None:
            on_progress(min(start + PIECE, len(clouds)), len(clouds))
    return FittedBatch.joined(parts)


def _frame_bodies(batch: FittedBatch, count: int, time_s: np.ndarray, spread: float) -> FrameBodies:
    """A row for each cloud; frames whose body should not be used say nothing, unless there are no others."""
    rows = np.array(batch.rows)
    good = np.array([verdict.confidence >= USABLE for verdict in batch.verdicts])
    seen = np.zeros(count, bool)
    seen[rows[good] if good.any() else rows] = True
    arrays = {}
    for name in ("rotations", "betas", "child", "transl", "covariance"):
        values = getattr(batch.clouds, name)
        arrays[name] = np.full((count, *values.shape[1:]), np.nan)
        arrays[name][rows] = values
    return FrameBodies(**arrays, time_s=np.asarray(time_s, np.float64), seen=seen, spread=spread)


def _one_by_one(estimator: PointEstimator, batch: FittedBatch, frames: FrameBodies) -> ClipEstimate:
    """Each frame's own pose under the clip's shape."""
    rows = np.array(batch.rows)
    if len(rows) == 1:
        return _estimate(estimator, batch, frames.rows(rows), rows, tuple(v.reason for v in batch.verdicts))
    shape = shared_shape(frames, SequenceConfig())
    everybody = replace(frames, seen=np.isfinite(frames.transl).all(-1))  # doubted frames get the shape too
    shaped = with_shape(everybody, shape)
    shaped = replace(shaped, covariance=shaped.covariance + shape_spread(everybody, shape))
    return _estimate(estimator, batch, shaped.rows(rows), rows, tuple(v.reason for v in batch.verdicts))


def _smooth(estimator: PointEstimator, batch: FittedBatch, frames: FrameBodies) -> ClipEstimate:
    motion = smooth_bodies(frames, people=["one"] * len(frames))
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
    doubts = {row: verdict.reason for row, verdict in zip(batch.rows, batch.verdicts)} | batch.refused
    told = {row: "; ".join(part for part in (doubts[row], motion.notes[row]) if part) for row in doubts}
    lost = {int(row): told[int(row)] for row in np.flatnonzero(~motion.known)}
    reasons = tuple(told[int(row)] for row in rows)
    return _estimate(estimator, batch, bodies, rows, reasons, lost)


def _estimate(
    estimator: PointEstimator,
    batch: FittedBatch,
    bodies: FrameBodies,
    rows: Int64[np.ndarray, "frames"],
    reasons: tuple[str, ...],
    lost: dict[int, str] | None = None,
) -> ClipEstimate:
    from body.parameters import BodyParameters
    from registration.fit.rotations import logarithm

    turns = logarithm(bodies.rotations).reshape(len(rows), -1)
    parameters = BodyParameters(
        betas=bodies.betas[0], global_orient=turns[:, :3], body_pose=turns[:, 3:], transl=bodies.transl,
        child=float(bodies.child[0]),
    )  # fmt: skip
    joints = estimator.body.pose(parameters).joints
    place = {row: n for n, row in enumerate(batch.rows)}
    at = [place.get(int(row)) for row in rows]

    def of_frames(values: np.ndarray) -> np.ndarray:
        out = np.full((len(rows), *values.shape[1:]), np.nan)
        for n, own in enumerate(at):
            if own is not None:
                out[n] = values[own]
        return out

    residual = of_frames(np.array([one.residual_mm for one in batch.signs]))
    confidence = of_frames(np.array([verdict.confidence for verdict in batch.verdicts]))
    return ClipEstimate(
        estimate=BodyEstimate(
            parameters=parameters,
            joints=joints,
            joint_covariance=joint_spread(estimator.fit_body, bodies.rotations, joints, bodies.covariance),
            parameter_covariance=bodies.covariance,
            confidence=np.nan_to_num(confidence, nan=0.0),
            reasons=reasons,
            landmarks=of_frames(batch.clouds.landmarks),
            landmark_sigma=of_frames(batch.clouds.landmark_sigma),
            milliseconds=batch.milliseconds,
            spread=bodies.spread,
        ),
        frames=rows.astype(np.int64),
        residual_mm=residual,
        refused=lost if lost is not None else dict(batch.refused),
    )
