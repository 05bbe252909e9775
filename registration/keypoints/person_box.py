"""The upright box of the image in which a pose model looks for the keypoints of one person."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8


@dataclass(frozen=True, slots=True)
class PersonBox:
    """A box in pixels from the outer corner of the image's first one: a pixel's centre is at 1/2."""

    center: Float[np.ndarray, "2"]
    size: Float[np.ndarray, "2"]
    """Width and height."""

    @classmethod
    def holding(
        cls, center: Float[np.ndarray, "2"], size: Float[np.ndarray, "2"], width: int, height: int
    ) -> PersonBox:
        """The smallest box with the aspect of width and height that holds one of `size`."""
        aspect = np.array([width, height], np.float64)
        return cls(np.asarray(center, np.float64), aspect * float((size / aspect).max()))

    @classmethod
    def around(cls, q: Float[np.ndarray, "joints 2"], padding: float, width: int, height: int) -> PersonBox:
        """The box of keypoints at the pixels `q`, `padding` times as large as they need."""
        low, high = q.min(0) + 0.5, q.max(0) + 0.5
        return cls.holding((low + high) / 2, np.maximum(high - low, 1.0) * padding, width, height)

    def crop(self, image: UInt8[np.ndarray, "rows columns 3"], width: int, height: int) -> np.ndarray:
        """(height, width, 3) the box resampled; black outside the image."""
        scale = self.size / [width, height]
        block = int(max(1, scale.max() // 2))
        if block > 1:  # average first: bilinear sampling would skip pixels
            rows, columns = (n // block * block for n in image.shape[:2])
            image = cv2.resize(image[:rows, :columns], (columns // block, rows // block), interpolation=cv2.INTER_AREA)
        corner = self.center - self.size / 2
        A = np.column_stack([np.diag(scale), corner + scale / 2]) / block
        A[:, 2] -= 0.5
        return cv2.warpAffine(image, A, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)

    def pixels(self, u: Float[np.ndarray, "joints 2"], width: int, height: int) -> Float[np.ndarray, "joints 2"]:
        """Pixels of the image, whole at pixel centres, of points of the crop from its outer corner."""
        return self.center + (u / [width, height] - 0.5) * self.size - 0.5
