"""Frame sets: frames of one moment are found by time on the rig's pulse, never by counting frames.

Sensors on one cable expose at every pulse of the master, each a configured delay later; videos of one start share a
clock. Each frame's delay is taken off its time and what remains is rounded to the nearest pulse of the master, whose
own gaps (dropped frames, stalls) are filled in. A frame that lies further from its pulse than the tolerance is left
out, and a pulse for which a stream has no frame is a hole of that stream.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from capture.errors import CaptureError
from capture.frame_sets import HOLE, Instant
from capture.session import Session

DEFAULT_TOLERANCE_US = 4000
"""A quarter of a frame at 60 Hz; frames of a wired rig lie within tens of microseconds."""
LONELY_PERIOD_US = 1_000_000.0  # one frame and no stated rate: anything within half a second belongs to it


@dataclass(frozen=True, kw_only=True, slots=True)
class StreamSync:
    """How one stream fits the pulse."""

    stream: str
    frames: int
    holes: int
    """Instants without a frame of this stream."""
    unused: int
    """Frames that belong to no instant: too far from a pulse, or second at one."""
    residual_median_us: float
    """Time from the pulse after the configured delay is taken off; NaN without frames."""
    residual_max_us: float
    """The largest in size, of the frames that are used."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FrameSets:
    """All instants of a session."""

    instants: list[Instant]
    streams: list[StreamSync]
    master: str
    """Stream whose frames define the pulse."""
    period_us: float

    def figures(self) -> dict[str, Any]:
        """What the stage reports."""
        complete = sum(HOLE not in instant.index.values() for instant in self.instants)
        worst = np.nanmax([s.residual_max_us for s in self.streams])
        return {
            "instants": len(self.instants),
            "complete": complete,
            "holes": sum(s.holes for s in self.streams),
            "unused_frames": sum(s.unused for s in self.streams),
            "residual_max_us": float(worst),
            "period_us": self.period_us,
            "master": self.master,
            "streams": [{k: None if v != v else v for k, v in asdict(s).items()} for s in self.streams],
        }


def session_frame_sets(
    session: Session, tolerance_us: int = DEFAULT_TOLERANCE_US, without: Collection[str] = ()
) -> FrameSets:
    """Frame sets of a session's image streams, devices in `without` left out.

    Raises CaptureError when two devices do not share a clock, a stream's clock goes back, or no stream has a frame.
    """
    streams = [s for s in session.streams.values() if s.is_image and s.device not in without]
    devices = {name: device for name, device in session.devices.items() if any(s.device == name for s in streams)}
    by_clock = {device.clock: name for name, device in devices.items()}
    if len(by_clock) > 1:
        (clock_a, a), (clock_b, b) = list(by_clock.items())[:2]
        rest = " ".join(name for name, device in devices.items() if device.clock != clock_a)
        raise CaptureError(
            f"{session.folder}: devices '{a}' (clock '{clock_a}') and '{b}' (clock '{clock_b}') were not synchronised, "
            f"so their frames cannot be paired; pair those of '{clock_a}' alone with --without {rest}"
        )
    masters = [s for s in streams if devices[s.device].sync == "master"] or streams
    return frame_sets(
        {s.name: session.timestamps_us(s.name)[0] for s in streams},
        delays_us={s.name: s.delay_us for s in streams},
        master=max(masters, key=lambda s: s.frames).name if masters else None,
        rate_hz=max((s.rate_hz or 0.0 for s in masters), default=0.0) or None,
        tolerance_us=tolerance_us,
    )


def frame_sets(
    timestamps_us: Mapping[str, Int64[np.ndarray, "_"]],
    *,
    delays_us: Mapping[str, int] | None = None,
    master: str | None = None,
    rate_hz: float | None = None,
    tolerance_us: int = DEFAULT_TOLERANCE_US,
) -> FrameSets:
    """Frame sets of streams whose device times are on one clock.

    `delays_us` is how much later than the pulse each stream was told to expose (0 where absent); `master` names the
    stream that defines the pulse (the one with most frames by default); `rate_hz` is its nominal rate, where known.
    Instants are the pulses at which any stream has a frame. Raises CaptureError when a clock goes back or nothing is
    there.
    """
    delays_us = delays_us or {}
    for name, times in timestamps_us.items():
        _check_monotonic(name, times)
    times = {n: np.asarray(t, np.float64) - delays_us.get(n, 0) for n, t in timestamps_us.items()}
    if not any(len(t) for t in times.values()):
        raise CaptureError("no stream has a frame; check the recording with humanrig check")
    if master is None or not len(times[master]):
        master = max(times, key=lambda n: len(times[n]))
    grid, period = _pulse_grid(times, master, rate_hz)
    index = {n: np.full(len(grid), HOLE, np.int64) for n in times}
    kept: dict[str, Float64[np.ndarray, "_"]] = {}
    for n, t in times.items():
        index[n], kept[n] = _on_grid(t, grid, tolerance_us)
    used = np.flatnonzero(np.any([i != HOLE for i in index.values()], axis=0))
    if not len(used):
        raise CaptureError(f"no frame lies within {tolerance_us} us of the pulse of {master}; raise sync.tolerance_us")
    pulse_us = np.rint(grid[used]).astype(np.int64)
    index = {n: i[used] for n, i in index.items()}
    offset = {n: np.where(i == HOLE, 0, _at(timestamps_us[n], i) - pulse_us) for n, i in index.items()}
    return FrameSets(
        instants=[
            Instant(
                instant=k,
                time_us=int(pulse_us[k]),
                index={n: int(i[k]) for n, i in index.items()},
                offset_us={n: int(o[k]) for n, o in offset.items()},
            )
            for k in range(len(used))
        ],
        streams=[_summary(n, len(times[n]), index[n], kept[n]) for n in times],
        master=master,
        period_us=period,
    )


def _pulse_grid(
    times: Mapping[str, Float64[np.ndarray, "_"]], master: str, rate_hz: float | None
) -> tuple[Float64[np.ndarray, "pulses"], float]:
    """Times of all pulses from the first frame of any stream to the last, and their period.

    Pulses that the master missed lie evenly between those it has.
    """
    own = times[master]
    period = _period(own, rate_hz)
    number = np.concatenate([[0], np.cumsum(np.maximum(1, np.rint(np.diff(own) / period)))])
    if len(own) > 1:
        period = float((own[-1] - own[0]) / number[-1])
    begin, end = min(t[0] for t in times.values() if len(t)), max(t[-1] for t in times.values() if len(t))
    before = max(0, int(np.ceil((own[0] - begin) / period - 0.5)))
    after = max(0, int(np.ceil((end - own[-1]) / period - 0.5)))
    inside = np.interp(np.arange(number[-1] + 1), number, own)
    earlier = own[0] - period * np.arange(before, 0, -1)
    later = own[-1] + period * np.arange(1, after + 1)
    return np.concatenate([earlier, inside, later]), period


def _period(own: Float64[np.ndarray, "_"], rate_hz: float | None) -> float:
    nominal = 1e6 / rate_hz if rate_hz else None
    if len(own) < 2:
        return nominal or LONELY_PERIOD_US
    median = float(np.median(np.diff(own)))
    return median / max(1, round(median / nominal)) if nominal else median  # the nominal rate unmasks regular drops


def _on_grid(
    t: Float64[np.ndarray, "_"], grid: Float64[np.ndarray, "pulses"], tolerance_us: int
) -> tuple[Int64[np.ndarray, "pulses"], Float64[np.ndarray, "_"]]:
    """Frame at each pulse (or HOLE), and the residuals of the frames that were taken."""
    index = np.full(len(grid), HOLE, np.int64)
    if not len(t):
        return index, np.empty(0)
    right = np.clip(np.searchsorted(grid, t), 1, max(1, len(grid) - 1))
    pulse = right - (t - grid[right - 1] < grid[np.minimum(right, len(grid) - 1)] - t)
    pulse = np.minimum(pulse, len(grid) - 1)
    residual = t - grid[pulse]
    order = np.argsort(-np.abs(residual), kind="stable")  # the closest frame is written last and stays
    order = order[np.abs(residual[order]) <= tolerance_us]
    index[pulse[order]] = order
    return index, residual[index[index != HOLE]]


def _at(times: Int64[np.ndarray, "_"], index: Int64[np.ndarray, "pulses"]) -> Int64[np.ndarray, "pulses"]:
    """Time of each frame; anything at holes."""
    return np.asarray(times)[np.maximum(index, 0)] if len(times) else np.zeros(len(index), np.int64)


def _summary(
    name: str, frames: int, index: Int64[np.ndarray, "instants"], residual: Float64[np.ndarray, "_"]
) -> StreamSync:
    return StreamSync(
        stream=name,
        frames=frames,
        holes=int((index == HOLE).sum()),
        unused=frames - int((index != HOLE).sum()),
        residual_median_us=float(np.median(residual)) if len(residual) else float("nan"),
        residual_max_us=float(np.abs(residual).max()) if len(residual) else float("nan"),
    )


def _check_monotonic(name: str, times: Int64[np.ndarray, "_"]) -> None:
    back = np.flatnonzero(np.diff(times) <= 0)
    if len(back):
        k = int(back[0])
        raise CaptureError(
            f"{name}: the device clock goes from {times[k]} to {times[k + 1]} us at frame {k + 1} (a reset), "
            f"so later frames cannot be paired; leave it out with --without {name.rsplit('/', maxsplit=1)[0]}"
        )
