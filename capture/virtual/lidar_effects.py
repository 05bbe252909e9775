"""What an iPhone makes of depth: one switch for each effect, and its parameters."""

from __future__ import annotations

from typing import Annotated

import pydantic.dataclasses
from pydantic import ConfigDict, Field

NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


@pydantic.dataclasses.dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class LidarEffects:
    """The effects of ARKit's scene depth at 256x192, which grows 576 laser dots into a dense image.

    "Capture" is psegs-ios-lidar-ext, charuco-test-fixture-lowres: 92 frames of a board on a floor from 0.37 to 0.7 m.
    Published: objects are within 1 cm (Luetzenburg et al. 2021, iPhone 12 Pro, doi 10.1038/s41598-021-01763-9).
    """

    scale: bool = True
    """Whether a unit's distances are off by a constant factor."""
    scale_spread: NotNegative = 0.002
    """Standard deviation between units. Assumed; the capture's one unit is off by 0.9 mm at 0.55 m, 0.0016."""

    noise: bool = True
    """Whether distances are noisy, as a whole and within a frame; both are proportional to distance."""
    frame_noise: NotNegative = 0.0025
    """Standard deviation between frames, over distance. Capture: frame medians against the board spread by 1.4 mm."""
    noise_level: NotNegative = 0.0022
    """Standard deviation within a frame, over distance. Capture: 1.2 mm against the board. At 4.5 m it is 1 cm."""
    noise_width_px: NotNegative = 4.0
    """Standard deviation of the Gaussian by which neighbours share noise: dots are 8 to 11 pixels apart. Capture: next
    to no noise remains about planes of 5x5 pixels, 0.1 mm beside the 0.29 mm of rounding."""

    smoothing: bool = True
    """Whether steps become ramps, and what is thinner than a few pixels is lost."""
    smoothing_px: NotNegative = 1.5
    """Standard deviation of the Gaussian. Capture: slopes at 122 steps of 25 to 30 mm."""

    border: bool = True
    """Whether confidence is low where the scanner, beside the camera, sees less than the camera: left and top."""
    border_px: tuple[float, float] = (11.3, 3.1)
    """Mean columns from the left and rows from the top without high confidence. Capture."""
    border_spread_px: NotNegative = 4.2
    """Standard deviation of both, from frame to frame and along the border. Capture."""
    border_medium_px: tuple[float, float] = (8.0, 6.0)
    """How many of those, next to the inside, are of medium confidence. Capture."""

    edges: bool = True
    """Whether confidence is lower at steps."""
    edge_gradient: tuple[Positive, Positive] = (0.03, 0.15)
    """Relative change of depth from pixel to pixel from which confidence is medium, and low. Assumed; in the capture
    99.9 % of what changes by less than 0.03 has high confidence."""

    weak: bool = True
    """Whether confidence is lower where little light returns."""
    weak_amplitude: tuple[NotNegative, NotNegative] = (0.008, 0.003)
    """Echo (reflectance times cosine over squared metres) below which it is medium, and low. Assumed."""

    range: bool = True
    """Whether depth outside the range is a guess of low confidence. It is never missing: the capture has no zeros."""
    range_m: tuple[Positive, Positive] = (0.2, 5.0)
    """Source of 5 m: Apple, LiDAR scanner of the iPad Pro 2020. Of 0.2 m: assumed."""

    @classmethod
    def none(cls) -> LidarEffects:
        """A perfect scanner, sure of everything."""
        return cls(scale=False, noise=False, smoothing=False, border=False, edges=False, weak=False, range=False)
