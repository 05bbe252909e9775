"""The rotated square of the image in which BlazePose looks for one person's landmarks."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8

MARGIN = 1.25
"""Side of the square against the circle around the person (MediaPipe, pose_detection_to_roi.pbtxt)."""
MAX_SHRINK = 2.0
"""Bilinear sampling aliases when one crop pixel covers more image pixels than this; the image is halved first."""


@dataclass(frozen=True, slots=True)
class Region:
    """A square: its centre and side in pixels, and how far it is turned (radians, clockwise in the picture)."""

    center: Float[np.ndarray, "2"]
    side: float
    angle: float

    @classmethod
    def around(cls, center: Float[np.ndarray, "2"], top: Float[np.ndarray, "2"]) -> Region:
        """The region of a person from two alignment points: the middle of the hips and a point on the circle around
        the whole body, in the direction of the head."""
        v = np.asarray(top, np.float64) - center
        angle = np.pi / 2 - np.arctan2(-v[1], v[0])
        return cls(np.asarray(center, np.float64), float(2 * MARGIN * np.hypot(*v)), float(angle))

    def A_image_crop(self, size: int) -> Float[np.ndarray, "2 3"]:
        """Pixel of the image from pixel of a crop with `size` pixels a side; pixel centres are integers in both."""
        c, s = np.cos(self.angle), np.sin(self.angle)
        A = self.side / size * np.array([[c, -s], [s, c]])
        middle = (size - 1) / 2
        return np.column_stack([A, self.center - A @ [middle, middle]])

    def crop(self, image: UInt8[np.ndarray, "height width 3"], size: int) -> UInt8[np.ndarray, "{size} {size} 3"]:
        """The square resampled to `size` pixels a side; black outside the image."""
        A = self.A_image_crop(size)
        if self.side / size > MAX_SHRINK:
            image, A = self._halved(image, A, int(np.log2(self.side / size)))
        return cv2.warpAffine(image, A, (size, size), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)

    def overlap(self, other: Region) -> float:
        """Intersection over union of the two circles' bounding squares."""
        a, b = (np.stack([r.center - r.side / 2, r.center + r.side / 2]) for r in (self, other))
        inter = np.clip(np.minimum(a[1], b[1]) - np.maximum(a[0], b[0]), 0, None).prod()
        return float(inter / (self.side**2 + other.side**2 - inter))

    def _halved(
        self, image: UInt8[np.ndarray, "height width 3"], A: Float[np.ndarray, "2 3"], times: int
    ) -> tuple[UInt8[np.ndarray, "height2 width2 3"], Float[np.ndarray, "2 3"]]:
        """The part of the image that the square touches, averaged over blocks of 2**times pixels."""
        block = 2**times
        reach = self.side * np.sqrt(0.5) + block
        low = np.floor((self.center - reach) / block).astype(int) * block
        high = np.ceil((self.center + reach) / block).astype(int) * block
        low = np.maximum(low, 0)
        high = np.minimum(high, (np.array(image.shape[1::-1]) // block) * block)
        if (high - low < block).any():
            return image, A
        part = image[low[1] : high[1], low[0] : high[0]]
        small = cv2.resize(part, None, fx=1 / block, fy=1 / block, interpolation=cv2.INTER_AREA)
        # pixel q of the image lies at (q - low + 1/2) / block - 1/2 of the small one
        shifted = A.copy()
        shifted[:, 2] += 0.5 - low
        shifted /= block
        shifted[:, 2] -= 0.5
        return np.ascontiguousarray(small), shifted
