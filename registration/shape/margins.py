"""How far cloth, hair and soles lie outside the skin: a one-sided likelihood whose scale is found region by region."""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import Float, Int64
from scipy.special import log_ndtr

from body.joints import JOINT_INDEX, without_side
from body.model import BodyModel

REGIONS: Final = ("bare", "hair", "feet", "trunk", "upper_arms", "forearms", "thighs", "shanks")
EXPECTED_M: Final = np.array([0.0008, 0.003, 0.0015, 0.003, 0.003, 0.003, 0.003, 0.003])
"""Mean margin before looking."""
LEAST_M: Final = 0.0008
"""Of a margin's scale: below, one side cannot be told from the other at a scanner's noise."""
MOST_M: Final = np.array([0.0008, 0.06, 0.03, 0.08, 0.06, 0.06, 0.08, 0.08])
"""Bare skin stays bare."""
PRIOR_POINTS: Final = 5.0
"""The expected margin counts as many points as this."""

LOG_PEAK: Final = 0.5 * np.log(2 * np.pi)

_OF_JOINT: Final = {
    "head": "hair", "neck": "bare", "hand": "bare", "wrist": "bare", "ankle": "feet", "foot": "feet",
    "shoulder": "upper_arms", "elbow": "forearms", "hip": "thighs", "knee": "shanks",
}  # fmt: skip


def region_of_vertex(model: BodyModel) -> Int64[np.ndarray, "vertices"]:
    """Index of each vertex's region: where it may be clothed, and where the same piece is likely."""
    of_joint = np.full(24, REGIONS.index("trunk"))
    for name, index in JOINT_INDEX.items():
        kind = without_side(name)
        if kind in _OF_JOINT:
            of_joint[index] = REGIONS.index(_OF_JOINT[kind])
    regions = of_joint[np.asarray(model.weights).argmax(1)]
    regions[(regions == REGIONS.index("hair")) & _face(model)] = REGIONS.index("bare")
    return regions


def _face(model: BodyModel) -> np.ndarray:
    """Vertices in front of the ears and below the hair line, which lies as far above the eyes as the nose below."""
    at, v = model.keypoint_vertices, model.v_template
    if not {"nose", "reye", "leye", "rear", "lear"} <= set(at):
        return np.zeros(len(v), bool)
    eyes = (v[at["reye"]] + v[at["leye"]]) / 2
    ears = (v[at["rear"]] + v[at["lear"]]) / 2
    line = eyes[1] + abs(eyes[1] - v[at["nose"]][1])
    return (v[:, 2] > ears[2] + 0.02) & (v[:, 1] < line)


def likelihood(
    residual: Float[np.ndarray, "points"], sigma: Float[np.ndarray, "points"], scale: Float[np.ndarray, "points"]
) -> tuple[Float[np.ndarray, "points"], Float[np.ndarray, "points"], Float[np.ndarray, "points"]]:
    """Cost, its slope and a weight for points `residual` outside the skin (inside: negative), metres.

    The margin is exponential with mean `scale`, the measurement Gaussian: minus the logarithm of their convolution,
    as a part of the Gaussian's peak: never negative. slope = d cost / d residual. The weight is the true curvature,
    but at least that of an absolute value, so that a step with slope / weight does not overshoot.
    """
    z = residual / sigma - sigma / scale
    log_phi = -0.5 * z**2 - LOG_PEAK
    q = np.exp(log_phi - log_ndtr(z))
    cost = residual / scale - log_ndtr(z) - 0.5 * (sigma / scale) ** 2 + np.log(scale / sigma) - LOG_PEAK
    slope = 1 / scale - q / sigma
    curvature = q * (z + q) / sigma**2
    return cost, slope, np.maximum(curvature, 1 / (scale * np.maximum(np.abs(residual), scale)))


def expected_margin(
    residual: Float[np.ndarray, "points"], sigma: Float[np.ndarray, "points"], scale: Float[np.ndarray, "points"]
) -> Float[np.ndarray, "points"]:
    """Mean of the margin given the residual: of a Gaussian cut off at zero."""
    z = residual / sigma - sigma / scale
    q = np.exp(-0.5 * z**2 - LOG_PEAK - log_ndtr(z))
    return sigma * (z + q)


def scales(
    margin: Float[np.ndarray, "points"], weight: Float[np.ndarray, "points"], region: Int64[np.ndarray, "points"]
) -> Float[np.ndarray, "regions"]:
    """Scale of each region from the expected margins of its points, with the scale expected before looking."""
    count = len(REGIONS)
    total = np.bincount(region, weight * margin, minlength=count)
    points = np.bincount(region, weight, minlength=count)
    found = (PRIOR_POINTS * EXPECTED_M + total) / (PRIOR_POINTS + points)
    return np.clip(found, LEAST_M, MOST_M)
