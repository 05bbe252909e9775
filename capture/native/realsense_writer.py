"""A RealSense unit of a session as a .db3, written by the maker's own recorder from its software device."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from capture.errors import CaptureError
from capture.native.realsense_plan import RealSensePlan, calibration
from capture.native.realsense_recorder import STREAMS, RealSenseRecorder
from capture.native.whole import CannotWrite, whole_file
from capture.realsense.file_check import check_whole, image_counts
from geometry.camera import Camera

RATE_HZ = 30.0
"""Of streams that do not tell theirs."""


def write_realsense_db3(
    plan: RealSensePlan, path: Path, cameras: Mapping[str, Camera], on_frame: Callable[[], None] | None = None
) -> list[str]:
    """Writes the file; returns sentences about what had to be made up.

    `cameras` are used where the recording has no factory calibration attached. Afterwards the file is opened and its
    images are counted. Raises DeviceError without the SDK, CaptureError when a frame is damaged, a clock goes back, a
    camera is missing or the file is there already, CannotWrite when the recorder lost images, as it does on a full
    disk.
    """
    lenses, places, notes = calibration(plan, cameras)
    rates = {kind: stream.rate_hz or RATE_HZ for kind, stream in plan.streams.items()}
    info = {
        "name": plan.device.model or "RealSense",
        "product_line": "D400",
        **({"serial_number": plan.device.serial} if plan.device.serial else {}),
        **({"firmware_version": plan.device.firmware} if plan.device.firmware else {}),
    }
    written: Counter[str] = Counter()
    numbers: dict[str, int] = {}
    first_us: int | None = None
    with whole_file(path) as partial:
        with RealSenseRecorder(
            partial,
            info=info,
            lenses=lenses,
            places=places,
            rates_hz={kind: max(1, round(rate)) for kind, rate in rates.items()},
        ) as recorder:
            for device_us, host_us, kind, index in plan.in_time():
                first_us = device_us if first_us is None else first_us
                # A number that is missing is a lost frame, as a unit's own counter has it.
                expected = 1 + round(1e-6 * (device_us - first_us) * rates[kind])
                numbers[kind] = max(numbers.get(kind, 0) + 1, expected)
                pixels = plan.pixels(kind, index)
                recorder.write(kind, pixels, device_us=device_us, host_us=host_us, number=numbers[kind])
                written[kind] += 1
                if on_frame:
                    on_frame()
        _check(partial, path, written)
    return notes


def _check(partial: Path, path: Path, written: Mapping[str, int]) -> None:
    """The recorder tells nobody what it could not write. Raises CannotWrite."""
    try:
        check_whole(partial)
        there = image_counts(partial)
    except CaptureError as error:
        raise CannotWrite(f"{path}: the SDK's recorder left no whole file ({error}); is the disk full?") from None
    for kind, count in written.items():
        mark = f"/{STREAMS[kind][0].capitalize()}_{STREAMS[kind][1]}/"
        stored = sum(n for topic, n in there.items() if mark in topic)
        if stored != count:
            raise CannotWrite(
                f"{path}: the SDK's recorder kept {stored} of {count} frames of {kind}; is the disk full? Free some "
                "space and export again"
            )
