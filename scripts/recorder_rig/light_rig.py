"""Small virtual Kinects: pictures and depth of noise, quick to make, that decode and are not all alike."""

from __future__ import annotations

import numpy as np
import simplejpeg

from capture import depth_codec
from capture.device import DeviceDescription, DeviceStream
from capture.session_info import DeviceInfo
from capture.virtual.clocks import ClockEffects, draw_clocks
from capture.virtual.driver import RigTime, VirtualDriver
from capture.virtual.frame_sources import RenderedFrames
from geometry.camera import Camera

SIZE = (640, 576)
DISTINCT = 4


def light_rig(devices: int, seconds: float = 3600.0) -> list[VirtualDriver]:
    """Wired devices at 30 Hz that play for so long; about 150 kB of colour and 250 kB of depth a frame."""
    rng = np.random.default_rng(0)
    color = [_picture(rng) for _ in range(DISTINCT)]
    depth = [depth_codec.encode(_depth(rng)) for _ in range(DISTINCT)]
    names = [f"kinect_{number:03d}" for number in range(devices)]
    clocks = draw_clocks(names, [], effects=ClockEffects.quiet(), seed=0)
    rig = RigTime(master=names[0])

    def render(stream: str, index: int) -> bytes:
        return (color if stream.endswith("color") else depth)[index % DISTINCT]

    return [
        VirtualDriver(name, RenderedFrames(describe(name, SIZE), render, seconds=seconds), clocks[name], rig)
        for name in names
    ]


def describe(name: str, color_size: tuple[int, int], depth_size: tuple[int, int] = (640, 576)) -> DeviceDescription:
    """A Kinect with a colour and a depth stream; kinect_000 is the master."""
    streams = (
        DeviceStream(
            name=f"{name}/color", kind="color", encoding="jpeg", rate_hz=30.0, width=color_size[0], height=color_size[1]
        ),
        DeviceStream(
            name=f"{name}/depth", kind="depth", encoding="dzp", rate_hz=30.0, width=depth_size[0], height=depth_size[1]
        ),
    )
    sync = "master" if name == "kinect_000" else "subordinate"
    info = DeviceInfo(name=name, model="azure-kinect", serial=name[-3:], clock="pulse", sync=sync)
    cameras = tuple(_camera(stream) for stream in streams)
    return DeviceDescription(info=info, streams=streams, cameras=cameras)


def _camera(stream: DeviceStream) -> Camera:
    width, height = stream.width or 0, stream.height or 0
    K = np.array([[504.0, 0, (width - 1) / 2], [0, 504.0, (height - 1) / 2], [0, 0, 1]])
    return Camera(name=stream.name, K=K, width=width, height=height)


def _picture(rng: np.random.Generator) -> bytes:
    small = rng.integers(0, 255, (SIZE[1] // 8, SIZE[0] // 8, 3), np.uint8)
    image = np.repeat(np.repeat(small, 8, 0), 8, 1) // 2 + rng.integers(0, 100, (SIZE[1], SIZE[0], 3), np.uint8)
    return simplejpeg.encode_jpeg(np.ascontiguousarray(image), quality=85)


def _depth(rng: np.random.Generator) -> np.ndarray:
    ramp = np.linspace(1000, 3000, SIZE[1])[:, None] + np.zeros((1, SIZE[0]))
    return (ramp + rng.normal(0, 4, ramp.shape)).astype(np.uint16)
