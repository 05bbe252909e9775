"""By how much one signal lags another: the peak of their correlation, between the samples, and how far to trust it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy.ndimage import gaussian_filter1d
from scipy.signal import correlate

from capture.errors import CaptureError

STEP_US = 2_000.0
"""Grid on which signals are compared; the peak is found between its points."""
LOBE_US = 250_000.0
"""A second peak nearer than this belongs to the first: people do nothing twice in a quarter of a second."""
SLOW_US = 200_000.0
"""What changes slower than this is taken off: it is another in every view, while the beginnings and ends of movements
are the same. In a simulated kick seen by six cameras the error falls from 9 ms to 2 ms by it."""
MOMENTS_HZ = 5.0
"""Independent moments a second of what is left, about."""
FEW_MOMENTS = 5
"""So many may agree by chance in any recording: a second of it says nothing."""
CHANCE_SIGMAS, SURE_SIGMAS = 3.0, 7.0
"""Chance reaches the first at some of the lags that are looked at. A peak beyond the second is sure."""
LEAST_OVERLAP = 0.5
"""Lags at which less of the shorter signal meets the other are not looked at: short pieces look alike."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Signal:
    """One number for each moment of a recording, evenly or unevenly spaced."""

    name: str
    """What it was taken from."""
    kind: str
    """`motion`, `light` or `audio`: only signals of one kind are compared."""
    time_us: Float64[np.ndarray, "samples"]
    """Increasing, on a clock of its own."""
    value: Float64[np.ndarray, "samples"]
    spacing_us: float
    """Usual distance of two samples."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lag:
    """How two signals lie to each other."""

    lag_us: float
    """To be added to the second signal's times so that the same thing happens at the same time in both."""
    correlation: float
    """Of the two at this lag, -1 to 1."""
    sigmas: float
    """How far from chance that is, by Fisher's transformation and the length of the overlap."""
    second_sigmas: float
    """The same at the best lag that is clearly another."""
    confidence: float
    """0 to 1: how far from chance the peak is, and how far above the second one. Below 0.55 it says nothing."""
    overlap_s: float


def mean_signal(signals: Sequence[Signal]) -> Signal:
    """The mean of some signals of one kind and clock, each to its own scale: what all views have in common.

    Raises CaptureError when they do not overlap.
    """
    if len(signals) == 1:
        return signals[0]
    begin, end = max(s.time_us.min() for s in signals), min(s.time_us.max() for s in signals)
    grid = np.arange(begin, end, STEP_US)
    if len(grid) < 4:
        raise CaptureError(f"{', '.join(s.name for s in signals)} do not overlap; were they recorded together?")
    total = np.zeros(len(grid))
    for signal in signals:
        even = np.interp(grid, signal.time_us, signal.value)
        total += (even - even.mean()) / max(float(even.std()), 1e-12)
    first = signals[0]
    name = f"{len(signals)} streams"
    return Signal(name=name, kind=first.kind, time_us=grid, value=total / len(signals), spacing_us=first.spacing_us)


def find_lag(first: Signal, second: Signal, *, largest_us: float, about_us: float = 0.0) -> Lag:
    """The lag of the second signal, at most `largest_us` away from `about_us`.

    Raises CaptureError when the two never overlap long enough to be compared.
    """
    a, a_begin = _even(first)
    b, b_begin = _even(second)
    shortest = max(3, round(LEAST_OVERLAP * min(len(a), len(b))))
    shift = np.arange(-(len(b) - 1), len(a))  # of b's first sample, in samples of a
    lag = a_begin - b_begin + STEP_US * shift
    overlap = np.minimum(len(a), shift + len(b)) - np.maximum(0, shift)
    looked = (overlap >= shortest) & (np.abs(lag - about_us) <= largest_us)
    if not looked.any():
        raise CaptureError(
            f"{first.name} and {second.name} do not overlap within {largest_us * 1e-6:g} s of where they should; "
            "record longer, or raise sync.largest_lag_s"
        )
    score = _pearson(a, b, shift, overlap)
    moments = np.maximum(0.0, 1e-6 * STEP_US * overlap * MOMENTS_HZ - FEW_MOMENTS)
    sigmas = np.arctanh(np.clip(score, 0, 0.999)) * np.sqrt(moments)
    inside = np.flatnonzero(looked)
    best = int(inside[np.argmax(sigmas[inside])])
    apart = inside[np.abs(lag[inside] - lag[best]) > LOBE_US]
    height = float(sigmas[best])
    second_best = float(sigmas[apart].max()) if len(apart) else 0.0
    sure = np.clip((height - CHANCE_SIGMAS) / (SURE_SIGMAS - CHANCE_SIGMAS), 0, 1)
    alone = np.clip(2 * (height - second_best) / max(height, 1e-9), 0, 1)
    at_edge = best in (inside[0], inside[-1])
    return Lag(
        lag_us=float(lag[best] + STEP_US * _peak(score, int(best))),
        correlation=float(score[best]),
        sigmas=height,
        second_sigmas=second_best,
        confidence=0.0 if at_edge else float(np.sqrt(sure * alone)),
        overlap_s=float(1e-6 * STEP_US * overlap[best]),
    )


def _even(signal: Signal) -> tuple[Float64[np.ndarray, "n"], float]:
    """The signal on an even grid, its slow part taken off, and the time of the first sample."""
    order = np.argsort(signal.time_us, kind="stable")
    time, value = signal.time_us[order], signal.value[order]
    if len(time) < 4:
        raise CaptureError(f"{signal.name} has {len(time)} samples, too few to find its offset; record longer")
    grid = np.arange(time[0], time[-1], STEP_US)
    even = np.interp(grid, time, value)
    return even - gaussian_filter1d(even, SLOW_US / STEP_US), float(time[0])


def _pearson(a: np.ndarray, b: np.ndarray, shift: np.ndarray, overlap: np.ndarray) -> np.ndarray:
    """Correlation of the parts that overlap, at each shift, with means and spreads of those parts."""
    product = correlate(a, b, "full", "fft")
    start_a, start_b = np.maximum(0, shift), np.maximum(0, -shift)

    def sums(x: np.ndarray, start: np.ndarray) -> np.ndarray:
        total = np.concatenate([[0.0], np.cumsum(x)])
        return total[np.minimum(start + overlap, len(x))] - total[start]

    n = np.maximum(overlap, 1)
    mean_a, mean_b = sums(a, start_a) / n, sums(b, start_b) / n
    spread_a = sums(a * a, start_a) / n - mean_a**2
    spread_b = sums(b * b, start_b) / n - mean_b**2
    floor_a, floor_b = 1e-6 * float((a * a).mean()) + 1e-30, 1e-6 * float((b * b).mean()) + 1e-30
    return (product / n - mean_a * mean_b) / np.sqrt(np.maximum(spread_a, floor_a) * np.maximum(spread_b, floor_b))


def _peak(score: np.ndarray, k: int) -> float:
    """Where the parabola through a maximum and its neighbours is highest, in samples from it."""
    if not 0 < k < len(score) - 1:
        return 0.0
    left, top, right = score[k - 1 : k + 2]
    bend = left - 2 * top + right
    return 0.0 if bend >= 0 else float(np.clip(0.5 * (left - right) / bend, -0.5, 0.5))
