"""Errors of estimated bodies against true ones: metres in, millimetres out (`*_mm`), one number for each frame."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from hps.errors import HpsError

PELVIS = 0


def mpjpe_mm(
    estimate: Float[np.ndarray, "frames joints 3"],
    truth: Float[np.ndarray, "frames joints 3"],
    *,
    root: int | None = None,
) -> Float[np.ndarray, "frames"]:
    """Mean distance of the joints, millimetres.

    root: joint whose position is subtracted on both sides first (the usual MPJPE takes the pelvis); None compares
    positions in the common world frame.
    NaN joints of the estimate make the frame NaN: a joint that is missing is never left out of a mean.
    Raises HpsError when the shapes differ.
    """
    _same_shape("joints", estimate, truth)
    if root is not None:
        estimate, truth = estimate - estimate[:, root, None], truth - truth[:, root, None]
    return _mean_distance_mm(estimate, truth)


def pa_mpjpe_mm(
    estimate: Float[np.ndarray, "frames joints 3"], truth: Float[np.ndarray, "frames joints 3"]
) -> Float[np.ndarray, "frames"]:
    """MPJPE after the best similarity (rotation, uniform scale, translation) of each frame, millimetres."""
    _same_shape("joints", estimate, truth)
    return _mean_distance_mm(procrustes(estimate, truth), truth)


def pve_mm(
    estimate: Float[np.ndarray, "frames vertices 3"],
    truth: Float[np.ndarray, "frames vertices 3"],
    *,
    offset: Float[np.ndarray, "frames 3"] | None = None,
) -> Float[np.ndarray, "frames"]:
    """Mean distance of corresponding vertices (also called MVE), millimetres.

    offset: vector added to the estimate of each frame, such as true minus estimated pelvis for a root-aligned PVE.
    """
    _same_shape("vertices", estimate, truth)
    if offset is not None:
        estimate = estimate + offset[:, None]
    return _mean_distance_mm(estimate, truth)


def pa_pve_mm(
    estimate: Float[np.ndarray, "frames vertices 3"], truth: Float[np.ndarray, "frames vertices 3"]
) -> Float[np.ndarray, "frames"]:
    """PVE after the best similarity of each frame, millimetres."""
    _same_shape("vertices", estimate, truth)
    return _mean_distance_mm(procrustes(estimate, truth), truth)


def acceleration_error_mm(
    estimate: Float[np.ndarray, "frames joints 3"],
    truth: Float[np.ndarray, "frames joints 3"],
    rate_hz: float | None = None,
) -> Float[np.ndarray, "inner"]:
    """Mean difference of the joints' accelerations, of the frames 1 .. T−2.

    Millimetres per frame squared, as usually published; with `rate_hz`, millimetres per second squared.
    Raises HpsError with fewer than three frames.
    """
    _same_shape("joints", estimate, truth)
    if len(estimate) < 3:
        raise HpsError(f"the acceleration error needs at least 3 frames, there are {len(estimate)}; take a longer clip")
    scale = 1.0 if rate_hz is None else rate_hz**2
    return scale * _mean_distance_mm(np.diff(estimate, 2, axis=0), np.diff(truth, 2, axis=0))


def procrustes(
    estimate: Float[np.ndarray, "frames points 3"], truth: Float[np.ndarray, "frames points 3"]
) -> Float[np.ndarray, "frames points 3"]:
    """The estimate moved onto the truth by each frame's least-squares similarity (Umeyama 1991); never a reflection.

    A frame whose estimate is a single place cannot be rotated or scaled: it is only moved. NaN frames stay NaN.
    """
    _same_shape("points", estimate, truth)
    estimate, truth = np.asarray(estimate, np.float64), np.asarray(truth, np.float64)
    center, target = estimate.mean(1, keepdims=True), truth.mean(1, keepdims=True)
    a, b = estimate - center, truth - target
    good = np.isfinite(a).all((1, 2)) & np.isfinite(b).all((1, 2))
    moved = np.full_like(truth, np.nan)
    if good.any():
        a, b = a[good], b[good]
        U, S, Vt = np.linalg.svd(np.swapaxes(b, 1, 2) @ a)
        S[:, 2] *= (sign := np.sign(np.linalg.det(U @ Vt)))
        U[:, :, 2] *= sign[:, None]
        spread = (a**2).sum((1, 2))
        scale = np.where(spread > 1e-18, S.sum(1) / np.maximum(spread, 1e-18), 1.0)
        moved[good] = scale[:, None, None] * a @ np.swapaxes(U @ Vt, 1, 2) + target[good]
    return moved


def _mean_distance_mm(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return 1000.0 * np.linalg.norm(np.asarray(a, np.float64) - b, axis=-1).mean(-1)


def _same_shape(what: str, estimate: np.ndarray, truth: np.ndarray) -> None:
    if np.shape(estimate) != np.shape(truth) or np.ndim(estimate) != 3 or np.shape(estimate)[-1] != 3:
        raise HpsError(
            f"{what}: estimate {np.shape(estimate)} and truth {np.shape(truth)} must both be (frames, {what}, 3) and "
            "equal; compare the same frames and the same body model"
        )
