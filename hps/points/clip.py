"""One person's clouds over time: one shape, frame by frame or as a smooth motion, and which frames gave nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

from hps.errors import HpsError
from hps.points.clip_bodies import ClipEstimate, SingleFrames, clip_of
from hps.points.estimator import FittedBatch, PointEstimator
from hps.points.person_cloud import PersonCloud

PIECE = 64
"""Clouds between two words on the progress."""


def estimate_clip(
    estimator: PointEstimator,
    clouds: Sequence[PersonCloud],
    time_s: Float[np.ndarray, "clouds"],
    *,
    smooth: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> ClipEstimate:
    """The bodies of one person, all clouds in one frame such as the world; see `clip_of`.

    Raises HpsError when no cloud gives a body.
    """
    batch = _batch(estimator, clouds, on_progress)
    if not batch.rows:
        raise HpsError(f"none of the {len(clouds)} clouds gives a body; the first: {batch.refused[0]}")
    single = SingleFrames(
        rows=np.array(batch.rows, np.int64),
        bodies=batch.clouds,
        confidence=np.array([verdict.confidence for verdict in batch.verdicts]),
        reasons=tuple(verdict.reason for verdict in batch.verdicts),
        residual_mm=np.array([one.residual_mm for one in batch.signs]),
        refused=batch.refused,
        milliseconds=batch.milliseconds,
        spread=estimator.spread,
    )
    return clip_of(estimator.fit_body, single, time_s, smooth=smooth)


def _batch(
    estimator: PointEstimator, clouds: Sequence[PersonCloud], on_progress: Callable[[int, int], None] | None
) -> FittedBatch:
    parts = []
    for start in range(0, len(clouds), PIECE):
        parts.append(estimator.fitted(clouds[start : start + PIECE]).shifted(start))
        if on_progress is not None:
            on_progress(min(start + PIECE, len(clouds)), len(clouds))
    return FittedBatch.joined(parts)
