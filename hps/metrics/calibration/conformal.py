"""Radii that hold the truth as often as they say, whatever the errors' distribution (split conformal prediction)."""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import Float

from hps.errors import HpsError

ROUNDING: Final = 1e-9
"""0.9 / 0.1 is not 9 in floating point."""


def conformal_factor(
    distance: Float[np.ndarray, "values"], sigma: Float[np.ndarray, "values"], level: float = 0.90
) -> float:
    """Factor by which sigma must be multiplied so that the ball around an estimate holds the truth at this level.

    distance: of estimates from the truth on a calibration set that is exchangeable with what it will be used on: other
    subjects of the same kind, never the test set. The guarantee is on average over all clouds, not for each kind.
    Raises HpsError when there are too few values for the level.
    """
    score = np.sort(np.asarray(distance, np.float64) / np.asarray(sigma, np.float64))
    rank = int(np.ceil((len(score) + 1) * level - ROUNDING))
    if rank > len(score):
        least = int(np.ceil(level / (1 - level) - ROUNDING))
        raise HpsError(f"{len(score)} values cannot bound {level:.0%} of errors; at least {least} are needed")
    return float(score[rank - 1])


def conformal_radius_mm(
    distance_mm: Float[np.ndarray, "values"], sigma_mm: Float[np.ndarray, "values"], level: float = 0.90
) -> float:
    """Median radius that the factor gives to these values, millimetres: how much the guarantee costs."""
    return conformal_factor(distance_mm, sigma_mm, level) * float(np.median(sigma_mm))
