"""Moving an estimate onto the truth before the two are compared: by a root, rigidly, or by a similarity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from hps.errors import HpsError

ONE_PLACE_M2 = 1e-18
"""A frame whose points spread less than a nanometre is one place: it has no direction and no size."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Similarity:
    """One similarity for each frame: q = scale R p + translation. NaN where a frame has NaN points."""

    rotation: Float[np.ndarray, "frames 3 3"]
    scale: Float[np.ndarray, "frames"]
    translation: Float[np.ndarray, "frames 3"]

    def apply(self, points: Float[np.ndarray, "frames points 3"]) -> Float[np.ndarray, "frames points 3"]:
        """The points moved."""
        moved = np.asarray(points, np.float64) @ np.swapaxes(self.rotation, 1, 2)
        return self.scale[:, None, None] * moved + self.translation[:, None]


def best_similarity(
    estimate: Float[np.ndarray, "frames points 3"],
    truth: Float[np.ndarray, "frames points 3"],
    *,
    scale: bool = True,
) -> Similarity:
    """The least-squares similarity of each frame that takes the estimate to the truth (Umeyama 1991).

    Never a reflection. scale: False keeps the size of the estimate (PA-rigid). A frame whose estimate is one place is
    neither turned nor scaled. Raises HpsError when the shapes differ.
    """
    same_shape("points", estimate, truth)
    estimate, truth = np.asarray(estimate, np.float64), np.asarray(truth, np.float64)
    frames = len(estimate)
    center, target = estimate.mean(1), truth.mean(1)
    a, b = estimate - center[:, None], truth - target[:, None]
    good = np.isfinite(a).all((1, 2)) & np.isfinite(b).all((1, 2))
    R, s = np.full((frames, 3, 3), np.nan), np.full(frames, np.nan)
    if good.any():
        a, b = a[good], b[good]
        U, S, Vt = np.linalg.svd(np.swapaxes(b, 1, 2) @ a)
        sign = np.sign(np.linalg.det(U @ Vt))
        S[:, 2] *= sign
        U[:, :, 2] *= sign[:, None]
        spread = (a**2).sum((1, 2))
        there = spread > ONE_PLACE_M2
        R[good] = np.where(there[:, None, None], U @ Vt, np.eye(3))
        s[good] = np.where(there & scale, S.sum(1) / np.maximum(spread, ONE_PLACE_M2), 1.0)
    return Similarity(rotation=R, scale=s, translation=target - s[:, None] * np.einsum("fij,fj->fi", R, center))


def procrustes(
    estimate: Float[np.ndarray, "frames points 3"],
    truth: Float[np.ndarray, "frames points 3"],
    *,
    scale: bool = True,
) -> Float[np.ndarray, "frames points 3"]:
    """The estimate moved onto the truth by `best_similarity`. NaN frames stay NaN."""
    return best_similarity(estimate, truth, scale=scale).apply(estimate)


def rooted(
    points: Float[np.ndarray, "frames points 3"], root: Sequence[int], of: Float[np.ndarray, "frames joints 3"]
) -> Float[np.ndarray, "frames points 3"]:
    """The points relative to the mean of some joints of `of`; unchanged for no root."""
    return points - of[:, list(root)].mean(1, keepdims=True) if len(root) else points


def same_shape(what: str, estimate: np.ndarray, truth: np.ndarray) -> None:
    """Raises HpsError unless both are (frames, `what`, 3) and equal in shape."""
    if np.shape(estimate) != np.shape(truth) or np.ndim(estimate) != 3 or np.shape(estimate)[-1] != 3:
        raise HpsError(
            f"{what}: estimate {np.shape(estimate)} and truth {np.shape(truth)} must both be (frames, {what}, 3) and "
            "equal; compare the same frames and the same body model"
        )
