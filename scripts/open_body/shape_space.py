"""Betas from a population of adults, and the child axis beside them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

BETAS = 16


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ShapeSpace:
    """Mean and principal directions of adult shape."""

    mean: Float[np.ndarray, "vertices 3"]
    directions: Float[np.ndarray, "vertices 3 shapes"]
    """For one standard deviation each; the first sign makes the body taller."""
    deviations: Float[np.ndarray, "shapes"]
    """Root of the eigenvalues, metres over the whole body."""
    explained: Float[np.ndarray, "shapes"]
    """Fraction of the variance."""


def principal_shapes(skins: Float[np.ndarray, "people vertices 3"]) -> ShapeSpace:
    """PCA by the people's Gram matrix."""
    count, vertices = skins.shape[:2]
    mean = skins.mean(0, dtype=np.float64)
    centred = (skins - mean).reshape(count, -1)
    values, vectors = np.linalg.eigh(centred @ centred.T)
    order = np.argsort(values)[::-1][:BETAS]
    directions = (centred.T @ vectors[:, order] / np.sqrt(count)).reshape(vertices, 3, BETAS)
    top, bottom = np.argmax(mean[:, 1]), np.argmin(mean[:, 1])
    directions *= np.where(directions[top, 1] < directions[bottom, 1], -1.0, 1.0)
    return ShapeSpace(
        mean=mean,
        directions=directions,
        deviations=np.sqrt(values[order] / count),
        explained=values[order] / values.sum(),
    )


def fit_shape(
    skins: Float[np.ndarray, "people vertices 3"],
    mean: Float[np.ndarray, "vertices 3"],
    directions: Float[np.ndarray, "vertices 3 shapes"],
) -> tuple[Float[np.ndarray, "people shapes"], Float[np.ndarray, "people vertices 3"]]:
    """Least-squares coefficients of each person, and what they leave."""
    A = directions.reshape(-1, directions.shape[2])
    residual = (skins - mean).reshape(len(skins), -1).astype(np.float64)
    coefficients = np.linalg.lstsq(A, residual.T, rcond=None)[0].T
    return coefficients, (residual - coefficients @ A.T).reshape(skins.shape)
