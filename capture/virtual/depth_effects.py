"""What a time-of-flight depth camera does to a picture: one switch for each effect, and its parameters."""

from __future__ import annotations

from typing import Annotated

import pydantic.dataclasses
from pydantic import ConfigDict, Field

NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]


@pydantic.dataclasses.dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class DepthEffects:
    """The effects of an Azure Kinect's depth camera. `[HW]` is the vendor's hardware specification, `[DC]` its page on
    the depth camera, `[B]` the figures of BlenderProc's Azure Kinect noise, which cites Tölgyessy et al., Sensors 2021,
    21(2), 413 (its measurements confirm [HW]'s limits up to 3.5 m in all modes)."""

    axial_noise: bool = True
    """Whether distances are noisy from frame to frame."""
    sigma_floor_m: NotNegative = 0.5e-3
    """Standard deviation up to 0.5 m on a surface of `reference_reflectance` [B]."""
    sigma_slope: NotNegative = 1e-3
    """Its growth, metres a metre, beyond 0.5 m [B]."""
    sigma_max_m: NotNegative = 17e-3
    """Never more than this at 15 to 95 % reflectivity [HW]."""
    noise_px: tuple[Annotated[float, Field(ge=0.3)], Annotated[float, Field(ge=0.3)]] = (0.9, 1.7)
    """Neighbours share noise, as the device's software smooths: half of it is smooth by the one Gaussian, half by the
    other. Fitted to a real frame, where what smooth patches of 21 pixels leave correlates by 0.67 between neighbours
    and 0.44 over two pixels; here by 0.73 and 0.35 (scripts/compare_real_depth.py)."""
    reference_reflectance: Annotated[float, Field(gt=0, le=1)] = 0.4
    """Reflectance times cosine of incidence at which [B] holds; a weaker echo is noisier with its inverse root (shot
    noise). Assumed."""

    lateral_noise: bool = True
    """Whether a pixel looks a little beside its ray."""
    lateral_px: NotNegative = 0.05
    """Standard deviation in x and in y, pixels. [B] has 0.25; in a real frame a wall that falls off by 6 mm a pixel
    deviates from smooth patches by 0.7 mm in all, so that it cannot be more than about 0.1."""

    flying_pixels: bool = True
    """Whether a pixel at a depth edge adds the echoes of both surfaces [DC]; else it sees the nearer one alone."""
    point_spread_px: Annotated[float, Field(gt=0, le=1)] = 0.55
    """Standard deviation of the light that reaches a pixel. Assumed."""
    modulation_hz: Annotated[float, Field(gt=1e7, le=5e8)] = 200e6
    """One frequency that stands for the sensor's three; the chip was shown at 200 and 320 MHz (Bamji et al., ISSCC
    2018). Assumed."""

    multipath: bool = True
    """Whether light that comes by way of another surface lengthens distances in concave corners [DC]."""
    multipath_strength: NotNegative = 1.0
    """1: one bounce between matt surfaces, by the form-factor integral."""
    frequency_spread: Share = 0.25
    """Deviation of the sensor's frequencies from their mean, as a part of it: light that comes a metre later cancels
    between them. Assumed."""

    invalid: bool = True
    """Whether pixels without a trustworthy echo report nothing [DC]: dark, grazing, saturated, out of the mode's range,
    outside the light's hexagon (narrow modes) or circle (wide modes), or at an edge between two surfaces."""
    min_amplitude: NotNegative = 0.01
    """Reflectance times cosine over squared metres below which the signal is too low: the 15 % at 3.86 m of [HW]."""
    max_amplitude: NotNegative = 10.0
    """Above it the pixel saturates: a white wall nearer than 0.3 m. In a real frame the strongest echo with a depth is
    25 times that of a wall at 1 m."""
    min_coherence: Annotated[float, Field(ge=0, le=0.7)] = 0.65
    """Where the sum of the echoes keeps less than this part of their strength, surfaces cancel each other. Chosen
    beside a real frame (scripts/compare_real_depth.py); neighbours that differ by more than 50 mm stay more common."""
    softness: Share = 0.3
    """How far these limits differ from pixel to pixel and frame to frame, as a part of them. Assumed."""

    wiggling: bool = True
    """Whether distances carry a periodic error, from harmonics of the modulation."""
    wiggling_m: NotNegative = 0.5e-3
    """Largest amplitude of a unit; period an eighth of the modulation's wavelength. Assumed: no figure is published."""

    bias: bool = True
    """Whether a unit is off by a constant."""
    bias_spread_m: NotNegative = 2e-3
    """Standard deviation between units. Assumed; clipped to the 11 mm of [HW]."""

    scale: bool = True
    """Whether a unit's distances are stretched."""
    scale_spread: NotNegative = 0.5e-3
    """Standard deviation between units. Assumed; clipped to the 0.1 % of [HW]."""

    interference: bool = True
    """Whether the light of another camera within 160 µs disturbs (depths that flicker and vanish: Azure Kinect SDK
    issues 1261 and ROS driver 204; no magnitude is published)."""
    disturbed_loss: Share = 0.35
    """Share of pixels lost while wholly disturbed. Assumed."""
    disturbed_noise: NotNegative = 6.0
    """Factor on the axial noise of the rest while wholly disturbed. Assumed."""

    @classmethod
    def none(cls) -> DepthEffects:
        """A perfect sensor: exact depth of the nearest surface in each pixel, missing out of range."""
        names = ("axial_noise", "lateral_noise", "flying_pixels", "multipath", "wiggling", "bias", "scale")
        return cls(**dict.fromkeys(names, False), invalid=False, interference=False)
