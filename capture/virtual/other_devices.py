"""The devices of a virtual rig beside its Kinects: hand-held phones and RealSense units, each with its own clock."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal

import numpy as np
import pydantic.dataclasses
from jaxtyping import Int64, UInt8
from pydantic import ConfigDict, Field

from capture.device import DeviceDescription
from capture.iphone.message import PhoneMessage
from capture.virtual.clocks import ClockedFrames, ClockEffects, DeviceClock, draw_clocks
from capture.virtual.color_effects import ColorEffects
from capture.virtual.config import SimulationConfig
from capture.virtual.hand_held import CameraMotion
from capture.virtual.iphone import RATE_HZ as PHONE_RATE_HZ
from capture.virtual.iphone import PhoneConfig, PhoneTake, phone_take
from capture.virtual.realsense import RATE_HZ as REALSENSE_RATE_HZ
from capture.virtual.realsense import RealSense, place_realsense
from capture.virtual.rig import TARGET_M
from capture.virtual.take_clocks import begun
from geometry.camera import Camera
from geometry.rigid import look_at

PHASE_SEED, UNIT_SEED, PLACE_SEED = 60, 61, 62
REALSENSE_HEIGHT_M = 1.25
PLACE_SPREAD_M = 0.03


@pydantic.dataclasses.dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class OtherDevicesConfig:
    """How many there are, and what their clocks do."""

    phones: Annotated[int, Field(ge=0, le=4)] = 0
    realsense: Annotated[int, Field(ge=0, le=8)] = 0
    realsense_model: Literal["D435", "D455"] = "D455"
    """The colour camera of a D435 sees 42 degrees upright: at 2.3 m it cuts a person off."""
    radius_m: Annotated[float, Field(ge=1.0, le=3.2)] = 2.3
    """Of the ring on which the RealSense units stand."""
    turn_deg: float = 30.0
    """Direction of the first RealSense unit seen from the origin: the middle of a gap between two of six Kinects."""
    seed: Annotated[int, Field(ge=0)] = 0

    @property
    def phone_names(self) -> list[str]:
        """iphone_000, …"""
        return [f"iphone_{number:03d}" for number in range(self.phones)]

    @property
    def realsense_names(self) -> list[str]:
        """realsense_000, …"""
        return [f"realsense_{number:03d}" for number in range(self.realsense)]


@dataclass(frozen=True, kw_only=True, eq=False)
class OtherDevice(ABC):
    """One device in a take of known length."""

    name: str
    clock: DeviceClock
    clocked: Mapping[str, ClockedFrames]
    """By stream: every exposure, lost ones too. All streams of a device expose together."""
    moving: ClassVar[bool]

    @property
    def exposed_us(self) -> Int64[np.ndarray, "exposures"]:
        """Rig time of each exposure; 0 is the take's first instant."""
        return next(iter(self.clocked.values())).exposed_us

    def delivers(self, stream: str, exposure: int) -> bool:
        """Whether a frame arrives."""
        return bool(self.clocked[stream].delivered[exposure])

    @abstractmethod
    def described(self) -> DeviceDescription:
        """What the device says of itself; its clock is its own."""

    @abstractmethod
    def color_camera(self, exposure: int) -> Camera:
        """The true colour camera at an exposure; no distortion."""

    @abstractmethod
    def depth_camera(self, exposure: int) -> Camera:
        """The true depth camera at an exposure; no distortion."""

    @abstractmethod
    def color_effects(self) -> ColorEffects:
        """What its colour camera does to a picture."""

    def motion(self, exposure: int) -> CameraMotion | None:
        """How its cameras move at an exposure; None: they stand still."""
        return None

    def message(self, exposure: int, confidence: UInt8[np.ndarray, "height width"]) -> PhoneMessage | None:
        """What it sends beside the images; None: nothing."""
        return None

    def truth(self) -> dict[str, np.ndarray]:
        """Arrays for truth/phones/NAME.npz, one row for each exposure; empty for a device that stands still."""
        return {}


@dataclass(frozen=True, kw_only=True, eq=False)
class PhoneDevice(OtherDevice):
    """A hand-held phone; its three streams are one frame, delivered or lost together."""

    take: PhoneTake
    moving: ClassVar[bool] = True

    def described(self) -> DeviceDescription:
        """Without cameras: intrinsics and poses come with every frame."""
        return _with_clock(self.take.description(), self.clock)

    def color_camera(self, exposure: int) -> Camera:
        """1920x1440."""
        return self.take.color_camera(exposure)

    def depth_camera(self, exposure: int) -> Camera:
        """256x192."""
        return self.take.depth_camera(exposure)

    def color_effects(self) -> ColorEffects:
        """Of an iPhone."""
        return ColorEffects.iphone()

    def motion(self, exposure: int) -> CameraMotion:
        """Of the hand."""
        return self.take.path.motion(float(self.take.times_s[exposure]))

    def message(self, exposure: int, confidence: UInt8[np.ndarray, "height width"]) -> PhoneMessage:
        """Intrinsics, pose and confidence."""
        device_us = int(self.clocked[f"{self.name}/color"].device_us[exposure])
        return self.take.message(exposure, 1e-6 * device_us, confidence)

    def truth(self) -> dict[str, np.ndarray]:
        """Of the take: poses, intrinsics, odometry and its drift."""
        return self.take.truth()


@dataclass(frozen=True, kw_only=True, eq=False)
class RealSenseDevice(OtherDevice):
    """A RealSense unit on a tripod."""

    unit: RealSense
    moving: ClassVar[bool] = False

    def described(self) -> DeviceDescription:
        """With the cameras in the unit's own frame."""
        return _with_clock(self.unit.description(), self.clock)

    def color_camera(self, exposure: int) -> Camera:
        """1280x720."""
        return self.unit.color

    def depth_camera(self, exposure: int) -> Camera:
        """848x480."""
        return self.unit.depth

    def color_effects(self) -> ColorEffects:
        """Of its model."""
        return ColorEffects.realsense(self.unit.model)


def draw_other_devices(
    config: OtherDevicesConfig, *, seconds: float, clocks: ClockEffects | None = None
) -> tuple[OtherDevice, ...]:
    """The devices `iphone_000`, …, `realsense_000`, … of a take whose last instant is `seconds` after its first.

    `clocks` None: healthy free clocks. A device's numbers depend on the seed and its name alone, but for where phones
    and units stand, which is evenly spread. Raises CaptureError as draw_clocks does.
    """
    phones, units = config.phone_names, config.realsense_names
    effects = clocks or ClockEffects()
    if effects.stall_device not in (*phones, *units):
        effects = replace(effects, stall_device=None)  # one of the Kinects is meant
    drawn = {n: begun(c) for n, c in draw_clocks((), [*phones, *units], effects=effects, seed=config.seed).items()}
    return (
        *(_phone(config, n, name, drawn[name], seconds) for n, name in enumerate(phones)),
        *(_realsense(config, n, name, drawn[name], seconds) for n, name in enumerate(units)),
    )


def devices_of_take(config: SimulationConfig, instants: int) -> tuple[OtherDevice, ...]:
    """The phones and RealSense units of a take with this many instants; the units stand between the Kinects."""
    return draw_other_devices(
        OtherDevicesConfig(
            phones=config.phones,
            realsense=config.realsense,
            realsense_model=config.realsense_model,
            radius_m=config.radius_m,
            turn_deg=180 / config.cameras,
            seed=config.seed,
        ),
        seconds=(instants - 1) / config.rate_hz,
        clocks=config.clocks,
    )


def jobs(devices: tuple[OtherDevice, ...]) -> list[tuple[int, int]]:
    """Number of the device and of the exposure of all frames that are to be rendered, in the order of exposure."""
    found = [
        (int(time_us), number, exposure)
        for number, device in enumerate(devices)
        for exposure, time_us in enumerate(device.exposed_us)
        if any(device.delivers(stream, exposure) for stream in device.clocked)
    ]
    return [(number, exposure) for _, number, exposure in sorted(found)]


def _phone(config: OtherDevicesConfig, number: int, name: str, clock: DeviceClock, seconds: float) -> PhoneDevice:
    pulses_us = _pulses_us(clock, PHONE_RATE_HZ, seconds, config.seed, number)
    defaults = PhoneConfig()
    turn = 2 * np.pi * number / max(1, config.phones)
    x, y, z = defaults.stand_m
    stand = (float(x * np.cos(turn) - y * np.sin(turn)), float(x * np.sin(turn) + y * np.cos(turn)), z)
    take = phone_take(
        PhoneConfig(seconds=max(seconds, 1 / PHONE_RATE_HZ), seed=1000 * config.seed + number, stand_m=stand),
        name,
        1e-6 * pulses_us,
    )
    frame = clock.frames("color", pulses_us)
    streams = {stream.name: stream.kind for stream in take.description().streams}
    return PhoneDevice(name=name, clock=clock, clocked=dict.fromkeys(streams, frame), take=take)


def _realsense(
    config: OtherDevicesConfig, number: int, name: str, clock: DeviceClock, seconds: float
) -> RealSenseDevice:
    pulses_us = _pulses_us(clock, REALSENSE_RATE_HZ, seconds, config.seed, 100 + number)
    rng = np.random.default_rng([config.seed, PLACE_SEED, number])
    angle = np.deg2rad(config.turn_deg) + 2 * np.pi * number / config.realsense
    eye = np.array([config.radius_m * np.cos(angle), config.radius_m * np.sin(angle), REALSENSE_HEIGHT_M])
    unit = place_realsense(
        name,
        look_at(eye + rng.normal(0, PLACE_SPREAD_M, 3), TARGET_M),
        model=config.realsense_model,
        rng=np.random.default_rng([config.seed, UNIT_SEED, number]),
    )
    clocked = {s.name: clock.frames(s.kind, pulses_us) for s in unit.description().streams}
    return RealSenseDevice(name=name, clock=clock, clocked=clocked, unit=unit)


def _pulses_us(
    clock: DeviceClock, rate_hz: float, seconds: float, seed: int, number: int
) -> Int64[np.ndarray, "exposures"]:
    """Even steps of the device's own clock from a random beginning, within the take; at least one."""
    period_us = 1e6 / rate_hz / (1 + 1e-6 * clock.skew_ppm)
    phase_us = np.random.default_rng([seed, PHASE_SEED, number]).uniform(0, min(period_us, 1e6 * seconds))
    count = 1 + int((1e6 * seconds - phase_us) / period_us)
    return np.rint(phase_us + np.arange(count) * period_us).astype(np.int64)


def _with_clock(description: DeviceDescription, clock: DeviceClock) -> DeviceDescription:
    return replace(description, info=replace(description.info, clock=clock.clock))
