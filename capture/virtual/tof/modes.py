"""What the modes of the Azure Kinect's depth camera reach: distances, and the pixels that its light falls on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from capture.errors import CaptureError


@dataclass(frozen=True, kw_only=True)
class Mode:
    """One depth mode."""

    range_m: tuple[float, float]
    """Operating range. Source: hardware specification of the Azure Kinect DK."""
    nearest_m: float
    """Below the operating range depth is sent all the same where the echo does not saturate: down to 0.18 m in a real
    frame of the narrow mode; assumed for the wide ones."""
    exposure_s: float
    """Source: as for the range."""
    reach: float
    """Radius of the lit area as a part of half the image's width: of the hexagon's inner circle in the narrow modes
    (303 of 320 pixels in a real frame), of the circle in the wide ones (assumed)."""
    wide: bool


CENTER = (0.0211, 0.0252)
"""Where the hexagon's middle is, from the image's centre, as a part of its width (x) and height (y): in a real frame of
the narrow unbinned mode at column 333, row 302."""


MODES: dict[str, Mode] = {
    "NFOV_UNBINNED": Mode(range_m=(0.5, 3.86), nearest_m=0.15, exposure_s=12.8e-3, reach=303 / 320, wide=False),
    "NFOV_2X2BINNED": Mode(range_m=(0.5, 5.46), nearest_m=0.15, exposure_s=12.8e-3, reach=303 / 320, wide=False),
    "WFOV_2X2BINNED": Mode(range_m=(0.25, 2.88), nearest_m=0.1, exposure_s=12.8e-3, reach=0.98, wide=True),
    "WFOV_UNBINNED": Mode(range_m=(0.25, 2.21), nearest_m=0.1, exposure_s=20.3e-3, reach=0.98, wide=True),
}


def mode_named(name: str) -> Mode:
    """The mode of this name. Raises CaptureError for another."""
    if name not in MODES:
        raise CaptureError(f"no depth mode '{name}'; use one of {', '.join(MODES)}")
    return MODES[name]


def lit(mode: Mode, shape: tuple[int, int]) -> Bool[np.ndarray, "rows columns"]:
    """Pixels that the infrared light reaches: a hexagon with corners at the left and the right, or a circle."""
    rows, columns = shape
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    x, y = x - (columns - 1) / 2, y - (rows - 1) / 2
    radius = mode.reach * columns / 2
    if mode.wide:
        return np.hypot(x, y) <= radius
    x, y = x - CENTER[0] * columns, y - CENTER[1] * rows
    angles = np.deg2rad([30.0, 90.0, 150.0])
    return np.max([np.abs(np.cos(a) * x + np.sin(a) * y) for a in angles], 0) <= radius
