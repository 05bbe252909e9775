"""Ten virtual Kinects for the benchmark: frames of the simulated sensors, made before, depth encoded while it plays."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt16

from capture import depth_codec
from capture.device import DeviceDescription
from capture.session import Session
from capture.virtual.clocks import ClockEffects, draw_clocks
from capture.virtual.driver import RigTime, VirtualDriver
from capture.virtual.frame_sources import RenderedFrames
from humanrig.simulation import simulate_session
from scripts.recorder_rig.light_rig import describe

RATE_HZ = 30.0
COLOR_SIZE = (1920, 1080)
JPEG_QUALITY = 91
"""Pictures of 413 to 485 kB: the rate that ten devices must reach is stated for at least 400 kB."""


@dataclass(frozen=True, kw_only=True)
class SensorFrames:
    """The frames of one Kinect, in the order in which they were simulated."""

    name: str
    color: list[bytes]
    depth: list[UInt16[np.ndarray, "height width"]]
    calibration: bytes

    def turn(self, index: int) -> int:
        """Which frame is played at an index: there and back again, so that motion has no jump."""
        last = len(self.color) - 1
        place = index % (2 * last)
        return place if place <= last else 2 * last - place


def make_frames(folder: Path, devices: int, distinct: int) -> list[SensorFrames]:
    """Frames with all sensor effects of a person who walks among furniture; simulated when the folder has none."""
    if not (folder / "session.toml").exists():
        simulate_session(
            folder,
            cameras=devices,
            seconds=distinct / RATE_HZ,
            color_resolution="1080P",
            background_frames=0,
            furniture=4,
            color_effects={"jpeg_quality": JPEG_QUALITY},
        )
    session = Session.open(folder)
    found = []
    for number in range(devices):
        name = f"kinect_{number:03d}"
        color, depth = session.streams[f"{name}/color"], session.streams[f"{name}/depth"]
        reader = session.recording(color.file)
        images = [
            depth_codec.decode(reader.read(f"/{depth.name}", k).data, depth.height or 0, depth.width or 0)
            for k in range(depth.frames)
        ]
        pictures = [reader.read(f"/{color.name}", k).data for k in range(color.frames)]
        calibration = reader.attachments[f"{name}/calibration.json"]
        found.append(SensorFrames(name=name, color=pictures, depth=images, calibration=calibration))
    return found


def sensor_rig(frames: list[SensorFrames], seconds: float) -> list[VirtualDriver]:
    """Devices that play the frames at 30 Hz; each encodes its depth when it is due, as a driver does."""
    names = [device.name for device in frames]
    clocks = draw_clocks(names, [], effects=ClockEffects.quiet(), seed=0)
    rig = RigTime(master=names[0])
    return [
        VirtualDriver(
            device.name,
            RenderedFrames(_description(device), _Player(device), seconds=seconds),
            clocks[device.name],
            rig,
        )
        for device in frames
    ]


def _description(device: SensorFrames) -> DeviceDescription:
    height, width = device.depth[0].shape
    return describe(device.name, COLOR_SIZE, (width, height))


@dataclass(frozen=True)
class _Player:
    device: SensorFrames

    def __call__(self, stream: str, index: int) -> bytes:
        turn = self.device.turn(index)
        return self.device.color[turn] if stream.endswith("color") else depth_codec.encode(self.device.depth[turn])
