"""From a detector's belief in a keypoint to how far it is off, in pixels and on the body."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from jaxtyping import Float

from registration.keypoints.sets import stem

LOWEST_VISIBILITY: Final = 0.02


@dataclass(frozen=True, kw_only=True, slots=True)
class DetectorNoise:
    """How a detector errs."""

    crop_px: float
    """Standard deviation of a keypoint of full visibility along each image axis, in 256ths of the person's box."""
    factor: Mapping[str, float] = field(default_factory=dict)
    """Kind of keypoint → by how much more or less it errs."""
    wander_mm: Mapping[str, float] = field(default_factory=dict)
    """Kind of keypoint → how far what the detector means by it moves on the body while the pose changes, the same in
    all cameras: standard deviation along each axis."""

    def sigma_px(
        self,
        visibility: Float[np.ndarray, "*people joints"],
        pixel_size: Float[np.ndarray, "*people"],
        names: Sequence[str] = (),
    ) -> Float[np.ndarray, "*people joints"]:
        """Standard deviation of detections along each image axis, pixels. `names` are those of the joints."""
        factor = np.array([self.factor.get(stem(name), 1.0) for name in names]) if names else 1.0
        spread = self.crop_px / np.sqrt(np.maximum(visibility, LOWEST_VISIBILITY))
        return factor * spread * np.asarray(pixel_size)[..., None]

    def wander_m(self, names: Sequence[str]) -> Float[np.ndarray, "joints"]:
        """That deviation in metres; 0 where nothing is known."""
        return np.array([self.wander_mm.get(stem(name), 0.0) for name in names]) * 1e-3


BLAZEPOSE_NOISE: Final = DetectorNoise(crop_px=1.7)
"""Measured on 400 images of a published four-camera recording, from the residuals of the triangulation: 1.6 to 1.8
above visibility 0.8, 2.0 at 0.65, 3.0 at 0.35, 5.2 at 0.1; in other words 1.7 / sqrt(visibility)."""
