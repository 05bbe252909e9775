"""Landmarks that two networks see, one in points and one in keypoints, as one Gaussian each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float

from hps.points.fitting.evidence import LandmarkGaussians
from hps.points.fitting.term_making import array_of
from hps.rgb.lifted import LiftedBodies

LEAST_SIGMA_M: Final = 0.005
"""A lifter is not taken to know a landmark's place about the pelvis better than this."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FusedLandmarks:
    """Landmarks of a batch of bodies. Metres; in the cameras' frames, unless moved."""

    mean: Float[np.ndarray, "batch landmarks 3"]
    covariance: Float[np.ndarray, "batch landmarks 3 3"]
    """Of the product of both Gaussians."""
    lifted: Float[np.ndarray, "batch landmarks 3"]
    """The lifter's alone, moved as a whole to where the points are."""
    lifted_covariance: Float[np.ndarray, "batch landmarks 3 3"]
    """Of the lifter's alone about the pelvis."""
    apart: Float[np.ndarray, "batch"]
    """Root mean square distance of the two, in standard deviations of their difference: 1 where both know what they
    know."""

    def moved(self, Ts_new_old: Float[np.ndarray, "batch 4 4"]) -> FusedLandmarks:
        """The same in other frames."""
        R, t = Ts_new_old[:, None, :3, :3], Ts_new_old[:, None, :3, 3]
        across = R.swapaxes(-1, -2)
        return FusedLandmarks(
            mean=(R @ self.mean[..., None])[..., 0] + t,
            covariance=R @ self.covariance @ across,
            lifted=(R @ self.lifted[..., None])[..., 0] + t,
            lifted_covariance=R @ self.lifted_covariance @ across,
            apart=self.apart,
        )


def product(network: LandmarkGaussians, lifted: LiftedBodies, redundancy: float) -> FusedLandmarks:
    """The product of what the point network and the lifter say of each landmark.

    Where the lifter puts the body as a whole is an unknown that both together tell (the lifter's own guess of the root
    has a sigma of some 100 mm along the ray); its error is left out of the product, 88 landmarks tell it well, even if
    as many as `redundancy` of them say the same thing. Landmarks of infinite sigma are the other's alone.
    """
    x, sigma = array_of(network.position), np.minimum(array_of(network.sigma), 1e3)
    relative, root = array_of(lifted.relative), array_of(lifted.root)
    v = root / np.linalg.norm(root, axis=-1, keepdims=True)
    own = np.maximum(array_of(lifted.sigma), LEAST_SIGMA_M)
    lifted_covariance = _along_ray(v[:, None], own)
    network_covariance = sigma[..., None, None] ** 2 * np.eye(3)
    precision = np.linalg.inv(lifted_covariance + network_covariance)
    of_root = np.linalg.inv(_along_ray(v, np.maximum(array_of(lifted.root_sigma), LEAST_SIGMA_M)))
    A = of_root + precision.sum(1) / redundancy
    b = (of_root @ root[..., None])[..., 0]
    b = b + (precision @ (x - relative)[..., None])[..., 0].sum(1) / redundancy
    moved = relative + np.linalg.solve(A, b[..., None])[..., 0][:, None]
    away = x - moved
    squared = (away[..., None, :] @ precision @ away[..., None])[..., 0, 0] / 3
    to_x, to_lifted = np.linalg.inv(network_covariance), np.linalg.inv(lifted_covariance)
    covariance = np.linalg.inv(to_x + to_lifted)
    return FusedLandmarks(
        mean=(covariance @ (to_x @ x[..., None] + to_lifted @ moved[..., None]))[..., 0],
        covariance=covariance,
        lifted=moved,
        lifted_covariance=lifted_covariance,
        apart=np.sqrt(squared.mean(1)),
    )


def _along_ray(
    v: Float[np.ndarray, "*#some 3"], sigma: Float[np.ndarray, "*#some 2"]
) -> Float[np.ndarray, "*#some 3 3"]:
    """Covariances with one standard deviation across v and one along it."""
    vv = v[..., :, None] * v[..., None, :]
    across, along = sigma[..., 0, None, None] ** 2, sigma[..., 1, None, None] ** 2
    return across * (np.eye(3) - vv) + along * vv
