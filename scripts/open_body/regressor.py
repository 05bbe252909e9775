"""Joints as convex mixes of a few skin vertices."""

from __future__ import annotations

import numpy as np
import scipy.optimize
from jaxtyping import Float, Integer

from body.joints import JOINT_COUNT, MIRROR, PARENTS

CANDIDATES = 320
SUM_WEIGHT = 100.0
"""Holds the weights' sum at one during the fit, in metres; the rest is normalised away."""


def fit_regressor(
    skins: Float[np.ndarray, "people vertices 3"],
    joints: Float[np.ndarray, "people 24 3"],
    weights: Float[np.ndarray, "vertices 24"],
) -> Float[np.ndarray, "24 vertices"]:
    """Non-negative rows of sum one (NNLS), each on the ring of skin around its joint.

    Convex rows follow the skin through any pose and shape; signed rows look better at rest and are worse when posed.
    """
    mean_skin, mean_joints = skins.mean(0), joints.mean(0)
    regressor = np.zeros((JOINT_COUNT, skins.shape[1]))
    for joint in range(JOINT_COUNT):
        ring = _ring(joint, np.linalg.norm(mean_skin - mean_joints[joint], axis=1), weights)
        A = skins[:, ring].transpose(0, 2, 1).reshape(-1, len(ring))
        A = np.concatenate([A, np.full((1, len(ring)), SUM_WEIGHT)])
        row, _ = scipy.optimize.nnls(A, np.append(joints[:, joint].ravel(), SUM_WEIGHT))
        regressor[joint, ring] = row / row.sum()
    return regressor


def mirror_regressor(
    regressor: Float[np.ndarray, "24 vertices"], mirror: Integer[np.ndarray, "vertices"]
) -> Float[np.ndarray, "24 vertices"]:
    """The same, exactly symmetric: right joints copy the left ones, joints of the middle are averaged."""
    out = regressor.copy()
    for joint, partner in enumerate(MIRROR):
        if partner == joint:
            out[joint] = (regressor[joint] + regressor[joint, mirror]) / 2
        elif partner > joint:
            out[partner] = regressor[joint, mirror]
    return out


def _ring(joint: int, distance: np.ndarray, weights: np.ndarray) -> Integer[np.ndarray, "candidates"]:
    """Skin near the joint that moves with it, its parent or its children; thinned evenly by a fixed seed."""
    order = np.argsort(distance, kind="stable")
    radius = max(0.16, 1.35 * distance[order[40]])
    near = order[: max(60, int((distance < radius).sum()))]
    family = [joint] + [PARENTS[joint]] * (joint > 0) + [c for c in range(JOINT_COUNT) if PARENTS[c] == joint]
    own = near[weights[near][:, family].sum(1) > 0.3]
    ring = own if len(own) > 60 else near
    return ring if len(ring) <= CANDIDATES else np.random.default_rng(joint).choice(ring, CANDIDATES, replace=False)
