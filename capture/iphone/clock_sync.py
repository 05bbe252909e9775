"""A phone's clock against the host's, told by four-timestamp exchanges (`capture/sync/exchange_fit.py`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from capture.sync.clock_fit import ClockFit
from capture.sync.exchange_fit import WINDOW, fit_minima, quickest


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
    """The exchange with the shortest round trip of each window of `size` (`quickest`)."""
    return [exchanges[k] for k in quickest(np.array([e.rtt_us for e in exchanges], np.float64), size)]


def fit_clock(minima: Sequence[Exchange]) -> ClockFit:
    """The clock from window minima (`fit_minima`). Raises CaptureError without minima."""
    told = np.array([(e.phone_us, e.offset_us, e.rtt_us) for e in minima], np.float64).reshape(-1, 3)
    return fit_minima(told[:, 0], told[:, 1], told[:, 2])
