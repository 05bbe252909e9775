"""Whether a fit is as sure of itself as it may be: how often the truth lies within its intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from humanrig.evaluation.summary import summary
from registration.body_track import TrackSigma

WITHIN = {"50": 0.6745, "68": 0.9945, "90": 1.6449, "95": 1.96}
"""Half-width of a Gaussian's central interval in standard deviations, by the share of the truth that it holds."""


def sigma_coverage(
    joint_error: Float[np.ndarray, "frames 24 3"],
    vertex_error: Float[np.ndarray, "frames vertices 3"],
    sigma: TrackSigma,
    R_truth_world: Float[np.ndarray, "3 3"],
) -> dict[str, Any]:
    """Shares of true coordinates within the 50, 68, 90 and 95 % intervals, of joints and of vertices.

    Errors are metres in the truth's world, `sigma` is in the world of the fit. Each axis of each joint at each instant
    counts as one. Beside the shares stands the median standard deviation in mm.
    """
    turned = np.einsum("ij,tkjl,ml->tkim", R_truth_world, sigma.joint_covariance, R_truth_world)
    joint_sigma = np.sqrt(np.maximum(np.diagonal(turned, axis1=-2, axis2=-1), 0))
    chosen_error = vertex_error[:, sigma.vertices]
    return {
        "joints": _shares(joint_error, joint_sigma),
        "vertices": _shares(chosen_error, np.broadcast_to(sigma.vertex_sigma[..., None], chosen_error.shape)),
    }


def _shares(error: np.ndarray, sigma: np.ndarray) -> dict[str, Any]:
    known = np.isfinite(error) & np.isfinite(sigma) & (sigma > 0)
    if not known.any():
        return {**dict.fromkeys(WITHIN), "sigma_mm": None}
    z = np.abs(error[known]) / sigma[known]
    shares = {name: round(float((z <= width).mean()), 4) for name, width in WITHIN.items()}
    return {**shares, "sigma_mm": summary(1e3 * sigma[known], "median")["median"]}
