"""Images as a camera without lens distortion would have taken them, for formats that store K alone."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float32, UInt8, UInt16

from geometry.camera import Camera
from geometry.depth import require_size

_OUTSIDE = -2.0
"""A place outside every image; cv2.remap fills it with 0."""


class PinholeImages:
    """Undistorts the images of one camera to a pinhole with the same K and size; 0 where its lens did not see."""

    def __init__(self, camera: Camera) -> None:
        """Computes where each pixel comes from, once."""
        self._camera = camera
        self._map = _source_pixels(camera) if np.any(camera.distortion) else None

    def color(self, image: UInt8[np.ndarray, "height width 3"]) -> UInt8[np.ndarray, "height width 3"]:
        """A colour image, interpolated linearly."""
        return self._remap(image, cv2.INTER_LINEAR)

    def nearest(self, image: np.ndarray) -> np.ndarray:
        """An image whose values must not be mixed (mask, or depth uint16: z does not change), nearest neighbour."""
        return self._remap(image, cv2.INTER_NEAREST)

    def _remap(self, image: np.ndarray, how: int) -> UInt8[np.ndarray, "..."] | UInt16[np.ndarray, "..."]:
        require_size(image, self._camera)
        if self._map is None:
            return image
        return cv2.remap(image, *self._map, how, borderMode=cv2.BORDER_CONSTANT, borderValue=0)


def _source_pixels(
    camera: Camera,
) -> tuple[Float32[np.ndarray, "height width"], Float32[np.ndarray, "height width"]]:
    """Column and row in the distorted image of what each pixel of the pinhole shows."""
    x, y = np.meshgrid(np.arange(camera.width, dtype=np.float64), np.arange(camera.height, dtype=np.float64))
    xy = (np.stack([x, y], -1) - camera.K[:2, 2]) @ np.linalg.inv(camera.K[:2, :2]).T
    q = camera.project_camera(np.concatenate([xy, np.ones_like(xy[..., :1])], -1))
    # far outside the picture a distortion polynomial can turn back into it: such pixels were never seen
    with np.errstate(invalid="ignore"):
        seen = np.abs(camera.normalize(q) - xy).max(-1) < 1e-6
    q = np.where(seen[..., None], q, _OUTSIDE).astype(np.float32)
    return np.ascontiguousarray(q[..., 0]), np.ascontiguousarray(q[..., 1])
