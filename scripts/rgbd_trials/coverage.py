"""Whether errors are as large as they were said to be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from jaxtyping import Float

from hps.points.judging.calibration import HALF, sigma_factor
from hps.rgbd.found import RgbdEstimate

COVERED: Final = 0.68


def joints_apart(
    found: Sequence[RgbdEstimate], truth: Float[np.ndarray, "bodies 24 3"]
) -> Float[np.ndarray, "bodies 24"]:
    """Squared distances of the joints from the truth in standard deviations of their covariances, as far as bodies were
    found; in place, not about the pelvis."""
    estimates = [one.estimate for one in found]
    away = np.concatenate([one.joints for one in estimates]) - truth
    covariance = np.concatenate([one.joint_covariance for one in estimates])
    there = np.isfinite(away).all((1, 2))
    return np.einsum("bji,bji->bj", away[there], np.linalg.solve(covariance[there], away[there][..., None])[..., 0])


def covariance_factor(squared: np.ndarray) -> float:
    """What standard deviations must be multiplied by for 68 % of the errors to lie where 68 % should."""
    length = np.sqrt(squared.reshape(-1))
    return sigma_factor(length[:, None] * np.array([1.0, 0, 0]), np.ones(len(length)))


def covered_share(squared: np.ndarray) -> float:
    """The share of the errors that lie where 68 % should."""
    return float((squared < HALF).mean())
