"""Points painted with the heat of keypoints: which points lie under each keypoint, and how deep the joint is behind."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from jaxtyping import Bool, Float

from geometry.rigid import rotate, transform
from hps.rgb.keypoint_batch import KeypointBatch
from hps.rgb.keypoint_names import LIFTED
from registration.keypoints.confidence import BLAZEPOSE_NOISE
from registration.keypoints.lifting import LiftOptions, behind_skin

FAR: Final = 2.5
"""Points farther from a keypoint than so many of its sigmas have no heat of it."""
WIDTH_PX: Final = (3.0, 12.0)
"""Least and largest sigma of the heat, pixels: a cloud has a point every two to four pixels of a picture."""
LEAST_POINTS: Final = 6
"""With heat of a keypoint; fewer say nothing of its depth."""
NEAR_QUANTILE: Final = 0.1
"""Of the warm points' depths, by heat: where the front surface begins."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class JointDepths:
    """How deep keypoints lie along their rays. Metres; in the camera's frame, unless moved."""

    target: Float[np.ndarray, "keypoints 3"]
    """Where the keypoint's ray and its depth meet; 0 where nothing is known."""
    direction: Float[np.ndarray, "keypoints 3"]
    """Unit vector of the ray."""
    sigma: Float[np.ndarray, "keypoints"]
    """Standard deviation along the ray; infinite where nothing is known."""

    @property
    def known(self) -> Bool[np.ndarray, "keypoints"]:
        """Of which keypoints."""
        return np.isfinite(self.sigma)

    def moved(self, T_new_old: Float[np.ndarray, "4 4"]) -> JointDepths:
        """The same in another frame."""
        return replace(self, target=transform(T_new_old, self.target), direction=rotate(T_new_old, self.direction))


def painted(points: Float[np.ndarray, "points 3"], seen: KeypointBatch) -> Float[np.ndarray, "points keypoints"]:
    """The heat of each keypoint of one person's picture at each point (the camera's frame, metres).

    exp(-d² / 2) of the distance d between the point's pixel and the keypoint in sigmas; 0 beyond FAR, and for points
    outside the picture.
    """
    K, q = seen.K[0].double().numpy(), seen.q[0].double().numpy()
    z = points[:, 2]
    pixels = (points @ K.T)[:, :2] / np.where(z > 0, z, 1.0)[:, None]
    inside = (z > 0) & (pixels > -0.5).all(1) & (pixels < seen.size[0].double().numpy() - 0.5).all(1)
    sigma = np.clip(_sigma_px(seen), *WIDTH_PX)
    away = np.linalg.norm(pixels[:, None] - q, axis=-1) / sigma
    return np.where(inside[:, None] & (away < FAR), np.exp(-0.5 * away**2), 0.0)


def covered(heat: Float[np.ndarray, "points keypoints"]) -> Bool[np.ndarray, "keypoints"]:
    """Keypoints that lie on the cloud."""
    return np.asarray((heat > 0).sum(0) >= LEAST_POINTS)


def joint_depths(
    points: Float[np.ndarray, "points 3"],
    heat: Float[np.ndarray, "points keypoints"],
    seen: KeypointBatch,
    options: LiftOptions | None = None,
) -> JointDepths:
    """Depths of the keypoints that the detector sees, from the front surface of their warm points.

    A keypoint lies behind that surface by what `registration.keypoints.lifting` measured of each kind. Of points at
    several depths the nearest surface counts, and their spread is added to the standard deviation: where an arm passes
    the trunk, either may be meant.
    """
    options = LiftOptions() if options is None else options
    count = len(LIFTED)
    K, q = seen.K[0].double().numpy(), seen.q[0].double().numpy()
    confidence = seen.confidence[0].double().numpy()
    z, spread = np.full(count, np.nan), np.full(count, np.nan)
    for j in np.flatnonzero(covered(heat) & (confidence >= options.visible)):
        warm = heat[:, j] > 0
        z[j], spread[j] = _front(points[warm, 2], heat[warm, j], options.thickness_m)
    focal = float(np.sqrt(K[0, 0] * K[1, 1]))
    usual_z = float(np.nanmedian(z)) if np.isfinite(z).any() else np.nan
    with np.errstate(invalid="ignore"):  # of a person whose sides coincide nobody knows which way they face
        behind = behind_skin(q, confidence, usual_z / focal, LIFTED, options)
    ray = np.concatenate([q, np.ones((count, 1))], 1) @ np.linalg.inv(K).T
    v = ray / np.linalg.norm(ray, axis=1, keepdims=True)
    target = ray * z[:, None] + behind[:, :1] * v
    sigma = np.sqrt(options.sensor_m**2 + behind[:, 1] ** 2 + spread**2)
    known = np.isfinite(target).all(1) & np.isfinite(sigma)
    return JointDepths(target=np.where(known[:, None], target, 0.0), direction=v, sigma=np.where(known, sigma, np.inf))


def _sigma_px(seen: KeypointBatch) -> Float[np.ndarray, "keypoints"]:
    """Of the detections."""
    return BLAZEPOSE_NOISE.sigma_px(seen.confidence[0].double().numpy(), seen.pixel_size[0].double().numpy())


def _front(z: Float[np.ndarray, "warm"], heat: Float[np.ndarray, "warm"], thickness_m: float) -> tuple[float, float]:
    """Median depth of the front surface by heat, and how far all the warm points spread about it."""
    front = z <= _quantile(z, heat, NEAR_QUANTILE) + thickness_m
    middle = _quantile(z[front], heat[front], 0.5)
    return middle, 1.48 * _quantile(np.abs(z - middle), heat, 0.5)


def _quantile(values: np.ndarray, weights: np.ndarray, share: float) -> float:
    """The smallest value with this share of the weight at or below it."""
    order = np.argsort(values, kind="stable")
    total = np.cumsum(weights[order])
    return float(values[order[np.searchsorted(total, share * total[-1])]])
