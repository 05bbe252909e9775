"""Azure Kinects on one synchronisation cable: who waits how long, and what the maker warns of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from capture.azure_kinect.exposure import exposure_step_us
from capture.azure_kinect.settings import KinectSettings
from capture.errors import CaptureError

SPACING_US = 160
"""Least time between the depth images of devices that see each other (Azure Kinect SDK, `examples/green_screen`,
MIN_TIME_BETWEEN_DEPTH_CAMERA_PICTURES_USEC)."""
PULSES = 9
PULSE_US = 125
PULSE_PERIOD_US = 1422
"""A depth image is taken with 9 flashes of 125 us in 12.8 ms (Azure-Kinect-Sensor-SDK issues 868 and 1333). Nine
devices 160 us apart fit between two flashes; the tenth's first meets the first device's second."""
MAX_SUBORDINATES = 8
"""The maker's limit for a daisy chain (Azure Kinect DK, synchronise multiple devices)."""


def chain_settings(
    order: Sequence[str], base: KinectSettings, spacing_us: int = SPACING_US
) -> dict[str, KinectSettings]:
    """Settings of every device of a chain, `order[0]` the master; the k-th takes depth k · `spacing_us` late.

    Colour is taken by all at the pulse, so that it stays together. Serial numbers are left empty. Raises CaptureError
    when a name is there twice, or the last device's delay is longer than a frame.
    """
    if len(order) < 2:
        raise CaptureError(f"a chain needs at least 2 devices, {len(order)} given; use sync = 'standalone' for one")
    if twice := sorted({name for name in order if list(order).count(name) > 1}):
        raise CaptureError(f"{twice[0]} is in the chain twice; name each device once")
    last = spacing_us * (len(order) - 1)
    if spacing_us < 0 or last > base.period_us:
        raise CaptureError(
            f"{len(order)} devices {spacing_us} us apart delay the last by {last} us, a frame is "
            f"{int(base.period_us)} us; lower the spacing or the rate"
        )
    if not base.has_color:
        raise CaptureError("the master's colour camera makes the pulse; set color_resolution")
    return {
        name: replace(
            base,
            serial="",
            sync="subordinate" if k else "master",
            subordinate_delay_us=0,
            depth_delay_us=k * spacing_us if base.has_depth else 0,
        )
        for k, name in enumerate(order)
    }


def chain_warnings(settings: Mapping[str, KinectSettings]) -> tuple[str, ...]:
    """What is doubtful about the devices of one rig, a sentence each. Standalone ones are left out."""
    wired = {name: s for name, s in settings.items() if s.sync != "standalone"}
    if not wired:
        return ()
    return (*_roles(wired), *_equal_settings(wired), *_flashes(wired))


def _roles(wired: Mapping[str, KinectSettings]) -> list[str]:
    masters = [name for name, s in wired.items() if s.sync == "master"]
    found = []
    if not masters:
        found.append(f"no master among {', '.join(wired)}: they wait for a pulse; set sync = 'master' for the first")
    if len(masters) > 1:
        found.append(f"{' and '.join(masters)} are both master; only the first of the chain can be")
    subordinates = len(wired) - len(masters)
    if masters and not subordinates:
        found.append(f"{masters[0]} is master of no subordinate; set sync = 'standalone' or add the others")
    if subordinates > MAX_SUBORDINATES:
        found.append(
            f"{subordinates} subordinates in one chain, the maker allows {MAX_SUBORDINATES}; others report 11 working, "
            "check the residuals of all before a recording"
        )
    return found


def _equal_settings(wired: Mapping[str, KinectSettings]) -> list[str]:
    found = [
        f"{name} has automatic exposure, which shifts its images against the others'; set exposure_us"
        for name, s in wired.items()
        if s.has_color and s.exposure_us is None
    ]
    exposures = {
        name: exposure_step_us(s.exposure_us, s.power_line_hz)
        for name, s in wired.items()
        if s.has_color and s.exposure_us is not None
    }
    for what, values, unit in (
        ("exposure", exposures, " us"),
        ("power-line frequency", {name: s.power_line_hz for name, s in wired.items() if s.has_color}, " Hz"),
        ("rate", {name: s.rate_hz for name, s in wired.items()}, " Hz"),
        ("white balance", {name: s.white_balance_k for name, s in wired.items() if s.has_color}, " K"),
    ):
        if len(set(values.values())) > 1:
            listed = ", ".join(f"{name} {'automatic' if v is None else f'{v}{unit}'}" for name, v in values.items())
            found.append(f"{what} differs ({listed}); make it equal on all devices")
    return found


def _flashes(wired: Mapping[str, KinectSettings]) -> list[str]:
    """Pairs whose infrared flashes meet, or whose depth is taken nearer to each other than the spacing."""
    delays = {name: s.subordinate_delay_us + s.depth_delay_us for name, s in wired.items() if s.has_depth}
    near = [
        (first, second, gap)
        for first, second in combinations(delays, 2)
        if (gap := flash_gap_us(delays[first], delays[second])) < PULSE_US
        or abs(delays[first] - delays[second]) < SPACING_US
    ]
    if not near:
        return []
    first, second, gap = min(near, key=lambda pair: pair[2])
    others = f", and {len(near) - 1} more pairs" if len(near) > 1 else ""
    return [
        f"{first} and {second} flash {gap} us apart (depth {delays[first]} and {delays[second]} us late{others}); "
        f"devices that see each other need {SPACING_US} us, and only {PULSES} fit between two flashes of one: "
        "turn these away from each other, or change depth_delay_us"
    ]


def flash_gap_us(first_us: int, second_us: int) -> int:
    """Least time between a flash of one device and a flash of another, whose depth is delayed by these times."""
    apart = abs(first_us - second_us)
    return min(abs(apart - k * PULSE_PERIOD_US) for k in range(PULSES))
