"""Bones keep their length: joints that few cameras saw are put where the clip's own lengths allow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float, Int64

from registration.keypoints.sets import KeypointSet

_BONES: Final = (
    *(f"left_{a}-left_{b}" for a, b in (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))),
    *(f"right_{a}-right_{b}" for a, b in
      (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))),
    *("left_shoulder-right_shoulder", "left_hip-right_hip", "left_shoulder-left_hip", "right_shoulder-right_hip"),
)  # fmt: skip
MIN_INSTANTS: Final = 5
"""Instants with both ends known, below which a clip says nothing of a bone's length."""
LEAST_SIGMA_M: Final = 0.008
"""What a detector's idea of the two joints moves along the bone even when the pose does not change."""
ITERATIONS: Final = 3


@dataclass(frozen=True, slots=True)
class Bones:
    """Lengths of a clip."""

    ends: Int64[np.ndarray, "bones 2"]
    length: Float[np.ndarray, "bones"]
    sigma: Float[np.ndarray, "bones"]
    """How much each differs from instant to instant, less what the points' covariances explain."""


def bones_of(
    p: Float[np.ndarray, "instants joints 3"],
    covariance: Float[np.ndarray, "instants joints 3 3"],
    keypoints: KeypointSet,
) -> Bones:
    """The bones that a clip shows often enough: median length over its surer half."""
    ends, lengths, sigmas = [], [], []
    for bone in _BONES:
        a, b = bone.split("-")
        if a not in keypoints.names or b not in keypoints.names:
            continue
        i, j = keypoints.index(a), keypoints.index(b)
        v = p[:, j] - p[:, i]
        length = np.linalg.norm(v, axis=-1)
        n = v / np.maximum(length, 1e-9)[:, None]
        variance = np.einsum("ti,tij,tj->t", n, covariance[:, i] + covariance[:, j], n)
        known = np.flatnonzero(np.isfinite(variance) & np.isfinite(length))
        if len(known) < MIN_INSTANTS:
            continue
        surer = known[np.argsort(variance[known], kind="stable")][: max(MIN_INSTANTS, (len(known) + 1) // 2)]
        middle = float(np.median(length[surer]))
        spread2 = float(np.median(np.abs(length[surer] - middle)) * 1.4826) ** 2
        ends.append((i, j))
        lengths.append(middle)
        sigmas.append(np.sqrt(max(spread2 - float(np.median(variance[surer])), LEAST_SIGMA_M**2)))
    return Bones(np.array(ends, np.int64).reshape(-1, 2), np.array(lengths), np.array(sigmas))


def with_bones(
    p: Float[np.ndarray, "instants joints 3"], covariance: Float[np.ndarray, "instants joints 3 3"], bones: Bones
) -> tuple[Float[np.ndarray, "instants joints 3"], Float[np.ndarray, "instants joints 3 3"]]:
    """The likeliest points, and their covariances, given where they were seen and how long the bones are.

    Each instant by itself, by Gauss–Newton. A point that is not known (NaN) stays so and holds nothing.
    """
    joints = np.unique(bones.ends)
    if not len(joints):
        return p.copy(), covariance.copy()
    place = {int(j): k for k, j in enumerate(joints)}
    T, K = len(p), len(joints)
    seen = p[:, joints]
    known = np.asarray(np.isfinite(seen).all(-1) & np.isfinite(covariance[:, joints]).all((-2, -1)))
    information = np.where(known[..., None, None], covariance[:, joints], np.eye(3))
    information = np.where(known[..., None, None], np.linalg.inv(information), np.eye(3))
    seen = np.where(known[..., None], seen, 0.0)
    x = seen.copy()
    A = np.zeros((T, K, 3, K, 3))
    for _ in range(ITERATIONS):
        A[:] = 0
        A[:, range(K), :, range(K)] = np.moveaxis(information, 1, 0)
        g = np.einsum("tkij,tkj->tki", information, x - seen)
        for (a, b), length, sigma in zip(bones.ends, bones.length, bones.sigma):
            i, j = place[int(a)], place[int(b)]
            v = x[:, j] - x[:, i]
            now = np.maximum(np.linalg.norm(v, axis=-1), 1e-6)
            n = v / now[:, None]
            w = np.where(known[:, i] & known[:, j], 1 / sigma**2, 0.0)
            block = w[:, None, None] * n[:, :, None] * n[:, None, :]
            A[:, i, :, i] += block
            A[:, j, :, j] += block
            A[:, i, :, j] -= block
            A[:, j, :, i] -= block
            pull = (w * (now - length))[:, None] * n
            g[:, j] += pull
            g[:, i] -= pull
        x = x - np.linalg.solve(A.reshape(T, 3 * K, 3 * K), g.reshape(T, 3 * K, 1)).reshape(T, K, 3)
    C = np.linalg.inv(A.reshape(T, 3 * K, 3 * K)).reshape(T, K, 3, K, 3)[:, range(K), :, range(K)]
    out_p, out_C = p.copy(), covariance.copy()
    out_p[:, joints] = np.where(known[..., None], x, np.nan)
    out_C[:, joints] = np.where(known[..., None, None], np.moveaxis(C, 0, 1), np.nan)
    return out_p, out_C
