"""Frame sets: frames of one moment are found by time on the rig's pulse, never by counting frames.

Sensors on one cable expose at every pulse of the master, each a configured delay later; videos of one start share a
clock. Each frame's delay is taken off its time and what remains is rounded to the nearest pulse of the master, whose
own gaps (dropped frames, stalls) are filled in. A frame that lies further from its pulse than the tolerance is left
out, and a pulse for which a stream has no frame is a hole of that stream. Devices on clocks of their own are carried to
the session's clock by fits and give each instant their nearest frame, with its distance in time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from capture.errors import CaptureError
from capture.frame_sets import HOLE, Instant
from capture.sync.clock_segments import ClockReset
from capture.sync.figures import DeviceSync, StreamSync, stream_figures
from capture.sync.pulse_grid import frame_at_each, frame_period_us, pulse_grid
from capture.sync.wired import on_shared_clock

DEFAULT_TOLERANCE_US = 4000
"""A quarter of a frame at 60 Hz; frames of a wired rig lie within tens of microseconds."""
FREE_SHARE = 0.6
"""A free device's frame belongs to an instant within this part of its own period: half, and room for jitter."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FrameSets:
    """All instants of a session."""

    instants: list[Instant]
    streams: list[StreamSync]
    master: str
    """Stream whose frames define the pulse."""
    period_us: float
    devices: tuple[DeviceSync, ...] = ()
    """Where the session's devices are known."""
    resets: Mapping[str, list[ClockReset]]
    """By stream of the wired devices."""
    notes: tuple[str, ...] = ()
    """What was moved, left out or taken on trust, a sentence each."""
    times_us: Mapping[str, Float64[np.ndarray, "_"]]
    """By stream: every frame on the session's clock, NaN where its time is not known."""

    def figures(self) -> dict[str, Any]:
        """What the stage reports, for JSON."""
        wired = [s for s in self.streams if not s.free]
        complete = sum(all(i.index[s.stream] != HOLE for s in wired) for i in self.instants)
        worst = np.nanmax([s.residual_max_us for s in wired])
        figures = {
            "instants": len(self.instants),
            "complete": complete,
            "holes": sum(s.holes for s in wired),
            "unused_frames": sum(s.unused for s in wired),
            "residual_max_us": float(worst),
            "period_us": self.period_us,
            "master": self.master,
            "drops": sum(s.drops for s in self.streams),
            "stalls": sum(len(s.stalls) for s in self.streams),
            "streams": [_plain(asdict(s)) for s in self.streams],
        }
        if self.devices:
            figures["devices"] = [_plain(asdict(d)) for d in self.devices]
        return figures


def frame_sets(
    timestamps_us: Mapping[str, Int64[np.ndarray, "_"]],
    *,
    host_us: Mapping[str, Int64[np.ndarray, "_"]] | None = None,
    delays_us: Mapping[str, int] | None = None,
    master: str | None = None,
    rate_hz: float | None = None,
    tolerance_us: int = DEFAULT_TOLERANCE_US,
    free: Mapping[str, Float64[np.ndarray, "_"]] | None = None,
    devices: tuple[DeviceSync, ...] = (),
    notes: tuple[str, ...] = (),
) -> FrameSets:
    """Frame sets of streams whose device times are on one clock.

    `host_us` are arrivals: with them a reset of a wired clock is undone, without them it is an error. `delays_us` is
    how much later than the pulse each stream was told to expose (0 where absent); `master` names the stream that
    defines the pulse (the one with most frames by default); `rate_hz` is its nominal rate, where known. `free` are
    further streams whose times were carried to the same clock, NaN where they are not known: their frames go to the
    nearest instant. Instants are the pulses at which any wired stream has a frame. Raises CaptureError when a clock
    goes back without host times, or nothing is there.
    """
    delays_us = delays_us or {}
    if not any(len(t) for t in timestamps_us.values()):
        raise CaptureError("no stream has a frame; check the recording with humanrig check")
    if master is None or not len(timestamps_us[master]):
        master = max(timestamps_us, key=lambda n: len(timestamps_us[n]))
    wired = on_shared_clock(
        timestamps_us,
        host_us or {},
        delays_us=delays_us,
        master=master,
        rate_hz=rate_hz,
        tolerance_us=tolerance_us,
    )
    return assemble(
        wired.times_us,
        free or {},
        delays_us=delays_us,
        master=master,
        rate_hz=rate_hz,
        tolerance_us=tolerance_us,
        devices=devices,
        resets=wired.resets,
        notes=(*wired.notes, *notes),
    )


def assemble(
    wired_us: Mapping[str, Float64[np.ndarray, "_"]],
    free_us: Mapping[str, Float64[np.ndarray, "_"]],
    *,
    delays_us: Mapping[str, int],
    master: str,
    rate_hz: float | None,
    tolerance_us: int,
    devices: tuple[DeviceSync, ...] = (),
    resets: Mapping[str, list[ClockReset]] | None = None,
    notes: tuple[str, ...] = (),
) -> FrameSets:
    """Frame sets of streams whose times are all on the session's clock already; NaN where a time is not known."""
    pulses = {n: t - delays_us.get(n, 0) for n, t in wired_us.items()}
    own = pulses[master][np.isfinite(pulses[master])]
    grid, period = pulse_grid(own, [t for n, t in pulses.items() if n != master], rate_hz)
    index, residual = {}, {}
    for n, t in pulses.items():
        index[n], residual[n] = frame_at_each(t, grid, tolerance_us)
    used = np.flatnonzero(np.any([i != HOLE for i in index.values()], axis=0))
    if not len(used):
        raise CaptureError(f"no frame lies within {tolerance_us} us of the pulse of {master}; raise sync.tolerance_us")
    instants = grid[used]
    index = {n: i[used] for n, i in index.items()}
    own_period = dict.fromkeys(pulses, period)
    for n, t in free_us.items():
        own_period[n] = frame_period_us(t[np.isfinite(t)], None)
        index[n], residual[n] = frame_at_each(t, instants, FREE_SHARE * own_period[n])
    times = {**wired_us, **free_us}
    time_us = np.rint(instants).astype(np.int64)
    offset = {n: np.where(i == HOLE, 0, _at(times[n], i) - time_us) for n, i in index.items()}
    span = float(instants[0]), float(instants[-1])
    return FrameSets(
        instants=[
            Instant(
                instant=k,
                time_us=int(time_us[k]),
                index={n: int(i[k]) for n, i in index.items()},
                offset_us={n: int(o[k]) for n, o in offset.items()},
            )
            for k in range(len(used))
        ],
        streams=[
            stream_figures(
                n, pulses.get(n, times[n]), i, residual[n], span_us=span, period_us=own_period[n], free=n in free_us
            )
            for n, i in index.items()
        ],
        master=master,
        period_us=period,
        devices=devices,
        resets=resets or {},
        notes=notes,
        times_us=times,
    )


def _at(times: Float64[np.ndarray, "_"], index: Int64[np.ndarray, "instants"]) -> Int64[np.ndarray, "instants"]:
    """Time of each frame, whole microseconds; anything at holes."""
    if not len(times):
        return np.zeros(len(index), np.int64)
    return np.rint(np.nan_to_num(times[np.maximum(index, 0)])).astype(np.int64)


def _plain(value: Any) -> Any:
    """The value with None for NaN and rounded numbers, for JSON."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float):
        return None if value != value else round(value, 3)
    return value
