"""Shares of joints that lie near enough (PCK) and the area under that curve, each as its paper counts it."""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import Float

CHALLENGE_JOINTS: Final = (1, 2, 4, 5, 7, 8, 16, 17, 18, 19, 20, 21)
"""SMPL joints of the 3DPW challenge's PCK: hips, knees, ankles, shoulders, elbows, wrists."""
LIDARCAP_TORSO_MM: Final = 512.7067
"""Torso length by which LiDARCap, and DAPT after it, measure; the same for everybody."""


def pck_percent(
    distances_mm: Float[np.ndarray, "frames joints"], threshold_mm: float, *, inclusive: bool = False
) -> float:
    """Percentage of joints nearer than the threshold: mmhuman3d's 3DPCK at 150 mm.

    inclusive: a joint at the threshold counts, as in the 3DPW challenge's PCK at 50 mm. NaN joints count as wrong.
    """
    near = distances_mm <= threshold_mm if inclusive else distances_mm < threshold_mm
    return 100.0 * float(near.mean())


def torso_pck_percent(distances_mm: Float[np.ndarray, "frames joints"], torsos: float) -> float:
    """PCK at a share of a torso's length: 0.3 and 0.5 are LiDARCap's PCK3 and PCK5, over pelvis-rooted joints."""
    return pck_percent(distances_mm, torsos * LIDARCAP_TORSO_MM)


def auc_3dhp_percent(distances_mm: Float[np.ndarray, "frames joints"]) -> float:
    """Mean PCK over 31 thresholds from 0 to 150 mm (MPI-INF-3DHP, mmhuman3d)."""
    return float(np.mean([pck_percent(distances_mm, threshold) for threshold in np.linspace(0.0, 150.0, 31)]))


def auc_challenge(distances_mm: Float[np.ndarray, "frames joints"]) -> float:
    """Area under the inclusive PCK of 0, 1 … 199 mm, the axis scaled to 1: the 3DPW challenge's AUC, 0 to 1."""
    return float(challenge_areas(distances_mm).mean())


def challenge_areas(distances_mm: Float[np.ndarray, "frames joints"]) -> Float[np.ndarray, "frames"]:
    """The same of each frame: the area is linear in the shares, so that its mean is the area of all frames."""
    thresholds = np.arange(0.0, 200.0)
    share = np.stack([(distances_mm <= threshold).mean(-1) for threshold in thresholds], -1)
    return np.trapezoid(share, dx=1.0 / 199.0, axis=-1)


def challenge_pck_percent(distances_mm: Float[np.ndarray, "frames joints"]) -> Float[np.ndarray, "frames"]:
    """The 3DPW challenge's PCK of each frame: percentage of joints at 50 mm or less."""
    return 100.0 * (distances_mm <= 50.0).mean(-1)
