"""What a colour camera does to a picture: one switch for each effect, and its parameters."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import pydantic.dataclasses
from pydantic import ConfigDict, Field

NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@pydantic.dataclasses.dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class ColorEffects:
    """The effects of one kind of colour camera; the defaults are those of an Azure Kinect at 1280x720."""

    exposure: bool = True
    """Whether a unit is brighter or darker than the others."""
    exposure_error_stops: NotNegative = 0.05
    """Standard deviation between units of one kind at the same manual setting, in doublings of light. Assumed."""

    white_balance: bool = True
    """Whether a unit's red, green and blue are out of balance."""
    white_balance_spread: NotNegative = 0.03
    """Standard deviation of each channel's gain, in linear light. Assumed."""

    motion_blur: bool = True
    """Whether what moves is smeared along its way during the exposure."""
    exposure_s: NotNegative = 0.008
    """How long each row collects light. 8 ms is what the Azure Kinect SDK's multi-device example (green_screen) sets on
    every unit; the sensor's own steps at 50 Hz are 0.5, 1.25, 2.5, 10, 20 and 30 ms (color_priv.h)."""

    noise: bool = True
    """Whether pixels are noisy: variance = read noise + photon noise, linear in light (EMVA 1288, release 4.0)."""
    read_noise: NotNegative = 0.0003
    """Standard deviation in the dark, part of full scale, linear light. With `full_scale_electrons` this gives the
    noise of real Azure Kinect frames at 1280x720 after JPEG: 0.9 to 1.2 grey levels."""
    full_scale_electrons: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 6000.0
    """Photo-electrons at full scale, after the sensor's 4096 columns were reduced to the image's."""
    noise_width_px: NotNegative = 0.75
    """Standard deviation of the Gaussian by which neighbours share noise: colour filter array, scaling, denoising.
    Gives the correlation of neighbours of real Azure Kinect frames, 0.5 to 0.6."""

    rolling_shutter: bool = True
    """Whether lower rows are exposed later. The Azure Kinect's OV12A10 has a rolling shutter (vendor's hardware
    specification)."""
    readout_s: NotNegative = 0.020
    """From the first row's exposure to the last one's. Not published (SDK issue 1062); assumed. Below 25 ms: the sensor
    reads 4:3 at 30 Hz, of which 16:9 is three quarters. Phones of before 2014 took 82 to 97 % of the period of 30 Hz
    at 720p and 1080p (Kalibr's table of rolling shutters)."""

    jpeg: bool = True
    """Whether frames are compressed as the camera does; else without visible loss."""
    jpeg_quality: Annotated[int, Field(ge=1, le=100)] = 95
    """libjpeg's quality whose tables come nearest to those of the Azure Kinect's own frames (4:2:2)."""
    jpeg_subsampling: str = Field(default="422", pattern="^(420|422|444)$")

    @classmethod
    def none(cls) -> ColorEffects:
        """A perfect camera."""
        return cls(
            exposure=False, white_balance=False, motion_blur=False, noise=False, rolling_shutter=False, jpeg=False
        )

    @classmethod
    def azure_kinect(cls) -> ColorEffects:
        """The default."""
        return cls()

    @classmethod
    def iphone(cls) -> ColorEffects:
        """1920x1440 at 60 Hz: 1/120 s, the readout nearly the whole frame period. Assumed."""
        return cls(exposure_s=1 / 120, readout_s=0.014, noise_width_px=0.5, jpeg_subsampling="420")

    @classmethod
    def realsense(cls, model: str = "D435") -> ColorEffects:
        """The D435's colour camera has a rolling shutter, the D455's a global one (librealsense issue 6697). Its
        readout is assumed."""
        kind = cls(readout_s=0.025)
        return replace(kind, rolling_shutter=False) if model == "D455" else kind

    @property
    def blur_s(self) -> float:
        """Exposure that smears; 0 when switched off."""
        return self.exposure_s if self.motion_blur else 0.0

    @property
    def row_s(self) -> float:
        """Readout that bends; 0 when switched off."""
        return self.readout_s if self.rolling_shutter else 0.0
