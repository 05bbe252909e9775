"""One colour image and what is known about it: what painting takes from each camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, UInt8

from geometry.camera import Camera
from geometry.depth import require_size


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ColorView:
    """One colour image, and what is known about its pixels."""

    camera: Camera
    image: UInt8[np.ndarray, "rows columns 3"]
    """RGB."""
    depth_m: Float32[np.ndarray, "rows columns"] | None = None
    """Measured depth of the same device as this camera sees it, NaN where unknown; None without a depth camera."""
    mask: Bool[np.ndarray, "rows columns"] | None = None
    """Pixels that show the person; None when not known."""
    sigma_px: float = 0.0
    """How far the calibration's uncertainty moves the person in this image (`view_quality.calibration_sigma_px`)."""
    blur_px: float | None = None
    """Width of an edge in this image (`view_quality.edge_width_px`); None: not measured, taken as sharp."""

    def check_sizes(self) -> None:
        """Raises GeometryError on an image, depth or mask of another size than the camera's."""
        for image in (self.image, self.depth_m, self.mask):
            if image is not None:
                require_size(image, self.camera)
