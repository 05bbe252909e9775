"""The field of view that a photograph's EXIF tells, and which way up it is; where it was taken is never read."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.ExifTags import IFD, Base

from hps.errors import HpsError
from hps.rgb.field_of_view.field_of_view import FieldOfView, of_35mm

SIGMA_35MM: Final = 0.03
"""Of the logarithm: the tag is a whole number of millimetres (1 % at 26), and lenses lengthen as they focus. Assumed.
"""
SIGMA_PLANE: Final = 0.02
"""Of a focal length in millimetres with the sensor's pixels. Assumed."""
ZOOMED: Final = 1.05
"""Digital zoom from which on it is asked whether the focal length holds it: makers differ."""
SIGMA_ZOOMED: Final = 0.15
LEAST_35MM, MOST_35MM = 4.0, 2000.0
"""Focal lengths that there are, from fisheyes to the longest telephoto lenses."""
OF_ASPECT: Final = 0.02
"""By which the sides of a picture may be in another proportion than the camera's, before it was cropped."""
MM_OF_UNIT: Final = {2: 25.4, 3: 10.0, 4: 1.0, 5: 1e-3}
"""FocalPlaneResolutionUnit: inch, centimetre, millimetre, micrometre."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExifReading:
    """What the EXIF of one picture says."""

    field_of_view: FieldOfView | None
    """Of the upright picture; None where the EXIF does not tell."""
    orientation: int
    """1 to 8, as EXIF counts: how the stored picture must be turned to be upright; 1 where it is not told."""
    note: str
    """Why there is no field of view; empty where there is one."""


def read_exif(picture: Path | str | BytesIO) -> ExifReading:
    """The EXIF of a picture of any format that Pillow reads, without its pixels.

    Of the tags only the orientation, focal lengths, the sensor's resolution, digital zoom and picture size are looked
    at. Raises HpsError for a file that is missing or no picture.
    """
    try:
        with warnings.catch_warnings(record=True) as broken, Image.open(picture) as image:
            warnings.simplefilter("always")
            exif = image.getexif()
            base: Mapping[int, Any] = dict(exif)
            detail: Mapping[int, Any] = dict(exif.get_ifd(IFD.Exif))
            stored = image.size
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise HpsError(f"{picture}: not a picture that can be read ({error})") from error
    orientation = base.get(Base.Orientation, 1)
    orientation = orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1
    field, note = _field(detail, stored, orientation)
    if broken and field is None:
        note = "its EXIF is damaged"
    return ExifReading(field_of_view=field, orientation=orientation, note=note)


def _field(detail: Mapping[int, Any], stored: tuple[int, int], orientation: int) -> tuple[FieldOfView | None, str]:
    long, short = max(stored), min(stored)
    told = [_number(detail.get(tag)) for tag in (Base.ExifImageWidth, Base.ExifImageHeight)]
    if min(told) > 0 and abs(np.log(max(told) / min(told) * short / long)) > OF_ASPECT:
        return None, (
            f"its EXIF tells of {told[0]:.0f} x {told[1]:.0f} pixels and the picture has {stored[0]} x {stored[1]}: it "
            "was cropped, so that its focal length does not hold"
        )
    width, height = stored if orientation < 5 else stored[::-1]
    zoom = _number(detail.get(Base.DigitalZoomRatio))
    film = _number(detail.get(Base.FocalLengthIn35mmFilm))
    if LEAST_35MM <= film <= MOST_35MM:
        sigma = SIGMA_ZOOMED if zoom > ZOOMED else SIGMA_35MM
        field = FieldOfView(
            focal_px=of_35mm(film, width, height), sigma=sigma, source="EXIF", width=width, height=height,
            detail=f"{film:.0f} mm as of 35 mm film",
        )  # fmt: skip
        return field, ""
    lens = _number(detail.get(Base.FocalLength))
    dense = _number(detail.get(Base.FocalPlaneXResolution))
    unit = MM_OF_UNIT.get(int(_number(detail.get(Base.FocalPlaneResolutionUnit)) or 2), 0.0)
    if lens > 0 and dense > 0 and unit > 0:
        focal = lens * dense / unit * max(zoom, 1.0) * (long / max(told) if min(told) > 0 else 1.0)
        if LEAST_35MM <= focal / of_35mm(1.0, width, height) <= MOST_35MM:
            sigma = SIGMA_ZOOMED if zoom > ZOOMED else SIGMA_PLANE
            field = FieldOfView(
                focal_px=focal, sigma=sigma, source="EXIF", width=width, height=height,
                detail=f"{lens:.2f} mm on a sensor of {dense / unit:.0f} pixels a millimetre",
            )  # fmt: skip
            return field, ""
    if lens > 0:
        return None, f"its EXIF tells a focal length of {lens:.2f} mm, but not the size of the sensor"
    return None, "its EXIF does not tell a focal length"


def _number(value: Any) -> float:
    """A number above 0, or 0 for anything else: tags may be missing, text, 0/0, or damaged."""
    try:
        number = float(value)
    except (TypeError, ValueError, ZeroDivisionError):
        return 0.0
    return number if np.isfinite(number) and number > 0 else 0.0
