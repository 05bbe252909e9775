"""What is known of a person's shape beforehand: of people in general, or of this one from an earlier fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from body.model import BodyModel
from registration.fit.priors import SharedPrior

BETA_SIGMA = 1.2
"""Of each beta. Standard deviation of the best ten betas of the body bank's train split: 1.04 to 1.34."""
CHILD_SIGMA = 0.4
"""Of the child factor about the adult's 0. Standard deviation in the bank's train split: adults 0.11, children 0.37
about 0.56. Wide for an adult: a surface of thousands of points decides."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ShapePrior:
    """A Gaussian over the shape's coefficients: betas, then the child factor where the body has one."""

    mean: Float[np.ndarray, "coefficients"]
    precision: Float[np.ndarray, "coefficients coefficients"]

    @property
    def term(self) -> SharedPrior:
        """As a term of the energy of a fit without landmarks."""
        return SharedPrior(
            mean=self.mean, precision=self.precision, offset_m=np.zeros((0, 3)), offset_sigma_m=np.zeros(0)
        )


def population(model: BodyModel, betas: int) -> ShapePrior:
    """People in general: adults, and children where the model has a child axis."""
    sigma = np.full(betas, BETA_SIGMA)
    if model.child_direction is not None:
        sigma = np.append(sigma, CHILD_SIGMA)
    return ShapePrior(mean=np.zeros(len(sigma)), precision=np.diag(1 / sigma**2))


def rest_height(model: BodyModel, betas: int) -> tuple[float, Float[np.ndarray, "coefficients"]]:
    """Height of the mean rest body, metres, and what each coefficient adds to it."""
    y = model.v_template[:, 1]
    crown, sole = int(y.argmax()), int(y.argmin())
    row = model.shapedirs[crown, 1, :betas] - model.shapedirs[sole, 1, :betas]
    if model.child_direction is not None:
        row = np.append(row, model.child_direction[crown, 1] - model.child_direction[sole, 1])
    return float(y[crown] - y[sole]), row


def coefficients_of_height(model: BodyModel, betas: int, height_m: float) -> Float[np.ndarray, "coefficients"]:
    """The likeliest shape whose rest body is so high."""
    usual, row = rest_height(model, betas)
    spread = np.linalg.solve(population(model, betas).precision, row)
    return spread * (height_m - usual) / float(row @ spread)
