"""How far off the detector's keypoints are where no other camera can sort out the wrong ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from registration.keypoints.confidence import BLAZEPOSE_NOISE

ONE_VIEW_NOISE: Final = replace(
    BLAZEPOSE_NOISE,
    crop_px=(13.0, 12.0, 10.0, 6.3, 5.0, 3.9, 3.1, 2.7, 2.6),
)
"""For whoever has one picture. Medians over 0.674 of what `hps.rgb.detector_error.model` draws for 1,500 validation
people; the 95th percentile is three times that of a Gaussian. `BLAZEPOSE_NOISE` has what is left of the errors beside
several cameras that agree."""
