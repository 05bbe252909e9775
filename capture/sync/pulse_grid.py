"""The pulse of wired devices: its moments from one stream's frames, and the frame that any stream has at each."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from jaxtyping import Float64, Int64

from capture.frame_sets import HOLE

LONELY_PERIOD_US = 1_000_000.0  # one frame and no stated rate: anything within half a second belongs to it


def pulse_grid(
    own: Float64[np.ndarray, "_"], others: Collection[Float64[np.ndarray, "_"]], rate_hz: float | None
) -> tuple[Float64[np.ndarray, "pulses"], float]:
    """Times of all pulses from the first frame of any stream to the last, and their period.

    `own` are the times, without NaN, of the stream that defines the pulse. Pulses that it missed lie evenly between
    those it has.
    """
    period = frame_period_us(own, rate_hz)
    number = np.concatenate([[0], np.cumsum(np.maximum(1, np.rint(np.diff(own) / period)))])
    if len(own) > 1:
        period = float((own[-1] - own[0]) / number[-1])
    everything = [t[np.isfinite(t)] for t in (own, *others)]
    begin, end = min(t.min() for t in everything if len(t)), max(t.max() for t in everything if len(t))
    before = max(0, int(np.ceil((own[0] - begin) / period - 0.5)))
    after = max(0, int(np.ceil((end - own[-1]) / period - 0.5)))
    inside = np.interp(np.arange(number[-1] + 1), number, own)
    earlier = own[0] - period * np.arange(before, 0, -1)
    later = own[-1] + period * np.arange(1, after + 1)
    return np.concatenate([earlier, inside, later]), period


def frame_period_us(own: Float64[np.ndarray, "_"], rate_hz: float | None) -> float:
    """Time between frames, unmoved by drops: the nominal rate, where known, unmasks regular ones."""
    nominal = 1e6 / rate_hz if rate_hz else None
    if len(own) < 2:
        return nominal or LONELY_PERIOD_US
    median = float(np.median(np.diff(own)))
    return median / max(1, round(median / nominal)) if nominal else median


def frame_at_each(
    t: Float64[np.ndarray, "frames"], grid: Float64[np.ndarray, "pulses"], tolerance_us: float | int
) -> tuple[Int64[np.ndarray, "pulses"], Float64[np.ndarray, "frames"]]:
    """Frame at each pulse (or HOLE), and each frame's distance from its pulse; NaN for a frame that has none.

    A frame belongs to one pulse at most, a pulse to the frame closest to it. A frame whose time is NaN is not used.
    """
    index, residual = np.full(len(grid), HOLE, np.int64), np.full(len(t), np.nan)
    usable = np.flatnonzero(np.isfinite(t))
    if not len(usable):
        return index, residual
    pulse = nearest(t[usable], grid)
    away = t[usable] - grid[pulse]
    order = np.argsort(-np.abs(away), kind="stable")  # the closest frame is written last and stays
    order = order[np.abs(away[order]) <= tolerance_us]
    index[pulse[order]] = usable[order]
    taken = index[index != HOLE]
    residual[taken] = t[taken] - grid[index != HOLE]
    return index, residual


def nearest(t: Float64[np.ndarray, "frames"], grid: Float64[np.ndarray, "pulses"]) -> Int64[np.ndarray, "frames"]:
    """Number of the pulse that is closest to each time."""
    right = np.clip(np.searchsorted(grid, t), 1, max(1, len(grid) - 1))
    pulse = right - (t - grid[right - 1] < grid[np.minimum(right, len(grid) - 1)] - t)
    return np.minimum(pulse, len(grid) - 1)


def phase_us(t: Float64[np.ndarray, "frames"], own: Float64[np.ndarray, "_"], period_us: float) -> tuple[float, float]:
    """Circular mean of the times' distance from the pulse, within half a period, and the largest departure from it.

    The pulse goes on evenly where `own`, the times of the stream that defines it, has no frame.
    """
    grid, _ = pulse_grid(own, [t], 1e6 / period_us)
    turns = 2j * np.pi * (t - grid[nearest(t, grid)]) / period_us
    mean = np.exp(turns).mean()
    phase = float(np.angle(mean) / (2 * np.pi) * period_us)
    apart = np.angle(np.exp(turns) * np.exp(-1j * np.angle(mean))) / (2 * np.pi) * period_us
    return phase, float(np.abs(apart).max())
