"""A device's clock against its host's: one robust line under the arrivals, which are late but never early.

Arrival is exposure plus a latency that varies to one side only. Of every short block of frames the fastest is taken,
and a line is fitted to those by iteratively reweighted least squares: first a low quantile, which outliers cannot
move, then Tukey's bisquare around it. A constant part of the latency cannot be told from an offset of the clocks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from capture.errors import CaptureError

PRIOR_SKEW_PPM = 30.0
"""How far two quartz clocks usually are apart. Over seconds arrivals cannot tell the skew; this does. Assumed."""
BLOCK_FRAMES = (8, 64)
"""Fewest and most frames of which the fastest is taken: of 8 frames one is fast, 64 are two seconds at 30 Hz."""
BLOCKS = 60
"""How many blocks a short recording is cut into, where its frames suffice."""
LOW_QUANTILE = 0.3
BISQUARE = 4.685
"""Tukey's constant: 95 % efficiency for normal errors."""
SCALE_FLOOR_US = 1.0
NO_SKEW_PPM = 0.001


@dataclass(frozen=True, kw_only=True, slots=True)
class ClockFit:
    """host = device + offset_us - 1e-6 skew_ppm (device - reference_us): the arrival of the fastest frames."""

    reference_us: float
    """Device time, about the middle of what was fitted."""
    offset_us: float
    """Host less device at the reference; of arrivals it includes the shortest latency."""
    skew_ppm: float
    """The device's clock runs faster than the host's by this many millionths."""
    offset_sigma_us: float
    """Standard deviation of the offset at the reference, without what is constant in the latency."""
    skew_sigma_ppm: float

    def offset_at(self, device_us: float) -> float:
        """Host less device at a device time."""
        return self.offset_us - 1e-6 * self.skew_ppm * (device_us - self.reference_us)

    def host_us(self, device_us: Float64[np.ndarray, "*n"]) -> Float64[np.ndarray, "*n"]:
        """Host time of device times."""
        return device_us + self.offset_us - 1e-6 * self.skew_ppm * (device_us - self.reference_us)

    def device_us(self, host_us: Float64[np.ndarray, "*n"]) -> Float64[np.ndarray, "*n"]:
        """Device time of host times."""
        return self.reference_us + (host_us - self.offset_us - self.reference_us) / (1 - 1e-6 * self.skew_ppm)


def fit_arrivals(
    device_us: Int64[np.ndarray, "frames"] | Float64[np.ndarray, "frames"],
    host_us: Int64[np.ndarray, "frames"] | Float64[np.ndarray, "frames"],
    *,
    prior_skew_ppm: float = PRIOR_SKEW_PPM,
) -> ClockFit:
    """The clock of a device from its frames' times and arrivals; no reset may lie between them.

    Raises CaptureError without a frame.
    """
    return _fit(*_relative(device_us, host_us), prior_skew_ppm=prior_skew_ppm)


def _relative(device_us: np.ndarray, host_us: np.ndarray) -> tuple[np.ndarray, float, float, np.ndarray]:
    """Seconds from the middle, the middle, a whole base of host less device, and the remainder."""
    device = np.asarray(device_us, np.float64)
    if not len(device):
        raise CaptureError("a clock cannot be fitted without a frame; check the recording with humanrig check")
    r = np.asarray(host_us, np.float64) - device
    reference, base = float((device.min() + device.max()) / 2), float(np.median(r))
    return 1e-6 * (device - reference), reference, base, r - base


def _fastest(late: Float64[np.ndarray, "n"], size: int) -> Int64[np.ndarray, "blocks"]:
    """Position of the smallest value in each block."""
    starts = np.arange(0, max(1, len(late) - size // 2), size)
    ends = [*starts[1:], len(late)]
    return np.array([start + int(np.argmin(late[start:end])) for start, end in zip(starts, ends)], np.int64)


def _fit(x: np.ndarray, reference: float, base: float, r: np.ndarray, *, prior_skew_ppm: float) -> ClockFit:
    best = _fastest(r, int(np.clip(len(r) // BLOCKS, *BLOCK_FRAMES)))
    x, r = x[best], r[best]
    prior = max(prior_skew_ppm, NO_SKEW_PPM)
    line, scale = np.array([np.quantile(r, LOW_QUANTILE), 0.0]), 1.0
    for _ in range(30):  # a low quantile: asymmetric absolute errors
        e = r - line[0] - line[1] * x
        scale = max(SCALE_FLOOR_US, 1.4826 * float(np.median(np.abs(e))))
        tilt = np.where(e > 0, LOW_QUANTILE, 1 - LOW_QUANTILE)
        line, _ = _weighted(x, r, tilt * scale / np.maximum(np.abs(e), 0.1 * scale), scale, prior)
    covariance = np.zeros((2, 2))
    for _ in range(10):
        e = r - line[0] - line[1] * x
        scale = max(SCALE_FLOOR_US, 1.4826 * float(np.median(np.abs(e - np.median(e)))))
        near = np.clip(1 - (e / (BISQUARE * scale)) ** 2, 0, 1) ** 2
        if not near.any():
            break
        line, covariance = _weighted(x, r, near, scale, prior)
    return ClockFit(
        reference_us=reference,
        offset_us=base + float(line[0]),
        skew_ppm=-float(line[1]),
        offset_sigma_us=float(np.sqrt(covariance[0, 0])),
        skew_sigma_ppm=float(np.sqrt(covariance[1, 1])),
    )


def _weighted(
    x: np.ndarray, r: np.ndarray, weights: np.ndarray, scale: float, prior_skew_ppm: float
) -> tuple[np.ndarray, np.ndarray]:
    """Line of least squares (microseconds, and microseconds a second = ppm) with a prior on its slope; covariance."""
    A = np.stack([np.ones_like(x), x], 1)
    normal = (A * weights[:, None]).T @ A / scale**2 + np.diag([0.0, prior_skew_ppm**-2])
    covariance = np.linalg.inv(normal)
    return covariance @ ((A * weights[:, None]).T @ r) / scale**2, covariance
