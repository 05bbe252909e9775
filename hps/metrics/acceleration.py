"""Errors of movement: acceleration in its two published definitions, and jitter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from jaxtyping import Float

from hps.errors import HpsError
from hps.metrics.alignment import same_shape
from hps.metrics.positions import joint_distances_mm

EMDB_IGNORED: Final = (0, 7, 8, 10, 11, 20, 21, 22, 23)
"""Joints that EMDB sets to zero before it measures jitter: they still count in the mean, as still ones."""


def acceleration_error_mm(
    estimate: Float[np.ndarray, "frames joints 3"],
    truth: Float[np.ndarray, "frames joints 3"],
    rate_hz: float | None = None,
) -> Float[np.ndarray, "inner"]:
    """Mean difference of the joints' accelerations, of the frames 1 .. T−2.

    Millimetres per frame squared, as HMMR, VIBE and mmhuman3d publish it; with `rate_hz`, millimetres per second
    squared. Raises HpsError with fewer than three frames.
    """
    same_shape("joints", estimate, truth)
    _enough(estimate, 3, "the acceleration error")
    scale = 1.0 if rate_hz is None else rate_hz**2
    return scale * joint_distances_mm(np.diff(estimate, 2, axis=0), np.diff(truth, 2, axis=0)).mean(-1)


def acceleration_error_m_s2(
    estimate: Float[np.ndarray, "frames joints 3"], truth: Float[np.ndarray, "frames joints 3"], rate_hz: float
) -> Float[np.ndarray, "inner"]:
    """The same in metres per second squared, of the frames 2 .. T−3, as WHAM and GVHMR publish it (at 30 Hz).

    They drop the first and the last value. Raises HpsError with fewer than five frames.
    """
    _enough(estimate, 5, "the acceleration error in m/s²")
    return acceleration_error_mm(estimate, truth, rate_hz)[1:-1] / 1000.0


def jitter_10m_s3(
    joints: Float[np.ndarray, "frames joints 3"], rate_hz: float, still: Sequence[int] = ()
) -> Float[np.ndarray, "inner"]:
    """Mean third derivative of the joints, in 10 m/s³ (PIP, EMDB, WHAM), of T−3 places between frames.

    still: joints that count as motionless, EMDB_IGNORED for EMDB's figure. It has no truth: a still estimate of a
    moving person has none. Raises HpsError with fewer than four frames.
    """
    _enough(joints, 4, "jitter")
    jerk = rate_hz**3 * np.linalg.norm(np.diff(np.asarray(joints, np.float64), 3, axis=0), axis=-1)
    jerk[:, list(still)] = 0.0
    return jerk.mean(-1) / 10.0


def _enough(frames: np.ndarray, least: int, what: str) -> None:
    if len(frames) < least:
        raise HpsError(f"{what} needs at least {least} frames, there are {len(frames)}; take a longer clip")
