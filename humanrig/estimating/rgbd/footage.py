"""What people are looked for in: pictures of a colour camera with the depth of a camera beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Float, UInt8

from geometry.camera import Camera
from geometry.rigid import rotate
from humanrig.estimating.rgb.footage import Footage

CAMERA: Final = "the colour camera's frame"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DepthFrame:
    """The depth beside one picture."""

    depth_m: Float[np.ndarray, "rows columns"]
    """NaN where nothing was measured."""
    depth_camera: Camera
    color_camera: Camera
    """Of the picture; both are placed in one frame."""
    confidence: UInt8[np.ndarray, "rows columns"] | None = None
    """A phone's, of each depth pixel: 0 low, 1 medium, 2 high."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RgbdFootage:
    """A piece of footage with depth."""

    footage: Footage
    """The pictures, upright."""
    depth: Callable[[int], DepthFrame]
    """Of the picture of a row; may be called again."""
    frame: str
    """In words: what the cameras are placed in, and bodies are told in."""
    upright: bool
    """Whether that frame's z is up."""
    mask: Bool[np.ndarray, "height width"] | None = None
    """Where the one person is, as the user says; None: as the detector says."""

    def up(self, camera: Camera) -> Float[np.ndarray, "3"] | None:
        """Against gravity in a camera's frame; None where nobody knows."""
        return rotate(camera.T_camera_world, np.array([0.0, 0.0, 1.0])) if self.upright else None
