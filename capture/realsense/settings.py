"""What one RealSense unit can be told."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

Size = tuple[Annotated[int, Field(gt=0)], Annotated[int, Field(gt=0)]]


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class RealSenseSettings:
    """Settings of one unit; a size that the unit does not offer is refused with those that it does."""

    serial: str = ""
    """Empty: the only unit that is attached."""
    depth_size: Size = (848, 480)
    color_size: Size | None = (1280, 720)
    """None: no colour."""
    rate_hz: Annotated[int, Field(gt=0)] = 30
    sync: Literal["standalone", "master", "subordinate"] = "standalone"
    """Place on the cable between RealSense units (`inter_cam_sync_mode` 0, 1, 2), which triggers the depth imagers. It
    shares no clock, and is not for an Azure Kinect's cable (`docs/realsense.md`)."""
    exposure_us: Annotated[int, Field(gt=0)] | None = 8000
    """Of the depth imagers; None: automatic."""
    color_exposure_us: Annotated[int, Field(gt=0)] | None = 8000
    """None: automatic."""
    white_balance_k: Annotated[int, Field(gt=0)] | None = 4500
    """None: automatic."""
    power_line_hz: Literal[50, 60] = 50
    emitter: bool = True
    """Whether the projector lights the scene with its pattern."""
    laser_power_mw: Annotated[float, Field(ge=0)] | None = None
    """None: as the unit has it."""
    jpeg_quality: Annotated[int, Field(ge=1, le=100)] = 92
    """Of colour that the unit does not compress itself."""
