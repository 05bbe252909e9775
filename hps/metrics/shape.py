"""Error of the body's shape alone: rest bodies compared, millimetres."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from hps.metrics.alignment import same_shape
from hps.metrics.positions import joint_distances_mm


def t_pose_pve_mm(
    estimate: Float[np.ndarray, "bodies vertices 3"], truth: Float[np.ndarray, "bodies vertices 3"]
) -> Float[np.ndarray, "bodies"]:
    """Mean vertex distance of two rest bodies (`BodyModel.shaped`), as the model places them (VoteHMR's TPVE)."""
    same_shape("vertices", estimate, truth)
    return joint_distances_mm(estimate, truth).mean(-1)


def t_pose_pve_scaled_mm(
    estimate: Float[np.ndarray, "bodies vertices 3"], truth: Float[np.ndarray, "bodies vertices 3"]
) -> Float[np.ndarray, "bodies"]:
    """The same once the estimate has the truth's mean place and spread (PVE-T-SC of STRAPS): build without height."""
    same_shape("vertices", estimate, truth)
    a, b = (np.asarray(points, np.float64) - points.mean(1, keepdims=True) for points in (estimate, truth))
    size = np.sqrt((b**2).sum((1, 2)) / (a**2).sum((1, 2)))
    return joint_distances_mm(size[:, None, None] * a, b).mean(-1)


def height_error_mm(
    estimate: Float[np.ndarray, "bodies vertices 3"], truth: Float[np.ndarray, "bodies vertices 3"]
) -> Float[np.ndarray, "bodies"]:
    """Height of the estimated rest body, sole to crown, less the true one."""
    same_shape("vertices", estimate, truth)
    return 1000.0 * (np.ptp(np.asarray(estimate, np.float64)[..., 1], -1) - np.ptp(truth[..., 1], -1))
