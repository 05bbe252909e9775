"""Wired devices on one clock, whatever their clocks were set to: after a reset, frames are put back by host times.

The host tells to within milliseconds when a frame after a reset was taken, which is enough to say which pulse it
belongs to; the pulse then tells the microseconds. What cannot be placed for certain is left out, and is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float64, Int64

from capture.errors import CaptureError
from capture.sync.clock_fit import NO_SKEW_PPM, ClockFit, fit_arrivals
from capture.sync.clock_segments import ClockReset, clock_resets, comparable, segments
from capture.sync.pulse_grid import frame_period_us, phase_us

FEWEST_FRAMES = 8
"""A run of frames shorter than this has no fast one that could be trusted to tell its pulse."""
SURE_SHARE = 0.25
"""Host times must say the moment to within this part of a period of a pulse, or the pulse is not certain."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class WiredTimes:
    """The times of some streams on their shared clock."""

    times_us: Mapping[str, Float64[np.ndarray, "_"]]
    """By stream; NaN for a frame whose time is not known."""
    resets: Mapping[str, list[ClockReset]]
    notes: tuple[str, ...] = field(default=())
    """What was moved or left out, a sentence each."""


def on_shared_clock(
    device_us: Mapping[str, Int64[np.ndarray, "_"]],
    host_us: Mapping[str, Int64[np.ndarray, "_"]],
    *,
    delays_us: Mapping[str, int],
    master: str,
    rate_hz: float | None,
    tolerance_us: int,
) -> WiredTimes:
    """Device times with every reset undone.

    Streams without host times of their own are taken as they are. Raises CaptureError when the clock of such a stream
    goes back.
    """
    resets: dict[str, list[ClockReset]] = {}
    for name, device in device_us.items():
        if name in host_us and comparable(device, host_us[name]):
            resets[name] = clock_resets(device, host_us[name])
        else:
            check_monotonic(name, device)
            resets[name] = []
    times = {name: np.asarray(t, np.float64).copy() for name, t in device_us.items()}
    if not any(resets.values()):
        return WiredTimes(times_us=times, resets=resets)
    whole = [name for name in times if not resets[name] and len(times[name])]
    ruler = master if master in whole or not whole else max(whole, key=lambda name: len(times[name]))
    notes: list[str] = []
    for name in [ruler, *(n for n in times if n != ruler)]:
        if not resets[name]:
            continue
        runs = segments(len(times[name]), resets[name])
        fit = _before(name, runs[0], times, host_us, whole)
        own = None if name == ruler else times[ruler][np.isfinite(times[ruler])] - delays_us.get(ruler, 0)
        for run, reset in zip(runs[1:], resets[name]):
            moved = None
            if fit is not None and run.stop - run.start >= FEWEST_FRAMES:
                moved = _moved(times[name][run], host_us[name][run], fit, own, delays_us.get(name, 0), rate_hz)
            told = f"{name}: its clock was reset at frame {reset.frame} ({reset.from_us} to {reset.to_us} us)"
            if moved is None or moved[1] > tolerance_us:
                times[name][run] = np.nan
                notes.append(f"{told}; the {run.stop - run.start} frames after it cannot be placed and are left out")
            else:
                notes.append(f"{told}; the frames after it were placed by their arrival, moved by {moved[0]:.0f} us")
                times[name][run] += moved[0]
    return WiredTimes(times_us=times, resets=resets, notes=tuple(notes))


def _before(
    name: str,
    first: slice,
    times: Mapping[str, Float64[np.ndarray, "_"]],
    host_us: Mapping[str, Int64[np.ndarray, "_"]],
    whole: list[str],
) -> ClockFit | None:
    """When frames arrived that a stream's clock before its first reset says: by its own frames, or, where they are too
    few, by those of another stream of its kind, which take as long."""
    if first.stop - first.start >= FEWEST_FRAMES:
        return fit_arrivals(times[name][first], host_us[name][first])
    alike = [n for n in whole if n.rsplit("/", 1)[-1] == name.rsplit("/", 1)[-1] and len(times[n]) >= FEWEST_FRAMES]
    alike = [n for n in alike if n in host_us and comparable(np.rint(times[n]).astype(np.int64), host_us[n])]
    return fit_arrivals(times[alike[0]], host_us[alike[0]]) if alike else None


def _moved(
    device: np.ndarray,
    host: np.ndarray,
    fit: ClockFit,
    own: np.ndarray | None,
    delay_us: int,
    rate_hz: float | None,
) -> tuple[float, float] | None:
    """How much to add to the times of a run, and the largest distance from the pulse then; None: it is not certain.

    `fit` is the stream's clock before the reset; `own` are the pulses of another stream, None where there is none to
    hold on to, and the host's times must do.
    """
    shown = fit_arrivals(device, fit.device_us(host.astype(np.float64)), prior_skew_ppm=NO_SKEW_PPM)
    if own is None:
        return shown.offset_us, 0.0
    period = frame_period_us(own, rate_hz)
    phase, apart = phase_us(device + shown.offset_us - delay_us, own, period)
    if abs(phase) + shown.offset_sigma_us > SURE_SHARE * period:
        return None
    return shown.offset_us - phase, apart


def check_monotonic(name: str, times: Int64[np.ndarray, "_"]) -> None:
    """Raises CaptureError when a clock goes back and no host time says how far."""
    back = np.flatnonzero(np.diff(times) <= 0)
    if len(back):
        k = int(back[0])
        raise CaptureError(
            f"{name}: the device clock goes from {times[k]} to {times[k + 1]} us at frame {k + 1} (a reset), "
            f"so later frames cannot be paired; leave it out with --without {name.rsplit('/', maxsplit=1)[0]}"
        )
