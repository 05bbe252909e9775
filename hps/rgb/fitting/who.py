"""Who is in a picture, as far as that is known before looking: grown-ups mostly, children, or somebody of a height."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from body.model import BodyModel
from hps.errors import HpsError
from registration.shape.prior import ShapePrior, population, rest_height

ADULT_CHILD_SIGMA: Final = 0.11
"""Of the child factor of adults, standard deviation in the body bank's train split (`registration.shape.prior`)."""
LEAST_ADULT_M: Final = 1.45
"""Who is known to be smaller may be a child."""
HEIGHT_SIGMA_M: Final = 0.003
"""Standard deviation of a height that somebody told: it is believed."""
KNOWN_CHILD_SIGMA: Final = 0.01
"""Of the child factor where the height is known: what is left of size is then a matter of the betas alone."""
HEIGHTS_M: Final = (0.5, 2.5)
"""Between which people are; the smallest have just been born."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Who:
    """The people of a picture. One view does not tell size from distance, so that this decides how large they are."""

    children: bool = False
    """Whether there may be children. Without, a small outline is somebody who is far away."""
    height_m: float | None = None
    """Of everybody, where it is known: of the body standing upright, barefoot."""

    def __post_init__(self) -> None:
        """Raises HpsError for a height that nobody has."""
        low, high = HEIGHTS_M
        if self.height_m is not None and not low <= self.height_m <= high:
            raise HpsError(f"a height of {self.height_m:g} m: people are {low} to {high} m tall; give metres")

    def shape_prior(self, model: BodyModel, betas: int) -> ShapePrior:
        """What that says of the shape's coefficients."""
        prior = population(model, betas)
        precision = prior.precision.copy()
        small = self.height_m is not None and self.height_m < LEAST_ADULT_M
        if model.child_direction is not None and not (self.children or small):
            precision[-1, -1] = 1 / ADULT_CHILD_SIGMA**2
        if self.height_m is None:
            return ShapePrior(mean=prior.mean, precision=precision)
        return of_height(ShapePrior(mean=prior.mean, precision=precision), model, betas, self.height_m)


ADULTS: Final = Who()
"""Of whom nothing else is known."""


def of_height(prior: ShapePrior, model: BodyModel, betas: int, height_m: float) -> ShapePrior:
    """The same people, of whom only those of a height are left: a Gaussian given a sum of its coefficients.

    The child factor is then what it usually is at that height.
    """
    usual, row = rest_height(model, betas)
    row = row.astype(np.float64)
    precision = prior.precision + np.outer(row, row) / HEIGHT_SIGMA_M**2
    off = height_m - usual - float(row @ prior.mean)
    mean = prior.mean + np.linalg.solve(precision, row) * off / HEIGHT_SIGMA_M**2
    if model.child_direction is not None:
        precision[-1, -1] += 1 / KNOWN_CHILD_SIGMA**2
    return ShapePrior(mean=mean, precision=precision)
