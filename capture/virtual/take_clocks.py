"""The clocks of a simulated take: what time each frame of the Kinects gets, and which frames are lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int64

from capture.mcap_recording import McapWriter
from capture.virtual.clocks import ClockedFrames, ClockEffects, DeviceClock, draw_clocks

FIRST_US = 1_000_000
"""Device time of the take's first instant, before the clock's own offset: times are never negative."""
HOST_AHEAD_US = 40_000_000
"""How much the host's clock is ahead of rig time."""
KINDS = ("color", "depth", "ir")


@dataclass(frozen=True, kw_only=True, eq=False)
class TakeClocks:
    """The clocks of all devices of a take, the Kinects' pulses, and every frame of theirs."""

    clocks: Mapping[str, DeviceClock]
    """By device, those of the other devices too."""
    pulse_us: Int64[np.ndarray, "instants"]
    """Rig time of each instant; 0 is the first."""
    frames: Mapping[str, ClockedFrames]
    """By stream of the Kinects: one exposure for each instant."""

    @property
    def session_us(self) -> Int64[np.ndarray, "instants"]:
        """Each instant on the clock that the Kinects share, without jitter."""
        clock = next(iter(self.clocks.values()))
        return clock.offset_us + np.rint(self.pulse_us * (1 + 1e-6 * clock.skew_ppm)).astype(np.int64)

    def delay_us(self, stream: str) -> int:
        """How much later than the pulse a stream of the Kinects exposes."""
        device, kind = stream.rsplit("/", maxsplit=1)
        return self.clocks[device].delay_us(kind)

    def whole_instants(self, counts: Mapping[str, int]) -> int:
        """Instants before the first that lacks a frame which was delivered, when a recording holds `counts` frames of
        each stream."""
        instants = len(self.pulse_us)
        for stream, frames in self.frames.items():
            delivered = np.flatnonzero(frames.delivered)
            if counts.get(stream, 0) < len(delivered):
                instants = min(instants, int(delivered[counts.get(stream, 0)]))
        return instants


def take_clocks(
    kinects: Sequence[str],
    others: Sequence[str] = (),
    *,
    instants: int,
    rate_hz: float,
    stagger_us: int = 160,
    effects: ClockEffects | None = None,
    seed: int = 0,
    infrared: bool = False,
) -> TakeClocks:
    """Clocks of a rig whose Kinects are on one cable, the master first, depth `stagger_us` after one another.

    `effects` None: the Kinects lose nothing, begin together and count from FIRST_US without jitter; the others have
    healthy free clocks. `cable_delay_us` of the effects is not used: `stagger_us` is. Raises CaptureError as
    draw_clocks does.
    """
    asked = effects or ClockEffects()
    every = draw_clocks(kinects, others, effects=asked, seed=seed)  # checks the names
    if effects is None:
        spread_ms = asked.latency_spread_ms
        calm = draw_clocks(kinects, effects=replace(ClockEffects.quiet(), latency_spread_ms=spread_ms), seed=seed)
        every = {**every, **calm}
    clocks = {name: begun(clock) for name, clock in every.items()}
    for place, name in enumerate(kinects):
        clocks[name] = replace(clocks[name], delays_us={"depth": place * stagger_us, "ir": place * stagger_us})
    pulse_us = np.rint(np.arange(instants) * 1e6 / rate_hz).astype(np.int64)
    kinds = KINDS if infrared else KINDS[:2]
    frames = {f"{name}/{kind}": clocks[name].frames(kind, pulse_us) for name in kinects for kind in kinds}
    return TakeClocks(clocks=clocks, pulse_us=pulse_us, frames=frames)


def begun(clock: DeviceClock) -> DeviceClock:
    """The clock with FIRST_US on it at rig time 0, and its drawn offset."""
    return replace(clock, offset_us=FIRST_US + clock.offset_us)


def write_frame(writer: McapWriter, stream: str, data: bytes, frames: ClockedFrames, exposure: int) -> None:
    """Writes a frame with the times it has, unless it is lost."""
    if frames.delivered[exposure]:
        writer.write(
            f"/{stream}",
            data,
            device_us=int(frames.device_us[exposure]),
            host_us=HOST_AHEAD_US + int(frames.arrived_us[exposure]),
        )
