"""What a keypoint detector is: it finds the people of one image, helped by where they were in the image before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from registration.keypoints.sets import KeypointSet


@dataclass(frozen=True, kw_only=True, slots=True)
class PersonMask:
    """Which pixels show the person, kept at the resolution at which the network saw the person."""

    crop: UInt8[np.ndarray, "side side2"]
    """Probability times 255."""
    A_image_crop: Float[np.ndarray, "2 3"]
    """Pixel of the image = A_image_crop @ (pixel of the crop, 1); pixel centres are integers in both."""

    def image(self, width: int, height: int) -> Float32[np.ndarray, "{height} {width}"]:
        """Probability in every pixel of the image; 0 outside the crop."""
        warped = cv2.warpAffine(self.crop, self.A_image_crop, (width, height), flags=cv2.INTER_LINEAR)
        return warped.astype(np.float32) / np.float32(255)


@dataclass(frozen=True, kw_only=True, slots=True)
class Person2D:
    """One person in one image."""

    q: Float[np.ndarray, "joints 2"]
    """Pixels."""
    visibility: Float[np.ndarray, "joints"]
    """The detector's belief, 0 to 1, that the joint is in the picture and not hidden."""
    score: float
    """The detector's belief, 0 to 1, that this is a person."""
    pixel_size: float
    """Image pixels to one pixel of the network's crop: the unit in which its errors are measured."""
    track: int = -1
    """Number of the person along this stream, as far as the detector could follow; -1 for somebody new."""
    mask: PersonMask | None = None
    follow: Any = None
    """What the detector wants to know about this person in the next image; not kept on disk."""

    @property
    def box(self) -> Float[np.ndarray, "4"]:
        """Left, top, right, bottom of the joints, pixels."""
        return np.concatenate([self.q.min(0), self.q.max(0)])


@runtime_checkable
class Detector(Protocol):
    """Finds people in images. Holds no state between images; not to be shared between threads."""

    keypoints: KeypointSet

    @property
    def fingerprint(self) -> str:
        """Changes whenever results may change: weights, settings, code."""
        ...

    def detect(
        self, image: UInt8[np.ndarray, "height width 3"], previous: Sequence[Person2D] = (), search: bool = True
    ) -> list[Person2D]:
        """The people of an RGB image, best first.

        Those of the image before, `previous`, are looked for where they were and keep their track; others are found
        only if `search` is set or somebody was lost.
        """
        ...
