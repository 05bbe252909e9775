"""The clock of a connected phone: takes exchanges as they come, forgets old ones, notices a clock that jumps."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from capture.errors import CaptureError
from capture.iphone.clock_sync import Exchange, fit_clock
from capture.sync.clock_fit import ClockFit
from capture.sync.exchange_fit import WINDOW

KEPT_MINIMA = 720
"""Half an hour at 20 pings a second. A quartz drifts with temperature over longer times."""
LONGEST_RTT_US = 5e6
JUMP_US = 100_000.0
"""A window's best exchange that contradicts the fit by more than its round trip and this comes from another clock."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClockQuality:
    """How well a phone's clock is known at the moment."""

    exchanges: int
    fit: ClockFit | None
    """None before the first whole window."""
    jumps: int
    """How often the clock was set or started anew."""
    rtt_us: float = 0.0
    """Shortest round trip: a link that is always slower one way than the other hides up to half of it."""
    seconds: float = 0.0
    """How long was measured, from the first window to the last."""

    @property
    def sentence(self) -> str:
        """For people: offset, skew, and how sure."""
        if self.fit is None:
            return f"clock not known yet: {self.exchanges} of {WINDOW} pings"
        fit = self.fit
        skew = (
            f"skew {fit.skew_ppm:+.1f} ± {fit.skew_sigma_ppm:.1f} ppm" if self.seconds >= 60 else "skew after a minute"
        )
        jumped = f", jumped {self.jumps} times" if self.jumps else ""
        return f"clock ± {1e-3 * fit.offset_sigma_us:.2f} ms, round trip {1e-3 * self.rtt_us:.1f} ms, {skew}{jumped}"


class ClockTracker:
    """Exchanges of one phone. Memory is bounded; one thread adds, results are values."""

    def __init__(self, window: int = WINDOW) -> None:
        """Nothing is known yet."""
        self._window = window
        self._open: list[Exchange] = []
        self._minima: deque[Exchange] = deque(maxlen=KEPT_MINIMA)
        self._fit: ClockFit | None = None
        self._count = self._jumps = 0

    def add(self, exchange: Exchange) -> None:
        """Takes one exchange. Raises CaptureError when its times cannot be those of an exchange."""
        rtt, held = exchange.rtt_us, exchange.host_sent_us - exchange.host_received_us
        if not (0 <= rtt <= LONGEST_RTT_US and held >= 0):
            raise CaptureError(
                f"a clock exchange of {1e-3 * rtt:.3f} ms round trip is not possible; send back t0, t1, t2 as they came"
            )
        self._count += 1
        self._open.append(exchange)
        if len(self._open) >= self._window:
            best = min(self._open, key=lambda e: e.rtt_us)
            self._open = []
            if self._fit is not None and self._contradicts(best, self._fit):
                self._jumps += 1
                self._minima.clear()
            self._minima.append(best)
            self._fit = fit_clock(self._minima)

    @property
    def fit(self) -> ClockFit | None:
        """The clock as it is known; None before the first whole window."""
        return self._fit

    @property
    def minima(self) -> tuple[Exchange, ...]:
        """The best exchange of every whole window that is kept, oldest first."""
        return tuple(self._minima)

    def quality(self) -> ClockQuality:
        """How well the clock is known."""
        minima = self.minima
        if not minima:
            return ClockQuality(exchanges=self._count, fit=self._fit, jumps=self._jumps)
        return ClockQuality(
            exchanges=self._count,
            fit=self._fit,
            jumps=self._jumps,
            rtt_us=min(e.rtt_us for e in minima),
            seconds=1e-6 * (minima[-1].phone_us - minima[0].phone_us),
        )

    @staticmethod
    def _contradicts(exchange: Exchange, fit: ClockFit) -> bool:
        return abs(exchange.offset_us - fit.offset_at(exchange.phone_us)) > exchange.rtt_us + JUMP_US
