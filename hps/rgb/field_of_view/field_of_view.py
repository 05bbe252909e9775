"""The focal length of a picture as a value: how sure it is, and where it is known from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from jaxtyping import Float

from hps.errors import HpsError

Source = Literal["calibration", "given", "EXIF", "video metadata", "people", "supposed"]
KNOWN: Final = ("calibration", "given", "EXIF", "video metadata")
"""Sources that measured it, or read what measured it."""
FILM_DIAGONAL_MM: Final = float(np.hypot(36.0, 24.0))
SUPPOSED_35MM: Final = 28.0
"""Focal length that is supposed of a picture of which nothing is known, as of 35 mm film."""
SUPPOSED_SIGMA: Final = 0.3
"""Of its logarithm. Phones' main lenses have 23 to 28 mm, their front and video crops 28 to 35, wide ones 13 to 16,
long ones 48 to 77; webcams 25 to 35: 28 mm and a factor of 1.35 either way hold two thirds of what people take pictures
of people with. Assumed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldOfView:
    """Of one upright picture with square pixels and its principal point in the middle."""

    focal_px: float
    sigma: float
    """Standard deviation of the logarithm of the focal length: 0.05 is 5 %."""
    source: Source
    width: int
    height: int
    detail: str = ""
    """What was read, or why nothing was; for the user."""

    def __post_init__(self) -> None:
        """Raises HpsError for a focal length or a size that no picture has."""
        if not (np.isfinite(self.focal_px) and self.focal_px > 0 and self.sigma >= 0):
            raise HpsError(f"a focal length of {self.focal_px} px with sigma {self.sigma}; both must be above 0")
        if min(self.width, self.height) < 1:
            raise HpsError(f"a picture of {self.width} x {self.height} pixels; both sides must be 1 or more")

    @property
    def known(self) -> bool:
        """Whether it was measured, and not supposed or found from the people in the picture."""
        return self.source in KNOWN

    @property
    def K(self) -> Float[np.ndarray, "3 3"]:
        """Intrinsics, pixels; the centre of the top-left pixel is (0, 0)."""
        cx, cy = (self.width - 1) / 2, (self.height - 1) / 2
        return np.array([[self.focal_px, 0.0, cx], [0.0, self.focal_px, cy], [0.0, 0.0, 1.0]])

    @property
    def vertical_deg(self) -> float:
        """Angle from the upper edge to the lower."""
        return float(np.rad2deg(2 * np.arctan(self.height / (2 * self.focal_px))))

    @property
    def horizontal_deg(self) -> float:
        """Angle from the left edge to the right."""
        return float(np.rad2deg(2 * np.arctan(self.width / (2 * self.focal_px))))

    def told(self) -> str:
        """One line for the user: the angle, how sure, and from where."""
        sure = f" ± {100 * self.sigma:.0f} %" if self.sigma else ""
        detail = f": {self.detail}" if self.detail else ""
        return f"focal length {self.focal_px:.0f} px{sure} ({self.vertical_deg:.1f}° upright), {self.source}{detail}"


def given(vertical_deg: float, width: int, height: int) -> FieldOfView:
    """What a user says: the vertical angle of the upright picture. Raises HpsError outside of 1° to 170°."""
    if not 1 <= vertical_deg <= 170:
        raise HpsError(f"a vertical field of view of {vertical_deg}° is not possible; give 1 to 170 degrees")
    focal = height / (2 * np.tan(np.deg2rad(vertical_deg) / 2))
    return FieldOfView(focal_px=float(focal), sigma=0.0, source="given", width=width, height=height)


def supposed(width: int, height: int, detail: str = "") -> FieldOfView:
    """What is supposed of a picture of which nothing is known."""
    return FieldOfView(
        focal_px=of_35mm(SUPPOSED_35MM, width, height), sigma=SUPPOSED_SIGMA, source="supposed",
        width=width, height=height, detail=detail,
    )  # fmt: skip


def of_35mm(focal_mm: float, width: int, height: int) -> float:
    """Pixels of a focal length as of 35 mm film: the diagonals see the same angle (CIPA DCG-001)."""
    return focal_mm / FILM_DIAGONAL_MM * float(np.hypot(width, height))
