"""Clocks of virtual devices: when each frame is exposed, what time the device and the host give it, and which are lost.

Rig time is the truth: microseconds since the rig began. Devices on the sync cable expose at the master's pulses, each a
fixed delay later, and count their time from them, so they share one clock but for microseconds. Other devices have a
clock of their own, with its own offset and rate.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pydantic.dataclasses
from jaxtyping import Bool, Int64
from pydantic import ConfigDict, Field

from capture.errors import CaptureError

CLOCK_SEED, FRAME_SEED = 40, 41
PULSE_CLOCK = "pulse"
JITTER_LIMIT = 5.0
"""Jitter is clipped to this many standard deviations: a late interrupt, not a lost one."""

NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, lt=1)]


@pydantic.dataclasses.dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class ClockEffects:
    """How clocks and deliveries go wrong; the defaults are a healthy rig. `quiet()` is a perfect one."""

    offset_s: NotNegative = 600.0
    """Clocks start anywhere between 0 and this. Assumed: devices are switched on within ten minutes."""
    skew_ppm: NotNegative = 20.0
    """Standard deviation of a clock's rate against the host's. Assumed: the usual tolerance of a quartz."""
    jitter_us: NotNegative = 6.0
    """Standard deviation of a timestamp about the true exposure, clipped to five times that. Assumed: pairs of a wired
    rig are accepted within 100 us (Azure Kinect SDK, green_screen example), far above ordinary jitter."""
    cable_delay_us: Annotated[int, Field(ge=0, le=3700)] = 160
    """Depth of the i-th device on the cable is exposed i times this after the pulse, so that lasers do not overlap: the
    SDK's MIN_TIME_BETWEEN_DEPTH_CAMERA_PICTURES_USEC."""
    start_frames: Annotated[int, Field(ge=0)] = 4
    """A device begins up to this many frames late. Starts shifted by 1 to 4 frames: Azure Kinect SDK issue 1224."""
    drop_rate: Share = 0.0
    """Share of frames lost one by one. Assumed none; 0.02 is a rig in trouble."""
    burst_rate: Share = 0.0
    """Chance that a burst of lost frames begins at a frame. Assumed none."""
    burst_frames: Annotated[int, Field(ge=1)] = 5
    """Length of a burst. Assumed."""
    stall_device: str | None = None
    """Name of the device that falls silent and comes back; None: no device does."""
    stall_at_s: NotNegative = 1.0
    """When it falls silent, in rig time."""
    stall_s: NotNegative = 3.0
    """For how long. Stalls of five or six devices after 30 s: Azure Kinect SDK issue 1112; the length is assumed."""
    latency_ms: Mapping[str, float] = field(
        default_factory=lambda: {"color": 45.0, "depth": 31.0, "ir": 31.0, "imu": 5.0}
    )
    """Shortest time from exposure to the host, by kind. Assumed."""
    latency_spread_ms: NotNegative = 1.5
    """Mean of what comes on top, exponentially distributed. Assumed."""

    @classmethod
    def quiet(cls) -> ClockEffects:
        """Every fault off: one clock, no delays, nothing lost, fixed latency."""
        off = dict(offset_s=0, skew_ppm=0, jitter_us=0, cable_delay_us=0, start_frames=0, latency_spread_ms=0)
        return cls(**off)  # pyright: ignore[reportArgumentType]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ClockedFrames:
    """What clocks make of the frames of one stream; every array has one value a frame, lost ones too."""

    exposed_us: Int64[np.ndarray, "frames"]
    """Rig time of exposure: the truth."""
    device_us: Int64[np.ndarray, "frames"]
    """The device's timestamp."""
    arrived_us: Int64[np.ndarray, "frames"]
    """Rig time of arrival at the host, never decreasing."""
    delivered: Bool[np.ndarray, "frames"]
    """Whether it arrives at all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceClock:
    """The clock and the faults of one device, already drawn: the same for every question."""

    device: str
    clock: str
    """Devices that name the same clock have comparable timestamps."""
    offset_us: int
    """Device time at rig time 0."""
    skew_ppm: float
    """The clock runs faster than rig time by this many millionths."""
    delays_us: Mapping[str, int]
    """How much later than the pulse each kind of stream is exposed; 0 where absent."""
    start_frames: int
    stall_us: tuple[int, int] | None
    """Rig time from which, and up to which, nothing is delivered."""
    effects: ClockEffects
    seed: int

    def delay_us(self, kind: str) -> int:
        """How much later than the pulse a stream of this kind is exposed."""
        return self.delays_us.get(kind, 0)

    def frames(self, kind: str, pulse_us: Int64[np.ndarray, "frames"]) -> ClockedFrames:
        """Times and losses of a stream whose frames belong to these moments of rig time, without its delay.

        The moments must increase. The same device, seed, kind and moments give the same answer.
        """
        pulse_us = np.asarray(pulse_us, np.int64)
        if (np.diff(pulse_us) <= 0).any():
            raise CaptureError(f"{self.device}/{kind}: exposure times must increase; check the frames that are played")
        effects, count = self.effects, len(pulse_us)
        rng = np.random.default_rng([self.seed, FRAME_SEED, _key(f"{self.device}/{kind}")])
        jitter = np.clip(rng.standard_normal(count), -JITTER_LIMIT, JITTER_LIMIT) * effects.jitter_us
        latency = effects.latency_ms.get(kind, 0.0) + effects.latency_spread_ms * rng.exponential(size=count)
        lost = rng.random(count) < effects.drop_rate
        burst = np.flatnonzero(rng.random(count) < effects.burst_rate)
        lost[(burst[:, None] + np.arange(effects.burst_frames)).clip(max=max(count - 1, 0)).ravel()] = True
        exposed = pulse_us + self.delay_us(kind)
        lost[: self.start_frames] = True
        if self.stall_us is not None:
            lost |= (exposed >= self.stall_us[0]) & (exposed < self.stall_us[1])
        arrived = exposed + np.rint(1000 * latency).astype(np.int64)
        return ClockedFrames(
            exposed_us=exposed,
            device_us=self.offset_us + np.rint(exposed * (1 + 1e-6 * self.skew_ppm) + jitter).astype(np.int64),
            arrived_us=np.maximum.accumulate(arrived) if count else arrived,
            delivered=~lost,
        )

    def truth(self) -> dict[str, Any]:
        """Everything that was drawn, for JSON."""
        return asdict(self)


def draw_clocks(
    wired: Sequence[str], free: Sequence[str] = (), *, effects: ClockEffects, seed: int
) -> dict[str, DeviceClock]:
    """A clock for each device; `wired` are in the order of the cable, the master first.

    A device's numbers depend on the seed and its name, and on its place on the cable where it is wired. Raises
    CaptureError when a name comes twice or the device that is to stall is unknown.
    """
    names = [*wired, *free]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise CaptureError(f"device '{doubled[0]}' has two clocks; give the devices different names")
    if effects.stall_device is not None and effects.stall_device not in names:
        raise CaptureError(f"stall_device '{effects.stall_device}' is not in this rig; it has {', '.join(names)}")
    shared = _draw(PULSE_CLOCK, effects, seed)
    clocks = {}
    for place, name in enumerate(names):
        on_cable = place < len(wired)
        offset_us, skew_ppm = shared if on_cable else _draw(name, effects, seed)
        rng = np.random.default_rng([seed, CLOCK_SEED, _key(f"{name}/start")])
        stall_us = round(1e6 * effects.stall_at_s), round(1e6 * (effects.stall_at_s + effects.stall_s))
        clocks[name] = DeviceClock(
            device=name,
            clock=PULSE_CLOCK if on_cable else name,
            offset_us=offset_us,
            skew_ppm=skew_ppm,
            delays_us=dict.fromkeys(("depth", "ir"), effects.cable_delay_us * place if on_cable else 0),
            start_frames=int(rng.integers(0, effects.start_frames + 1)),
            stall_us=stall_us if name == effects.stall_device else None,
            effects=effects,
            seed=seed,
        )
    return clocks


def write_clocks(path: Path, clocks: Mapping[str, DeviceClock]) -> None:
    """Writes what was drawn as JSON, by device: the truth of a simulated rig's clocks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({name: clock.truth() for name, clock in clocks.items()}, indent=1) + "\n", "utf-8")


def _draw(clock: str, effects: ClockEffects, seed: int) -> tuple[int, float]:
    rng = np.random.default_rng([seed, CLOCK_SEED, _key(clock)])
    return round(1e6 * effects.offset_s * rng.random()), float(effects.skew_ppm * rng.standard_normal())


def _key(name: str) -> int:
    return zlib.crc32(name.encode())
