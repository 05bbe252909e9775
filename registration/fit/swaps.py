"""Frames in which a detector took left for right, told by the motion of the others."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float

from registration.fit.clip_keypoints import ClipKeypoints
from registration.keypoints.sets import KeypointSet

SWAPPED = 0.5
"""Exchanged labels must be this much nearer to the neighbours, in the mean distance of the landmarks."""
WINDOW = 5
"""Frames: a sixth of a second."""
CAP_M = 0.5
"""Distances count up to this, so that one lost wrist decides nothing."""
LEAST_LANDMARKS = 6
EXCHANGED = "left and right exchanged in the keypoints"


def swapped_frames(p_world: Float[np.ndarray, "frames landmarks 3"], names: list[str]) -> Bool[np.ndarray, "frames"]:
    """Frames whose triangulated landmarks continue those of their neighbours much better with their sides exchanged.

    Neighbours are told by the median over a window, which a few wrong frames do not move; of a clip that is wrong for
    longer than half a window nothing is said.
    """
    mirror = KeypointSet(tuple(names)).mirror
    paired = mirror != np.arange(len(names))
    if len(p_world) < WINDOW:
        return np.zeros(len(p_world), bool)
    half = WINDOW // 2
    padded = np.pad(p_world, ((half, half), (0, 0), (0, 0)), constant_values=np.nan)
    windows = np.stack([padded[n : n + len(p_world)] for n in range(WINDOW)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of landmarks that no frame of a window has
        usual = np.nanmedian(windows, axis=0)
    plain = np.linalg.norm(p_world - usual, axis=-1)[:, paired]
    crossed = np.linalg.norm(p_world[:, mirror] - usual, axis=-1)[:, paired]
    known = np.isfinite(plain) & np.isfinite(crossed)
    count = known.sum(1)
    mean = lambda d: np.where(known, np.minimum(d, CAP_M), 0).sum(1) / np.maximum(count, 1)  # noqa: E731
    return (count >= LEAST_LANDMARKS) & (mean(crossed) < SWAPPED * mean(plain))


def exchanged(keypoints: ClipKeypoints, frames: Bool[np.ndarray, "frames"]) -> ClipKeypoints:
    """The same with left and right exchanged in some frames, in space and in all images."""
    if not frames.any():
        return keypoints
    mirror = KeypointSet(tuple(keypoints.names)).mirror
    arrays = {}
    for name, axis in (("p_world", 1), ("sigma", 1), ("q", 2), ("confidence", 2), ("used", 2)):
        values = getattr(keypoints, name).copy()
        values[frames] = np.take(values[frames], mirror, axis=axis)
        arrays[name] = values
    return replace(keypoints, **arrays)
