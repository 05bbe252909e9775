"""Whether a rig is fit to record: it runs for some seconds, and every device gets a verdict."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from capture import depth_codec
from capture.device import Device, DeviceDescription, DeviceHealth, DeviceStream
from capture.device_frames import EncodedFrame
from capture.errors import CaptureError
from capture.recorder.live_rig import LiveRig
from capture.rig.pulse_monitor import RESIDUAL_LIMIT_US, PulseMonitor, Residual
from capture.session_info import IMAGE_KINDS

SLOW_SHARE = 0.98
"""A stream below this share of its rate loses a frame in fifty or more."""
EDGE_FRAMES = 3.0
"""Arrivals jitter on a busy computer: the first and the last frame may be so many periods late or early together."""
EXPECT_MINIMUM = 5
"""Frames of a stream below which no rate is told."""
INVALID_SHARE = 0.75
"""Of the depth pixels; one real Azure Kinect in a room had 24 % (pyk4a's recording), simulated ones 61 %, most of them
in the corners that NFOV leaves dark. More means a covered lens, a dead laser or interference."""
SAMPLES = 6
"""Depth images a device that are looked at."""
Level = Literal["ready", "warning", "error"]


@dataclass(frozen=True, kw_only=True)
class Fitness:
    """The verdict on one device."""

    device: str
    serial: str = ""
    firmware: str = ""
    rates_hz: Mapping[str, float] = field(default_factory=dict)
    """By stream, measured over its arrivals."""
    dropped: int = 0
    residual: Residual | None = None
    """Against the master's pulse; None where it runs free."""
    invalid_share: float | None = None
    """Of the depth pixels, median of some images; None without depth."""
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def level(self) -> Level:
        """The worst that was found."""
        return "error" if self.errors else "warning" if self.warnings else "ready"


class ArrivalCounter:
    """A listener of `LiveRig`: when frames of each stream arrived, and some depth images."""

    def __init__(self, speed: float = 1.0) -> None:
        """Nothing yet. `speed` is rig seconds in a second, where a recording is played."""
        self._speed = speed
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._spans: dict[str, tuple[float, float]] = {}
        self.depth: dict[str, list[bytes]] = {}
        """By stream, SAMPLES encoded images at most, half a second apart."""
        self._next_us: dict[str, int] = {}

    def take(self, frame: EncodedFrame) -> None:
        """Counts a frame; nothing is decoded here."""
        now_s = time.monotonic()  # not the frame's host time, which a recording that plays late does not keep
        with self._lock:
            first, _ = self._spans.get(frame.stream, (now_s, 0.0))
            self._spans[frame.stream] = (first, now_s)
            self._counts[frame.stream] += 1
            if frame.stream.endswith("/depth") and frame.host_us >= self._next_us.get(frame.stream, 0):
                kept = self.depth.setdefault(frame.stream, [])
                if len(kept) < SAMPLES:
                    kept.append(frame.data)
                self._next_us[frame.stream] = frame.host_us + 500_000

    def count(self, stream: str) -> int:
        """Frames so far."""
        with self._lock:
            return self._counts[stream]

    def rate_hz(self, stream: str) -> float | None:
        """Frames a second between its first arrival and its last; None of too few."""
        with self._lock:
            count = self._counts[stream]
            first, last = self._spans.get(stream, (0.0, 0.0))
        return None if count < EXPECT_MINIMUM or last <= first else (count - 1) / (last - first) / self._speed


def try_rig(
    devices: Sequence[Device],
    *,
    seconds: float = 5.0,
    on_tick: Callable[[float, float], None] | None = None,
) -> tuple[list[Fitness], dict[str, DeviceDescription]]:
    """Runs closed devices for some seconds; a verdict for each, and what each said of itself.

    A rig that cannot be opened or started is tried device by device, so that the verdicts say which one is to blame.
    """
    rig = LiveRig(devices)
    try:
        rig.open()
        descriptions = dict(rig.descriptions)
        monitor, arrivals = PulseMonitor(descriptions), ArrivalCounter(getattr(devices[0], "speed", 1.0))
        rig.attach(arrivals.take)
        rig.attach(monitor.take)
        rig.start()
    except CaptureError as error:
        rig.close()
        return _blame(devices, str(error)), {}
    try:
        begin = time.monotonic()
        while (passed := time.monotonic() - begin) < seconds and not rig.finished:
            if on_tick is not None:
                on_tick(passed, seconds)
            time.sleep(min(0.1, seconds))
        health = {h.device: h for h in rig.health()}
        ended = rig.finished
    finally:
        rig.close()
    events = [(event.device, event.text) for event in rig.events if "no more frames" not in event.text]
    residuals = monitor.residuals()
    found = [
        _judge(
            descriptions[device.name],
            health[device.name],
            arrivals,
            residuals.get(device.name),
            device.name in monitor.wired,
            [text for name, text in events if name == device.name],
            ended,
        )
        for device in devices
    ]
    return found, descriptions


def _blame(devices: Sequence[Device], reason: str) -> list[Fitness]:
    """Opens each device alone; those that can be opened are only held up by the others."""
    found = []
    for device in devices:
        try:
            info = device.open().info
        except CaptureError as error:
            found.append(Fitness(device=device.name, errors=(str(error),)))
        else:
            found.append(Fitness(device=device.name, serial=info.serial, firmware=info.firmware))
        finally:
            device.close()
    if not any(f.errors for f in found):  # each opens alone, together they cannot start
        found[0] = Fitness(device=found[0].device, serial=found[0].serial, errors=(reason,))
    held = ("not tried: the rig does not start without the others",)
    return [f if f.errors else Fitness(device=f.device, serial=f.serial, errors=held) for f in found]


def _judge(
    description: DeviceDescription,
    health: DeviceHealth,
    arrivals: ArrivalCounter,
    residual: Residual | None,
    wired: bool,
    events: Sequence[str],
    ended: bool,
) -> Fitness:
    errors, warnings = list(events), []
    for stream in description.streams:
        _judge_rate(stream, arrivals, errors, errors if stream.kind in IMAGE_KINDS else warnings)
    if health.stalled and not ended:
        errors.append(f"silent at the end: {health.message}; unplug it and plug it in again")
    elif health.message and not ended:
        warnings.append(health.message)
    if health.dropped:
        errors.append(f"{health.dropped} frames lost; look at its cable, its USB controller and the processor's load")
    if wired and residual is None:
        errors.append("no frame to compare with the pulse; look at its synchronisation cable")
    elif wired and residual is not None and not residual.good:
        errors.append(
            f"{residual.worst_us:.0f} us from the pulse, {RESIDUAL_LIMIT_US} us allowed; "
            "look at its synchronisation cable and its delays"
        )
    invalid = _invalid_share(description.streams, arrivals)
    if invalid is not None and invalid > INVALID_SHARE:
        warnings.append(
            f"{invalid:.0%} of its depth pixels are empty; look for a covered lens, sunlight, another infrared "
            "lamp, or two devices with the same depth delay"
        )
    rates = {s.name: rate for s in description.streams if (rate := arrivals.rate_hz(s.name)) is not None}
    return Fitness(
        device=description.info.name,
        serial=description.info.serial,
        firmware=description.info.firmware,
        rates_hz=rates,
        dropped=health.dropped,
        residual=residual if wired else None,
        invalid_share=invalid,
        errors=tuple(errors),
        warnings=tuple(warnings),
    )


def _judge_rate(stream: DeviceStream, arrivals: ArrivalCounter, errors: list[str], slow: list[str]) -> None:
    count, rate = arrivals.count(stream.name), arrivals.rate_hz(stream.name)
    if stream.kind == "clock":
        return  # comes when it comes
    if not count:
        errors.append(f"{stream.name} gave no frame; look at its cable and its power")
    elif rate is not None and rate < SLOW_SHARE * stream.rate_hz * (1 - EDGE_FRAMES / count):
        slow.append(f"{stream.name} gives {rate:.1f} frames a second, {stream.rate_hz:g} expected")


def _invalid_share(streams: Sequence[DeviceStream], arrivals: ArrivalCounter) -> float | None:
    shares = []
    for stream in streams:
        if stream.kind != "depth" or stream.encoding != "dzp" or not stream.width or not stream.height:
            continue
        for data in arrivals.depth.get(stream.name, []):
            try:
                shares.append(float((depth_codec.decode(data, stream.height, stream.width) == 0).mean()))
            except CaptureError:
                shares.append(1.0)  # damaged: nothing of it can be used
    return float(np.median(shares)) if shares else None


def version_of(firmware: str) -> tuple[int, int, int] | None:
    """The first version number in what a device says of its firmware."""
    found = re.search(r"(\d+)\.(\d+)\.(\d+)", firmware)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def firmware_warning(driver: str, firmware: str) -> str:
    """What old firmware does wrong; empty where it is new enough, or nothing is known of that driver's."""
    version = version_of(firmware)
    if driver != "azure_kinect" or version is None:
        return ""
    from capture.azure_kinect.firmware import FAULTS, LATEST

    faults = [fault for good, fault in FAULTS if version < good]
    return f"its firmware {firmware} is old: {faults[0]}; update it to {LATEST}" if faults else ""


def settings_warnings(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """What is doubtful about the Kinects' settings together: exposures that differ, too long a chain, …"""
    from capture.azure_kinect.chain import chain_warnings
    from capture.azure_kinect.settings import KinectSettings

    return chain_warnings({name: given for name, given in settings.items() if isinstance(given, KinectSettings)})
