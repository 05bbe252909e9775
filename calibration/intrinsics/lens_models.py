"""Which coefficients of a lens are free, and a camera as twelve numbers and back."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from jaxtyping import Float

from calibration.bundle.problem import IntrinsicsPrior, intrinsics_of
from geometry.camera import Camera

LensModel = Literal["brown", "rational"]
"""brown: k1 k2 p1 p2 k3. rational: k4 k5 k6 too."""
FREE = {"brown": np.arange(12) < 9, "rational": np.ones(12, bool)}
"""Which of the twelve numbers each model has."""
WEAK_RADIAL, WEAK_TANGENTIAL = 10.0, 1.0
"""Standard deviations that bind no real lens (the largest coefficient of an Azure Kinect is 2.5) but hold what views
leave entirely free: with the rational model, numerators and denominators that cancel."""
_RADII = np.linspace(0.01, 3.0, 300)
"""Distances from the axis on the plane z = 1 at which a lens is checked; 3 is a field of 143°."""


def free_prior(camera: Camera, model: LensModel) -> IntrinsicsPrior:
    """Nothing known: `camera` is where the coefficients that the model lacks are held (at 0) and nothing else."""
    mean = intrinsics_of(camera)
    mean[4:] = 0.0
    sigma = np.array([np.inf] * 4 + [WEAK_RADIAL] * 2 + [WEAK_TANGENTIAL] * 2 + [WEAK_RADIAL] * 4)
    return IntrinsicsPrior(mean=mean, sigma=np.where(FREE[model], sigma, 0.0))


def with_lens(camera: Camera, numbers: Float[np.ndarray, "12"]) -> Camera:
    """The camera with another lens, in the order of INTRINSICS."""
    fx, fy, cx, cy = numbers[:4]
    K = np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])
    return replace(camera, K=K, distortion=np.array(numbers[4:]))


def turning_radius(distortion: Float[np.ndarray, "8"]) -> float:
    """Distance from the axis, on the plane z = 1, beyond which the radial model folds back; infinity if it does not.

    Beyond it two rays share a pixel, so a lens that was estimated needs it as its `metric_radius`.
    """
    k1, k2, _, _, k3, k4, k5, k6 = distortion
    s = _RADII**2
    with np.errstate(divide="ignore", invalid="ignore"):
        r = _RADII * (1 + s * (k1 + s * (k2 + s * k3))) / (1 + s * (k4 + s * (k5 + s * k6)))
    folded = np.flatnonzero(~(np.diff(r) > 0))
    return float(_RADII[folded[0]]) if len(folded) else float("inf")
