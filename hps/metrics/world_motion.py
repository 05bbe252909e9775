"""Errors of people who walk through a world: W-MPJPE, WA-MPJPE and RTE, as SLAHMR and WHAM define them."""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import Float

from hps.errors import HpsError
from hps.metrics.alignment import best_similarity, same_shape
from hps.metrics.positions import joint_distances_mm

CHUNK: Final = 100
"""Frames of a chunk: the 100 of W-MPJPE_100 and WA-MPJPE_100; the last chunk of a clip may be shorter."""
FIRST: Final = 2
"""Frames at the start of a chunk on which W-MPJPE aligns."""


def w_mpjpe_mm(
    estimate: Float[np.ndarray, "frames joints 3"], truth: Float[np.ndarray, "frames joints 3"], chunk: int = CHUNK
) -> Float[np.ndarray, "frames"]:
    """W-MPJPE_100: each chunk moved by the similarity that aligns its first two frames, millimetres.

    Both in one world. Drift within the chunk counts; where the world's origin lies and how large it is do not. NaN in
    the aligned frames makes the chunk NaN. Raises HpsError when the shapes differ.
    """
    return _chunked(estimate, truth, chunk, FIRST)


def wa_mpjpe_mm(
    estimate: Float[np.ndarray, "frames joints 3"], truth: Float[np.ndarray, "frames joints 3"], chunk: int = CHUNK
) -> Float[np.ndarray, "frames"]:
    """WA-MPJPE_100: each chunk moved by one similarity that aligns all of its frames, millimetres."""
    return _chunked(estimate, truth, chunk, chunk)


def rte_percent(
    estimate: Float[np.ndarray, "frames 3"], truth: Float[np.ndarray, "frames 3"]
) -> Float[np.ndarray, "frames"]:
    """Root translation error after one rigid alignment of the whole path, per cent of the true path's length (RTE).

    The path's length is that of the straight pieces between frames. WHAM gives it SMPL's `transl`, GVHMR the pelvis
    joint. Raises HpsError when the shapes differ, or where the true person does not move at all.
    """
    same_shape("roots", estimate[:, None], truth[:, None])
    travelled = float(np.linalg.norm(np.diff(np.asarray(truth, np.float64), axis=0), axis=-1).sum())
    if travelled == 0:
        raise HpsError(
            f"the true root does not move in {len(truth)} frames: RTE is a share of its path, which has no length"
        )
    aligned = best_similarity(estimate[None], truth[None], scale=False).apply(estimate[None])[0]
    return 100.0 * np.linalg.norm(aligned - truth, axis=-1) / travelled


def _chunked(estimate: np.ndarray, truth: np.ndarray, chunk: int, aligned: int) -> Float[np.ndarray, "frames"]:
    """Error of each frame after its chunk was moved as the chunk's first `aligned` frames ask."""
    same_shape("joints", estimate, truth)
    errors = [np.zeros(0)]
    for start in range(0, len(truth), chunk):
        e, t = estimate[start : start + chunk], truth[start : start + chunk]
        by = best_similarity(e[:aligned].reshape(1, -1, 3), t[:aligned].reshape(1, -1, 3))
        moved = by.apply(e.reshape(1, -1, 3)).reshape(e.shape)
        errors.append(joint_distances_mm(moved, t).mean(-1))
    return np.concatenate(errors)
