"""What synchronisation measured, by stream and by device: residuals, drops, stalls, clocks and latency."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float64, Int64

from capture.frame_sets import HOLE

STALL_US = 1_000_000.0
"""A silence of a second or more is a stall, a shorter one drops."""
BINS = 21


@dataclass(frozen=True, kw_only=True, slots=True)
class Histogram:
    """Counts between evenly spaced edges."""

    low_us: float
    high_us: float
    counts: tuple[int, ...]

    @classmethod
    def of(cls, values: Float64[np.ndarray, "_"]) -> Histogram | None:
        """Of all values that are not NaN; None of none."""
        values = values[np.isfinite(values)]
        if not len(values):
            return None
        counts, edges = np.histogram(values, BINS)
        return cls(low_us=float(edges[0]), high_us=float(edges[-1]), counts=tuple(counts.tolist()))


@dataclass(frozen=True, kw_only=True, slots=True)
class Stall:
    """A device's silence."""

    at_s: float
    """Seconds after the first instant."""
    seconds: float


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
    residual_p95_us: float = float("nan")
    """95 % are smaller in size."""
    residuals: Histogram | None = None
    drops: int = 0
    """Frames missing between its first and its last, stalls apart."""
    stalls: tuple[Stall, ...] = ()
    first_shift_us: float = float("nan")
    """Its first frame after the first instant; negative: before."""
    last_shift_us: float = float("nan")
    """Its last frame after the last instant."""
    free: bool = False
    """Whether it was matched by fitted clocks: its residuals are then those of two cameras that run past each other."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceSync:
    """A device's clock."""

    device: str
    clock: str
    host: str
    method: str
    """`pulse`: on the session's clock by cable; `arrival`, `exchanges`: fitted; `content`: from the pictures."""
    reference: str = ""
    """Stream on the session's clock that a fitted one was compared with."""
    offset_us: float = 0.0
    """Session time less device time, at the middle of the recording."""
    offset_sigma_us: float = 0.0
    """Without an unknown constant latency."""
    skew_ppm: float = 0.0
    """Runs faster than the session's clock by this many millionths."""
    skew_sigma_ppm: float = 0.0
    resets: int = 0
    latency_median_us: float = float("nan")
    """Arrival after the fastest frames of the same stream: the spread of the latency. NaN where host times are not
    their own."""
    latency_p95_us: float = float("nan")
    latency_max_us: float = float("nan")
    latencies: Histogram | None = None
    host_skew_ppm: float = float("nan")
    """Runs faster than the clock of the host that recorded it."""
    notes: tuple[str, ...] = field(default=())


def stream_figures(
    name: str,
    times_us: Float64[np.ndarray, "frames"],
    index: Int64[np.ndarray, "instants"],
    residual_us: Float64[np.ndarray, "frames"],
    *,
    span_us: tuple[float, float],
    period_us: float,
    free: bool = False,
) -> StreamSync:
    """The figures of a stream whose frames lie at `times_us` on the session's clock, NaN where that is not known.

    `span_us` are the first and last instant, `period_us` the stream's own.
    """
    used = residual_us[np.isfinite(residual_us)]
    known = np.sort(times_us[np.isfinite(times_us)])
    gaps = np.diff(known)
    silent = gaps >= max(STALL_US, 2.5 * period_us)
    missing = np.maximum(0, np.rint(gaps[~silent] / period_us) - 1)
    return StreamSync(
        stream=name,
        frames=len(times_us),
        holes=int((index == HOLE).sum()),
        unused=len(times_us) - int((index != HOLE).sum()),
        residual_median_us=_of(np.median, used),
        residual_p95_us=_of(lambda v: np.percentile(v, 95), np.abs(used)),
        residual_max_us=_of(np.max, np.abs(used)),
        residuals=Histogram.of(used),
        drops=int(missing.sum()),
        stalls=stalls_of(known, silent, span_us[0]),
        first_shift_us=float(known[0] - span_us[0]) if len(known) else float("nan"),
        last_shift_us=float(known[-1] - span_us[1]) if len(known) else float("nan"),
        free=free,
    )


def stalls_of(times_us: Float64[np.ndarray, "_"], silent: np.ndarray, begin_us: float) -> tuple[Stall, ...]:
    """The gaps after which `silent` is true."""
    at = np.flatnonzero(silent)
    return tuple(
        Stall(at_s=round(1e-6 * float(times_us[k] - begin_us), 3), seconds=round(1e-6 * float(gap), 3))
        for k, gap in zip(at.tolist(), np.diff(times_us)[at])
    )


def latency_figures(late_us: Sequence[Float64[np.ndarray, "_"]]) -> dict[str, float | Histogram | None]:
    """The keys `latency_…` and `latencies` of DeviceSync, from the lateness of all of a device's frames."""
    values = np.concatenate([np.empty(0), *late_us])
    values = values[np.isfinite(values)]
    return {
        "latency_median_us": _of(np.median, values),
        "latency_p95_us": _of(lambda v: np.percentile(v, 95), values),
        "latency_max_us": _of(np.max, values),
        "latencies": Histogram.of(values),
    }


def _of(measure, values: np.ndarray) -> float:
    return float(measure(values)) if len(values) else float("nan")
