"""Whether a take fits on the disk, and for how long it still does."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from capture.device import DeviceDescription, DeviceStream
from capture.errors import CaptureError

JPEG_BYTES_PER_PIXEL = 0.25
"""An Azure Kinect's 720p JPEG has 217 kB (0.24); the 1080p ones of the benchmark 400 kB (0.19)."""
DEPTH_BYTES_PER_PIXEL = 0.4
"""dzp of a real NFOV frame: 135 kB of 369 thousand pixels (0.36)."""
IR_BYTES_PER_PIXEL = 0.8
"""dzp of a real IR frame: a ratio of 2.55."""
MESSAGE_BYTES = 2000.0
"""An IMU message, or the rest of a stream that is not of images."""


def expected_rate(descriptions: Mapping[str, DeviceDescription]) -> float:
    """Bytes a second that the devices are expected to send."""
    return sum(_frame_bytes(s) * s.rate_hz for d in descriptions.values() for s in d.streams)


def free_bytes(folder: Path) -> int:
    """What a user may write on the disk that holds the folder, or its nearest parent that exists."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def check_room(folder: Path, *, rate: float, least_s: float, reserve_bytes: int) -> None:
    """Raises CaptureError when less than `least_s` seconds at `rate` bytes a second fit beside the reserve."""
    free = free_bytes(folder)
    seconds = max(0.0, (free - reserve_bytes) / rate) if rate > 0 else float("inf")
    if seconds < least_s:
        raise CaptureError(
            f"{folder}: {free / 1e9:.1f} GB are free, enough for {seconds:.0f} s of this rig ({rate / 1e6:.0f} MB/s), "
            f"at least {least_s:.0f} s must fit; free some disk or record to another one"
        )


def _frame_bytes(stream: DeviceStream) -> float:
    if stream.width is None or stream.height is None:
        return MESSAGE_BYTES
    per_pixel = JPEG_BYTES_PER_PIXEL
    if stream.encoding == "dzp":
        per_pixel = IR_BYTES_PER_PIXEL if stream.kind == "ir" else DEPTH_BYTES_PER_PIXEL
    return stream.width * stream.height * per_pixel
