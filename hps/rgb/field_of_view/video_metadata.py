"""The field of view that a video's own metadata tell, where a phone wrote it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from hps.rgb.field_of_view.exif import LEAST_35MM, MOST_35MM
from hps.rgb.field_of_view.field_of_view import FieldOfView, of_35mm

FOCAL_35MM: Final = "com.apple.quicktime.camera.focal_length.35mm_equivalent"
"""QuickTime's key; on the file or on its video track. The lens model beside it has the lens's own millimetres, which
say nothing without the sensor."""
SIGMA_VIDEO: Final = 0.08
"""Of the logarithm: stabilisation crops a video by some 10 %, and no key says whether that is counted. Assumed."""


def video_field_of_view(width: int, height: int, *tags: Mapping[str, str]) -> FieldOfView | None:
    """Of the upright frames of a video with these tags, its file's and its track's; None where they do not tell."""
    for some in tags:
        number = re.match(r"\s*(\d+(?:\.\d+)?)", str(some.get(FOCAL_35MM, "")))
        if number and LEAST_35MM <= float(number[1]) <= MOST_35MM:
            film = float(number[1])
            return FieldOfView(
                focal_px=of_35mm(film, width, height), sigma=SIGMA_VIDEO, source="video metadata",
                width=width, height=height, detail=f"{film:.0f} mm as of 35 mm film",
            )  # fmt: skip
    return None
