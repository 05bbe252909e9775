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
    exposure_s: float
    """Source: as above."""
    reach: float
    """Radius of the lit area as a part of half the image's width: of the hexagon's inner circle in the narrow modes,
    of the circle in the wide ones. By eye from real frames."""
    wide: bool


MODES: dict[str, Mode] = {
    "NFOV_UNBINNED": Mode(range_m=(0.5, 3.86), exposure_s=12.8e-3, reach=345 / 320, wide=False),
    "NFOV_2X2BINNED": Mode(range_m=(0.5, 5.46), exposure_s=12.8e-3, reach=345 / 320, wide=False),
    "WFOV_2X2BINNED": Mode(range_m=(0.25, 2.88), exposure_s=12.8e-3, reach=0.98, wide=True),
    "WFOV_UNBINNED": Mode(range_m=(0.25, 2.21), exposure_s=20.3e-3, reach=0.98, wide=True),
}


def mode_named(name: str) -> Mode:
    """The mode of this name. Raises CaptureError for another."""
    if name not in MODES:
        raise CaptureError(f"no depth mode '{name}'; use one of {', '.join(MODES)}")
    return MODES[name]


def lit(mode: Mode, shape: tuple[int, int]) -> Bool[np.ndarray, "rows columns"]:
    """Pixels that the infrared light reaches: a hexagon cut off by the image's borders, or a circle."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    x, y = x - (shape[1] - 1) / 2, y - (shape[0] - 1) / 2
    radius = mode.reach * shape[1] / 2
    if mode.wide:
        return np.hypot(x, y) <= radius
    angles = np.deg2rad([0.0, 60.0, 120.0])
    return np.max([np.abs(np.cos(a) * x + np.sin(a) * y) for a in angles], 0) <= radius
