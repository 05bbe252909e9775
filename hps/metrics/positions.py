"""Distances of joints and vertices: metres in, millimetres out (`*_mm`), one number for each frame."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from hps.metrics.alignment import best_similarity, procrustes, same_shape

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
    same_shape("joints", estimate, truth)
    if root is not None:
        estimate, truth = estimate - estimate[:, root, None], truth - truth[:, root, None]
    return joint_distances_mm(estimate, truth).mean(-1)


def pa_mpjpe_mm(
    estimate: Float[np.ndarray, "frames joints 3"],
    truth: Float[np.ndarray, "frames joints 3"],
    *,
    scale: bool = True,
) -> Float[np.ndarray, "frames"]:
    """MPJPE after the best rotation and translation of each frame, millimetres; with `scale` also the best size."""
    same_shape("joints", estimate, truth)
    return joint_distances_mm(procrustes(estimate, truth, scale=scale), truth).mean(-1)


def pve_mm(
    estimate: Float[np.ndarray, "frames vertices 3"],
    truth: Float[np.ndarray, "frames vertices 3"],
    *,
    offset: Float[np.ndarray, "frames 3"] | None = None,
) -> Float[np.ndarray, "frames"]:
    """Mean distance of corresponding vertices (also called MVE), millimetres.

    offset: vector added to the estimate of each frame, such as true minus estimated pelvis for a root-aligned PVE.
    """
    same_shape("vertices", estimate, truth)
    if offset is not None:
        estimate = estimate + offset[:, None]
    return joint_distances_mm(estimate, truth).mean(-1)


def pa_pve_mm(
    estimate: Float[np.ndarray, "frames vertices 3"],
    truth: Float[np.ndarray, "frames vertices 3"],
    *,
    scale: bool = True,
) -> Float[np.ndarray, "frames"]:
    """PVE after the best similarity of each frame, fitted on the vertices themselves, millimetres."""
    same_shape("vertices", estimate, truth)
    return joint_distances_mm(procrustes(estimate, truth, scale=scale), truth).mean(-1)


def pa_pve_by_joints_mm(
    estimate: Float[np.ndarray, "frames vertices 3"],
    truth: Float[np.ndarray, "frames vertices 3"],
    joints: Float[np.ndarray, "frames joints 3"],
    true_joints: Float[np.ndarray, "frames joints 3"],
) -> Float[np.ndarray, "frames"]:
    """PVE after the similarity of each frame that aligns the joints, as EMDB has it: mostly above `pa_pve_mm`."""
    same_shape("vertices", estimate, truth)
    return joint_distances_mm(best_similarity(joints, true_joints).apply(estimate), truth).mean(-1)


def joint_distances_mm(
    estimate: Float[np.ndarray, "*points 3"], truth: Float[np.ndarray, "*points 3"]
) -> Float[np.ndarray, "*points"]:
    """Distance of each point from its counterpart, millimetres."""
    return 1000.0 * np.linalg.norm(np.asarray(estimate, np.float64) - truth, axis=-1)


def translation_error_mm(
    estimate: Float[np.ndarray, "frames 3"], truth: Float[np.ndarray, "frames 3"]
) -> Float[np.ndarray, "frames"]:
    """Distance of the pelvis from the true one, millimetres (MRPE).

    Give the pelvis joints, not SMPL's `transl`: that moves the rest pelvis, which depends on the shape.
    """
    return joint_distances_mm(estimate, truth)
