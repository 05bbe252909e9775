"""From a detector's belief in a keypoint to how far it is off, in pixels and on the body."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from jaxtyping import Float

from registration.keypoints.sets import stem


@dataclass(frozen=True, kw_only=True, slots=True)
class DetectorNoise:
    """How a detector errs."""

    visibility: tuple[float, ...]
    crop_px: tuple[float, ...]
    """Standard deviation along each image axis at these visibilities, in 256ths of the person's box; straight between.
    """
    wander_mm: Mapping[str, float] = field(default_factory=dict)
    """Kind of keypoint → how far what the detector means by it lies, on a person in a pose, from where it lies on
    average: standard deviation along each axis, the same in all cameras."""

    def sigma_px(
        self, visibility: Float[np.ndarray, "*people joints"], pixel_size: Float[np.ndarray, "*people"]
    ) -> Float[np.ndarray, "*people joints"]:
        """Standard deviation of detections along each image axis, pixels."""
        spread = np.interp(visibility, self.visibility, self.crop_px)
        return spread * np.asarray(pixel_size)[..., None]

    def wander_m(self, names: Sequence[str]) -> Float[np.ndarray, "joints"]:
        """That deviation in metres; of kinds that are not known the mean of the others, 0 where none is known."""
        usual = float(np.mean(list(self.wander_mm.values()))) if self.wander_mm else 0.0
        return np.array([self.wander_mm.get(stem(name), usual) for name in names]) * 1e-3


BLAZEPOSE_NOISE: Final = DetectorNoise(
    visibility=(0.03, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 1.0),
    crop_px=(8.5, 6.0, 4.6, 3.1, 2.5, 2.1, 1.8, 1.65, 1.6),
    wander_mm={
        "nose": 7.0,
        "eye_inner": 6.0,
        "eye": 6.0,
        "eye_outer": 6.0,
        "ear": 6.0,
        "mouth": 7.0,
        "shoulder": 5.0,
        "elbow": 5.0,
        "wrist": 6.0,
        "pinky": 5.0,
        "index": 5.0,
        "thumb": 7.0,
        "hip": 6.0,
        "knee": 6.0,
        "ankle": 9.0,
        "heel": 12.0,
        "foot_index": 12.0,
    },
)
"""Residuals of triangulated landmarks. A published four-camera recording of a real person (400 images): 1.6 to 1.8
above visibility 0.8, 2.0 at 0.65, 3.0 at 0.35, 5.2 at 0.1. Ten simulated takes with ten cameras (1,193 images): 8.9 at
0.05, 5.0 at 0.2, 2.9 at 0.4, 2.2 at 0.6, 1.8 at 0.78, 1.6 at 0.9, 1.4 above 0.95. The wandering makes the 68 % interval
cover 71 % of the errors along each axis in eleven simulated takes (eleven people, five motions), after the mean offsets
of the ten other takes (scripts/measure_keypoints.py); the tails are heavier than a Gaussian's."""


def noise_of_model(crop_px: float) -> DetectorNoise:
    """Of a model that says nothing of its errors but one deviation, at full confidence: with 1 / sqrt(confidence)."""
    at = np.array([0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 1.0])
    return DetectorNoise(visibility=tuple(at.tolist()), crop_px=tuple((crop_px / np.sqrt(at)).tolist()))
