"""A phone's clock against the host's: four-timestamp exchanges, the quickest of many, a robust line through those.

An exchange tells the offset exactly when both ways took equally long, and never errs by more than half of what the
round trip took longer than it had to. So the exchange with the shortest round trip of a window of 50 or more is kept
(NTP's clock filter, RFC 5905 section 10), and a line through these minima gives offset and skew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from capture.errors import CaptureError

WINDOW = 50
"""Exchanges of which the quickest is kept: under Wi-Fi-like jitter its error is some 0.1 ms, that of 20 is 0.4 ms."""
FLOOR_US = 50.0
"""Standard deviation of a minimum without any excess: timer and scheduling of both sides. Assumed."""
SKEW_PRIOR_PPM = 30.0
"""Standard deviation of skews before anything is measured: usual quartzes. It decides nothing after a minute."""
HUBER = 2.0
ROUNDS = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchange:
    """One ping and its answer, in microseconds: two times of the phone's clock around two of the host's."""

    phone_sent_us: float
    host_received_us: float
    host_sent_us: float
    phone_received_us: float

    @property
    def phone_us(self) -> float:
        """Middle of the exchange on the phone's clock."""
        return self.phone_sent_us + (self.phone_received_us - self.phone_sent_us) / 2

    @property
    def host_us(self) -> float:
        """Middle of the exchange on the host's clock."""
        return self.host_received_us + (self.host_sent_us - self.host_received_us) / 2

    @property
    def offset_us(self) -> float:
        """Host's clock minus the phone's."""
        return self.host_us - self.phone_us

    @property
    def rtt_us(self) -> float:
        """Time that both ways took together."""
        return (self.phone_received_us - self.phone_sent_us) - (self.host_sent_us - self.host_received_us)


def window_minima(exchanges: Sequence[Exchange], size: int = WINDOW) -> list[Exchange]:
    """The exchange with the shortest round trip of each window of `size`; what is left over joins the last window.

    Fewer than `size` exchanges make no window. Raises CaptureError for a size below 1.
    """
    if size < 1:
        raise CaptureError(f"a window of {size} exchanges holds none; choose 50 or more")
    whole = len(exchanges) // size
    ends = [size * (k + 1) for k in range(whole - 1)] + ([len(exchanges)] if whole else [])
    return [min(exchanges[a:b], key=lambda e: e.rtt_us) for a, b in zip([0, *ends], ends)]


@dataclass(frozen=True, kw_only=True, slots=True)
class ClockFit:
    """Host time of every phone time: host = phone + offset + drift · (phone − reference)."""

    reference_us: float
    """Phone time at which `offset_us` holds: the middle of what was measured."""
    offset_us: float
    """Host minus phone."""
    skew_ppm: float
    """The phone's clock runs faster than the host's by this many millionths."""
    offset_sigma_us: float
    """Standard deviation of the offset at the reference, as the minima scatter."""
    skew_sigma_ppm: float
    rtt_us: float
    """Shortest round trip seen: a link that is always slower one way than the other hides up to half of it."""
    minima: int
    seconds: float
    """How long was measured, from the first minimum to the last."""

    def host_us(self, phone_us: float) -> float:
        """Host time of a phone time, microseconds."""
        return phone_us + self.offset_at(phone_us)

    def offset_at(self, phone_us: float) -> float:
        """Host minus phone at a phone time."""
        return self.offset_us - 1e-6 * self.skew_ppm / (1 + 1e-6 * self.skew_ppm) * (phone_us - self.reference_us)

    def sigma_at(self, phone_us: float) -> float:
        """Standard deviation of `host_us` at a phone time, without the link's lasting asymmetry."""
        return float(np.hypot(self.offset_sigma_us, 1e-6 * self.skew_sigma_ppm * (phone_us - self.reference_us)))


def fit_clock(minima: Sequence[Exchange]) -> ClockFit:
    """Offset and skew from window minima.

    A weighted Huber line: a minimum whose round trip is longer than the shortest of all may err by half of that excess,
    and weighs accordingly. A prior keeps the skew of a short measurement near zero. Raises CaptureError without minima.
    """
    if not minima:
        raise CaptureError(f"no clock exchange yet; ping at least {WINDOW} times before asking for the clock")
    phone = np.array([e.phone_us for e in minima])
    offset = np.array([e.offset_us for e in minima])
    rtt = np.array([e.rtt_us for e in minima])
    reference, base = float(phone[0] + np.mean(phone - phone[0])), float(np.median(offset))
    x, y = phone - reference, offset - base
    sigma = FLOOR_US + (rtt - rtt.min()) / 2
    A = np.stack([np.ones_like(x), x], -1)
    prior = np.diag([0.0, 1 / (1e-6 * SKEW_PRIOR_PPM) ** 2])
    weight, covariance, line = 1 / sigma**2, np.eye(2), np.zeros(2)
    for _ in range(ROUNDS):
        covariance = np.linalg.inv(A.T @ (weight[:, None] * A) + prior)
        line = covariance @ (A.T @ (weight * y))
        away = np.abs(y - A @ line) / sigma
        weight = np.minimum(1.0, HUBER / np.maximum(away, 1e-12)) / sigma**2
    drift = float(line[1])
    return ClockFit(
        reference_us=reference,
        offset_us=base + float(line[0]),
        skew_ppm=-1e6 * drift / (1 + drift),
        offset_sigma_us=float(np.sqrt(covariance[0, 0])),
        skew_sigma_ppm=1e6 * float(np.sqrt(covariance[1, 1])),
        rtt_us=float(rtt.min()),
        minima=len(minima),
        seconds=1e-6 * float(phone.max() - phone.min()),
    )
