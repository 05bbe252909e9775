"""One frame of one stream, decoded, with both of its clocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """What one device sent at one moment."""

    stream: str
    """`device/kind`, such as `kinect_000/depth`."""
    index: int
    """Position in the stream, from 0, in the order of recording."""
    device_us: int
    """Time on the device's own clock."""
    host_us: int
    """Arrival time on the host's clock; of imported files, which carry none, the device time again."""
    payload: Any
    """color: (H, W, 3) uint8 RGB; depth: (H, W) float32 metres, NaN where missing; ir: (H, W) uint16 counts;
    imu: dict of what the sensor sent."""
