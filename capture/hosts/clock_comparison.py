"""The monotonic clocks of two computers compared: the quickest of many exchanges, before and after a take.

The middle of an exchange is the same moment on both clocks if both ways took equally long, and is wrong by at most
half of the round trip whatever they took (Cristian's bound): that half is the uncertainty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from capture.errors import CaptureError

EXCHANGES = 60
LEAST_EXCHANGES = 50
UNKNOWN_DRIFT_PPM = 100.0
"""How far two computers' clocks may run apart where it was not measured: NTP slews no faster than 500 ppm, quartzes
differ by some tens."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HostExchange:
    """One question and its answer, in microseconds of the clock of whoever noted it."""

    sent_us: int
    received_us: int
    answered_us: int
    returned_us: int

    @property
    def round_trip_us(self) -> int:
        """What both ways took together."""
        return (self.returned_us - self.sent_us) - (self.answered_us - self.received_us)

    @property
    def offset_us(self) -> float:
        """The answering clock less the asking one."""
        return (self.received_us - self.sent_us + self.answered_us - self.returned_us) / 2


@dataclass(frozen=True, kw_only=True, slots=True)
class ClockComparison:
    """One clock less another, and how far that can be wrong."""

    offset_us: float
    uncertainty_us: float
    at_us: int
    """When, on the asking clock."""
    exchanges: int


def compare_clocks(exchanges: Sequence[HostExchange]) -> ClockComparison:
    """The exchange with the shortest round trip. Raises CaptureError for fewer than 50 or an impossible one."""
    if len(exchanges) < LEAST_EXCHANGES:
        raise CaptureError(
            f"clocks were compared {len(exchanges)} times, at least {LEAST_EXCHANGES} are needed; look at the network"
        )
    best = min(exchanges, key=lambda exchange: exchange.round_trip_us)
    if best.round_trip_us < 0:
        raise CaptureError(
            f"an answer came {-best.round_trip_us} us before its question; the host's clock is not monotonic"
        )
    return ClockComparison(
        offset_us=best.offset_us,
        uncertainty_us=best.round_trip_us / 2,
        at_us=(best.sent_us + best.returned_us) // 2,
        exchanges=len(exchanges),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class HostOffset:
    """One host's clock less that of the computer that started the take."""

    before: ClockComparison
    after: ClockComparison | None = None
    """None where the host was lost during the take."""
    take_s: float = 0.0
    """How long the take was; says how far an unknown drift can have led."""

    @property
    def drift_ppm(self) -> float:
        """How much faster this host's clock runs; 0 where it is not known."""
        span_us = self.after.at_us - self.before.at_us if self.after else 0
        return 1e6 * (self.after.offset_us - self.before.offset_us) / span_us if self.after and span_us > 0 else 0.0

    @property
    def offset_us(self) -> float:
        """At the middle of the take."""
        return (self.before.offset_us + self.after.offset_us) / 2 if self.after else self.before.offset_us

    @property
    def at_us(self) -> int:
        """The moment for which `offset_us` stands, on the asking clock."""
        return (self.before.at_us + self.after.at_us) // 2 if self.after else self.before.at_us

    @property
    def uncertainty_us(self) -> float:
        """The offset lies within, at any moment of the take: also what drift changes from its middle to its ends."""
        if self.after is None:
            return self.before.uncertainty_us + UNKNOWN_DRIFT_PPM * self.take_s
        moved = abs(self.after.offset_us - self.before.offset_us) / 2
        return max(self.before.uncertainty_us, self.after.uncertainty_us) + moved

    def to_json(self) -> dict[str, Any]:
        """As a take's description keeps it."""
        return asdict(self)

    @classmethod
    def of_json(cls, values: Mapping[str, Any]) -> HostOffset:
        """The same again. Raises KeyError or TypeError when it is not one."""
        after = values["after"]
        return cls(
            before=ClockComparison(**values["before"]),
            after=ClockComparison(**after) if after else None,
            take_s=float(values["take_s"]),
        )
