"""What a RealSense D4xx makes of depth: one switch for each effect, and its parameters."""

from __future__ import annotations

from typing import Annotated

import pydantic.dataclasses
from pydantic import ConfigDict, Field

NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@pydantic.dataclasses.dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class StereoEffects:
    """The effects of a stereo matcher at 848x480, in pixels of disparity (focal length times baseline over depth)."""

    quantisation: bool = True
    """Whether disparity comes in steps."""
    steps_per_px: Annotated[int, Field(ge=1)] = 32
    """Source: Grunnet-Jepsen et al., Subpixel linearity improvement for RealSense D400: steps of 1/32 px."""

    noise: bool = True
    """Whether disparity is noisy; depth noise then grows with the square of the distance."""
    noise_px: NotNegative = 0.08
    """RMS about a plane. Source: Grunnet-Jepsen et al., Best known methods for tuning D415 and D435; "best to use about
    0.08", librealsense issue 3904, where 0.032 is the least that a well textured scene gives."""
    noise_width_px: NotNegative = 2.0
    """Standard deviation of the Gaussian by which neighbours share noise: the matching window. Planes look wavy
    (librealsense issue 2723). Assumed."""

    calibration: bool = True
    """Whether a unit's disparity is off by a constant."""
    offset_px: NotNegative = 0.1
    """Standard deviation between units: a D435 is within 2 % at 2 m, a D455 at 4 m (datasheet 337029; librealsense
    issue 7806), both 0.2 px, taken as two deviations."""

    fattening: bool = True
    """Whether what is in front grows over what is behind it: a matching window at an edge follows the stronger side."""
    fattening_px: NotNegative = 2.5
    """Mean growth. Assumed: half of a matching window of a few pixels."""
    fattening_spread_px: NotNegative = 1.2
    """Standard deviation of the growth along an edge, which makes it ragged. Assumed."""
    edge_px: Annotated[float, Field(gt=0)] = 1.5
    """Steps of disparity larger than this are edges. Assumed."""

    occlusion: bool = True
    """Whether what the right imager does not see is missing: behind things, and in a band at the left of the image as
    wide as the disparity (invalid depth band, datasheet 337029)."""

    low_texture: bool = True
    """Whether dark, far and grazing surfaces, where the projector's pattern is weak, are noisier and then missing."""
    weak_amplitude: NotNegative = 0.010
    """Echo (reflectance times cosine over squared metres) at which the variance has doubled. Assumed: a grey wall (0.5)
    at 7 m."""
    least_amplitude: NotNegative = 0.003
    """Echo below which half of the pixels are missing. Assumed: a grey wall at 13 m, black cloth (0.04) at 3.7 m."""

    near: bool = True
    """Whether what is nearer than the model's least depth, whose disparity is not searched for, is missing."""

    @classmethod
    def none(cls) -> StereoEffects:
        """A perfect sensor."""
        return cls(
            quantisation=False,
            noise=False,
            calibration=False,
            fattening=False,
            occlusion=False,
            low_texture=False,
            near=False,
        )
