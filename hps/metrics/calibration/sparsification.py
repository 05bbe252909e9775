"""Whether leaving out what an estimator doubts leaves out what is wrong (sparsification, Ilg 2018)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float

STEPS: Final = 50


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Sparsification:
    """Mean error of what is left once a share was left out. Unit of the error."""

    left_out: Float[np.ndarray, "steps"]
    """0 … 1."""
    by_doubt: Float[np.ndarray, "steps"]
    """The most doubted left out first; 0 when nothing is left."""
    by_error: Float[np.ndarray, "steps"]
    """The worst left out first: the best that any doubt could do."""

    @property
    def ause(self) -> float:
        """Area between the two curves: 0 for doubts in the order of the errors."""
        return float(np.trapezoid(self.by_doubt - self.by_error, self.left_out))

    @property
    def relative_ause(self) -> float:
        """The area as a share of that of doubts that know nothing: 0 is perfect, 1 no better than chance."""
        chance = self.by_doubt[0] - np.trapezoid(self.by_error, self.left_out)
        return float(self.ause / chance) if chance > 0 else 0.0

    @property
    def gain(self) -> float:
        """Area under a constant mean error less that under `by_doubt` (AURG): above 0 for useful doubts."""
        return float(self.by_doubt[0] - np.trapezoid(self.by_doubt, self.left_out))


def sparsification(
    error: Float[np.ndarray, "values"], doubt: Float[np.ndarray, "values"], steps: int = STEPS
) -> Sparsification:
    """Curves over `steps` equal shares. error: not negative. doubt: any number that grows with it, such as sigma.

    Values as doubtful as the limit stay; after the last step nothing is left and the error is 0 (Poggi 2020).
    """
    error, doubt = np.asarray(error, np.float64), np.asarray(doubt, np.float64)
    return Sparsification(
        left_out=np.linspace(0.0, 1.0, steps + 1),
        by_doubt=_curve(error, doubt, steps),
        by_error=_curve(error, error, steps),
    )


def _curve(error: np.ndarray, doubt: np.ndarray, steps: int) -> Float[np.ndarray, "steps"]:
    order = np.argsort(doubt, kind="stable")
    sums = np.cumsum(error[order])
    limits = np.percentile(doubt, 100.0 - 100.0 / steps * np.arange(steps))
    left = np.searchsorted(doubt[order], limits, side="right")
    return np.append(sums[np.maximum(left, 1) - 1] / np.maximum(left, 1), 0.0)
