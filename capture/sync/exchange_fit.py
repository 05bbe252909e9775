"""A device's clock from exchanges over a network: the quickest of many, and a robust line through those.

An exchange tells the offset exactly when both ways took equally long, and never errs by more than half of what the
round trip took longer than it had to. So the exchange with the shortest round trip of a window of 50 or more is kept
(NTP's clock filter, RFC 5905 section 10), and a line through these minima gives offset and skew.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int64

from capture.errors import CaptureError
from capture.sync.clock_fit import ClockFit

WINDOW = 50
"""Exchanges of which the quickest is kept: under Wi-Fi-like jitter its error is some 0.1 ms, that of 20 is 0.4 ms."""
FLOOR_US = 50.0
"""Standard deviation of a minimum without any excess: timer and scheduling of both sides. Assumed."""
SKEW_PRIOR_PPM = 30.0
"""Standard deviation of skews before anything is measured: usual quartzes. It decides nothing after a minute."""
HUBER = 2.0
ROUNDS = 12


def quickest(rtt_us: Float64[np.ndarray, "exchanges"], size: int = WINDOW) -> Int64[np.ndarray, "windows"]:
    """Position of the shortest round trip of each window of `size`; what is left over joins the last window.

    Fewer than `size` exchanges make no window. Raises CaptureError for a size below 1.
    """
    if size < 1:
        raise CaptureError(f"a window of {size} exchanges holds none; choose 50 or more")
    starts = size * np.arange(len(rtt_us) // size)
    ends = [*starts[1:], len(rtt_us)]
    return np.array([start + int(np.argmin(rtt_us[start:end])) for start, end in zip(starts, ends)], np.int64)


def fit_minima(
    device_us: Float64[np.ndarray, "minima"],
    offset_us: Float64[np.ndarray, "minima"],
    rtt_us: Float64[np.ndarray, "minima"],
) -> ClockFit:
    """The clock from window minima: device time, host less device, and round trip of each.

    A weighted Huber line: a minimum whose round trip is longer than the shortest of all may err by half of that excess,
    and weighs accordingly. A prior keeps the skew of a short measurement near zero. Contains no latency of frames; a
    link that is always slower one way than the other hides half of the difference. Raises CaptureError without minima.
    """
    if not len(rtt_us):
        raise CaptureError(f"no clock exchange yet; ping at least {WINDOW} times before asking for the clock")
    reference, base = float(device_us[0] + np.mean(device_us - device_us[0])), float(np.median(offset_us))
    x, y = device_us - reference, offset_us - base
    sigma = FLOOR_US + (rtt_us - rtt_us.min()) / 2
    A = np.stack([np.ones_like(x), x], -1)
    prior = np.diag([0.0, 1 / (1e-6 * SKEW_PRIOR_PPM) ** 2])
    weight, covariance, line = 1 / sigma**2, np.eye(2), np.zeros(2)
    for _ in range(ROUNDS):
        covariance = np.linalg.inv(A.T @ (weight[:, None] * A) + prior)
        line = covariance @ (A.T @ (weight * y))
        away = np.abs(y - A @ line) / sigma
        weight = np.minimum(1.0, HUBER / np.maximum(away, 1e-12)) / sigma**2
    return ClockFit(
        reference_us=reference,
        offset_us=base + float(line[0]),
        skew_ppm=-1e6 * float(line[1]),
        offset_sigma_us=float(np.sqrt(covariance[0, 0])),
        skew_sigma_ppm=1e6 * float(np.sqrt(covariance[1, 1])),
    )


def fit_comparisons(
    device_us: Int64[np.ndarray, "exchanges"],
    offset_us: Float64[np.ndarray, "exchanges"],
    rtt_us: Float64[np.ndarray, "exchanges"],
) -> ClockFit:
    """The same from all exchanges of a recording; of fewer than a window the quickest alone gives the offset.

    Raises CaptureError without an exchange.
    """
    if not len(rtt_us):
        raise CaptureError("no exchange compares the clocks; record the take again with the clock stream on")
    best = quickest(rtt_us, min(WINDOW, len(rtt_us)))
    return fit_minima(np.asarray(device_us[best], np.float64), offset_us[best], rtt_us[best])
