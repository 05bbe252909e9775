"""A wireless link as a model: delays of each way with jitter, spikes and naps, and the clock exchanges it makes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from jaxtyping import Float

from capture.iphone.clock_sync import Exchange

Times = TypeVar("Times", float, np.ndarray)


@dataclass(frozen=True, kw_only=True, slots=True)
class WifiDelays:
    """Delays in milliseconds; the defaults have a shortest round trip of 4 ms, a median one of 11 ms. Assumed."""

    up_ms: float = 2.0
    """Shortest way from phone to host."""
    down_ms: float = 2.0
    up_jitter_ms: float = 6.0
    """Mean of what comes on top, exponentially distributed: asymmetric, the phone's way is the worse."""
    down_jitter_ms: float = 3.0
    spike_rate: float = 0.05
    """Share of downward packets whose jitter is five times as long."""
    nap_rate: float = 0.0
    """Share of downward packets that wait for a phone in power save: up to `nap_ms` more."""
    nap_ms: float = 100.0

    def up_us(self, rng: np.random.Generator, packets: int = 1) -> Float[np.ndarray, "packets"]:
        """Delays of packets from phone to host."""
        return 1000 * (self.up_ms + self.up_jitter_ms * rng.exponential(size=packets))

    def down_us(self, rng: np.random.Generator, packets: int = 1) -> Float[np.ndarray, "packets"]:
        """Delays of packets from host to phone."""
        spike = np.where(rng.random(packets) < self.spike_rate, 5.0, 1.0)
        nap = np.where(rng.random(packets) < self.nap_rate, self.nap_ms * rng.random(packets), 0.0)
        return 1000 * (self.down_ms + spike * self.down_jitter_ms * rng.exponential(size=packets) + nap)


@dataclass(frozen=True, kw_only=True, slots=True)
class PhoneClock:
    """A phone's clock as a function of the host's."""

    offset_us: float = 0.0
    """Host minus phone at host time `origin_us`."""
    skew_ppm: float = 0.0
    """Runs faster than the host's by this many millionths."""
    origin_us: float = 0.0

    def phone_us(self, host_us: Times) -> Times:
        """Phone time of a host time."""
        return (host_us - self.origin_us) * (1 + 1e-6 * self.skew_ppm) + self.origin_us - self.offset_us

    def host_us(self, phone_us: Times) -> Times:
        """Host time of a phone time."""
        return (phone_us - self.origin_us + self.offset_us) / (1 + 1e-6 * self.skew_ppm) + self.origin_us


def simulated_exchanges(
    rng: np.random.Generator,
    clock: PhoneClock,
    delays: WifiDelays,
    *,
    seconds: float,
    every_ms: float = 50.0,
    answer_us: float = 80.0,
) -> list[Exchange]:
    """Exchanges of `seconds`, one every `every_ms`; times are whole microseconds, as the protocol has them."""
    sent = clock.origin_us + 1000 * np.arange(0, 1000 * seconds, every_ms)
    received = sent + delays.up_us(rng, len(sent))
    answered = received + rng.exponential(answer_us, len(sent))
    back = answered + delays.down_us(rng, len(sent))
    times = np.rint(np.stack([clock.phone_us(sent), received, answered, clock.phone_us(back)], -1))
    return [
        Exchange(phone_sent_us=t0, host_received_us=t1, host_sent_us=t2, phone_received_us=t3)
        for t0, t1, t2, t3 in times.tolist()
    ]
