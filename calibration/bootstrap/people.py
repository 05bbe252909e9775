"""The same person in every camera before anything is calibrated: who is large, surely seen and stays."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int64

from calibration.bootstrap.keypoints import Keypoints, spans

JUMP_COST = 1.0
"""Of a move by the person's own height from one instant to the next, in units of being the largest; no move costs
more."""
LOST_COST = 3.0
"""Of taking nobody: only where nobody is."""


def keypoints_of_subject(
    names: tuple[str, ...],
    cameras: tuple[str, ...],
    q: Float[np.ndarray, "instants cameras people joints 2"],
    confidence: Float[np.ndarray, "instants cameras people joints"],
    sigma_px: Float[np.ndarray, "instants cameras people joints"] | None = None,
) -> Keypoints:
    """Keypoints of one person out of all that a detector found; NaN rows are nobody.

    In each camera the sequence over time is taken that is largest and surest and does not jump. A camera in which
    somebody else stands nearer than the subject gets the wrong person; its pairs then do not agree and it is left out.
    """
    choice = np.stack([_sequence(q[:, c], confidence[:, c]) for c in range(len(cameras))], 1)
    at, nobody = np.maximum(choice, 0)[..., None, None], (choice < 0)[..., None]
    chosen = np.take_along_axis(q, at[..., None], 2)[:, :, 0]
    sure = np.take_along_axis(confidence, at, 2)[:, :, 0]
    sigma = None
    if sigma_px is not None:
        sigma = np.where(nobody, np.nan, np.take_along_axis(sigma_px, at, 2)[:, :, 0])
    return Keypoints(
        names=names,
        cameras=cameras,
        q=np.where(nobody[..., None], np.nan, chosen),
        confidence=np.where(nobody, 0.0, sure),
        sigma_px=sigma,
    )


def _sequence(
    q: Float[np.ndarray, "instants people joints 2"], confidence: Float[np.ndarray, "instants people joints"]
) -> Int64[np.ndarray, "instants"]:
    """Index of the subject at each instant in one camera, -1 for nobody: the cheapest path (Viterbi)."""
    T, P = q.shape[:2]
    there = np.isfinite(q).all(-1).any(-1)
    if not there.any():
        return np.full(T, -1)
    size = spans(q)
    usual = float(np.quantile(np.nanmax(np.where(there, size, 0), axis=1), 0.8))
    surely = np.where(np.isfinite(q[..., 0]), confidence, 0).mean(-1)
    found = np.isfinite(q).all(-1, keepdims=True)
    middle = np.where(found, q, 0).sum(2) / np.maximum(found.sum(2), 1)
    own = np.where(there, 1 - np.minimum(size / max(usual, 1.0), 1.0) * surely, np.inf)
    own = np.concatenate([own, np.full((T, 1), LOST_COST)], 1)  # the last state is nobody
    cost, came = own[0], np.zeros((T, P + 1), np.int64)
    for t in range(1, T):
        jump = np.linalg.norm(middle[t - 1][:, None] - middle[t], axis=-1) / max(usual, 1.0)
        way = np.zeros((P + 1, P + 1))
        way[:P, :P] = JUMP_COST * np.minimum(jump, 1.0)
        total = cost[:, None] + way
        came[t] = total.argmin(0)
        cost = total.min(0) + own[t]
    states = np.zeros(T, np.int64)
    states[-1] = int(cost.argmin())
    for t in range(T - 1, 0, -1):
        states[t - 1] = came[t, states[t]]
    return np.where(states == P, -1, states)
