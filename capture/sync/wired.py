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
STRANGER_US = 100_000
"""Frames of one kind and one time that arrive further apart are not on one clock: a device that was started after the
master, or whose firmware does not begin to count at the first pulse (Azure Kinect SDK issue 1240: 150 to 180 ms)."""
DOUBTFUL_US = 16_000
"""Half a frame at 30 Hz: what a slow host or bus may explain, and a clock that is off by a pulse as well."""


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
    told = {name for name in times if name in host_us and comparable(device_us[name], host_us[name])}
    whole = [name for name in times if not resets[name] and len(times[name])]
    ruler = master if master in whole or not whole else max(whole, key=lambda name: len(times[name]))
    rulers = _by_kind([n for n in whole if n in told and len(times[n]) >= FEWEST_FRAMES], ruler)
    fits = {kind: fit_arrivals(times[n], host_us[n]) for kind, n in rulers.items()}
    notes: list[str] = []
    for name in [ruler, *(n for n in times if n != ruler)]:
        runs = segments(len(times[name]), resets[name])
        fit = apart_us = None
        if name in told and runs[0].stop >= FEWEST_FRAMES:
            fit = fit_arrivals(times[name][runs[0]], host_us[name][runs[0]])
            apart_us = _apart(fit, fits.get(_kind(name)))
        stranger = apart_us is not None and name != ruler and abs(apart_us) > STRANGER_US
        if apart_us is not None and not stranger and abs(apart_us) > DOUBTFUL_US:
            notes.append(
                f"{name}: its frames arrive {apart_us / 1000:+.0f} ms after those of {rulers[_kind(name)]} with the "
                "same time: its way is longer, or its clock did not start at the master's first pulse; check it by "
                "content: --option sync.content=always"
            )
        if not resets[name] and not stranger:
            continue
        fit = fits.get(_kind(name)) if stranger or fit is None else fit
        own = None if name == ruler else times[ruler][np.isfinite(times[ruler])] - delays_us.get(ruler, 0)
        said = [f"its clock was reset at frame {r.frame} ({r.from_us} to {r.to_us} us)" for r in resets[name]]
        if stranger:
            said.insert(0, f"its clock is not the master's ({(apart_us or 0.0) / 1000:+.0f} ms by arrival)")
        for run, why in zip(runs if stranger else runs[1:], said):
            moved = None
            if fit is not None and run.stop - run.start >= FEWEST_FRAMES:
                moved = _moved(times[name][run], host_us[name][run], fit, own, delays_us.get(name, 0), rate_hz)
            if moved is None or moved[1] > tolerance_us:
                times[name][run] = np.nan
                notes.append(f"{name}: {why}; {run.stop - run.start} frames cannot be placed and are left out")
            else:
                times[name][run] += moved[0]
                notes.append(f"{name}: {why}; frames from there on were placed by arrival, moved by {moved[0]:.0f} us")
    return WiredTimes(times_us=times, resets=resets, notes=tuple(notes))


def _by_kind(streams: list[str], ruler: str) -> dict[str, str]:
    """Of each kind one stream, of the ruler's device where it has one: frames of one kind take as long to arrive."""
    first = sorted(streams, key=lambda name: _device(name) != _device(ruler))
    return {_kind(name): name for name in reversed(first)}


def _apart(fit: ClockFit, ruler: ClockFit | None) -> float | None:
    """How much later frames arrive than those of the ruler with the same device time."""
    if ruler is None:
        return None
    at = np.array([fit.reference_us])
    return float((fit.host_us(at) - ruler.host_us(at))[0])


def _kind(stream: str) -> str:
    return stream.rsplit("/", 1)[-1]


def _device(stream: str) -> str:
    return stream.rsplit("/", 1)[0]


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
