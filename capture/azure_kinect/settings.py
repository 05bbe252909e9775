"""What one Azure Kinect can be told."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, model_validator
from pydantic.dataclasses import dataclass

from capture.azure_kinect.exposure import STEPS_US

ColorResolution = Literal["OFF", "720P", "1080P", "1440P", "1536P", "2160P", "3072P"]
DepthMode = Literal["OFF", "NFOV_2X2BINNED", "NFOV_UNBINNED", "WFOV_2X2BINNED", "WFOV_UNBINNED", "PASSIVE_IR"]
MAX_15_HZ = ("3072P", "WFOV_UNBINNED")
"""Modes that run at 15 Hz at most (Azure Kinect SDK, `k4a.c`, supported configurations)."""
WHITE_BALANCE_K = (2500, 12500)


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class KinectSettings:
    """One Azure Kinect. Raises pydantic's ValidationError on what the device would refuse."""

    serial: str = ""
    """Empty: the only one attached."""
    color_resolution: ColorResolution = "1080P"
    """Colour is always MJPG, recorded as received."""
    depth_mode: DepthMode = "NFOV_UNBINNED"
    rate_hz: Literal[5, 15, 30] = 30
    exposure_us: int | None = 8000
    """None: automatic, which breaks the timing of wired devices. The camera takes its next step above
    (`exposure_step_us`); all devices of a rig need the same."""
    white_balance_k: int | None = None
    """Kelvin, a multiple of 10; None: automatic."""
    power_line_hz: Literal[50, 60] = 50
    sync: Literal["standalone", "master", "subordinate"] = "standalone"
    depth_delay_us: int = 0
    """Depth after colour; negative: before. Depth cameras that see each other need 160 us between them."""
    subordinate_delay_us: int = 0
    """Colour after the master's pulse; 0 unless it is a subordinate."""
    infrared: bool = False
    """Record the infrared image beside depth."""
    imu: bool = True

    @property
    def period_us(self) -> float:
        """Time between two frames."""
        return 1e6 / self.rate_hz

    @property
    def has_color(self) -> bool:
        """Whether the colour camera runs."""
        return self.color_resolution != "OFF"

    @property
    def has_depth(self) -> bool:
        """Whether depth images are made; passive infrared has none."""
        return self.depth_mode not in ("OFF", "PASSIVE_IR")

    @property
    def has_ir(self) -> bool:
        """Whether infrared images are recorded."""
        return self.depth_mode == "PASSIVE_IR" or (self.infrared and self.has_depth)

    @model_validator(mode="after")
    def _check(self) -> KinectSettings:
        for problem in _problems(self):
            raise ValueError(problem)
        return self


def _problems(s: KinectSettings) -> list[str]:
    """The SDK's own rules (`k4a.c`, validate_configuration), said before a device is touched."""
    found = []
    period = int(s.period_us)
    if not s.has_color and s.depth_mode == "OFF":
        found.append("color_resolution and depth_mode are both OFF; turn one of them on")
    found += [
        f"{mode} runs at 15 Hz at most, rate_hz is {s.rate_hz}; lower it or choose another mode"
        for mode in MAX_15_HZ
        if mode in (s.color_resolution, s.depth_mode) and s.rate_hz > 15
    ]
    if s.sync == "master" and not s.has_color:
        found.append("the master's colour camera makes the pulse; set color_resolution")
    if s.sync != "subordinate" and s.subordinate_delay_us:
        found.append(
            f"subordinate_delay_us is {s.subordinate_delay_us} on a {s.sync} device; only a subordinate has one"
        )
    if not 0 <= s.subordinate_delay_us <= period:
        found.append(f"subordinate_delay_us is {s.subordinate_delay_us}, it must be 0 to one frame ({period} us)")
    if s.depth_delay_us and not (s.has_color and s.depth_mode != "OFF"):
        found.append("depth_delay_us needs both cameras; set it to 0 or turn both on")
    if abs(s.depth_delay_us) > period:
        found.append(f"depth_delay_us is {s.depth_delay_us}, it must be within one frame ({period} us)")
    if s.exposure_us is not None and not STEPS_US[50][0] <= s.exposure_us <= s.period_us:
        found.append(f"exposure_us is {s.exposure_us}, it must be {STEPS_US[50][0]} to one frame ({period} us)")
    if s.white_balance_k is not None and (
        s.white_balance_k % 10 or not WHITE_BALANCE_K[0] <= s.white_balance_k <= WHITE_BALANCE_K[1]
    ):
        low, high = WHITE_BALANCE_K
        found.append(f"white_balance_k is {s.white_balance_k}, it must be a multiple of 10 from {low} to {high}")
    return found
