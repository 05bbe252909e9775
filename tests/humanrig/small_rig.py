"""A small recorded session that a rig can play: devices of 16x12 pixels whose frames are real JPEG and dzp."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import simplejpeg

from capture import depth_codec
from capture.device import DeviceStream
from capture.mcap_recording import McapWriter
from capture.session import Session
from capture.session_info import DeviceInfo
from geometry.camera import Camera
from geometry.camera_files.cameras_json import write_cameras
from geometry.rigid import look_at

WIDTH, HEIGHT = 16, 12
PERIOD_US = 33_333


def small_session(folder: Path, *, devices: int = 2, frames: int = 90, empty: float = 0.25) -> Path:
    """`empty` is the share of depth pixels without a value."""
    depth = np.full((HEIGHT, WIDTH), 1500, np.uint16)
    depth.ravel()[: round(empty * depth.size)] = 0
    payloads = {
        "color": simplejpeg.encode_jpeg(np.full((HEIGHT, WIDTH, 3), 128, np.uint8)),
        "depth": depth_codec.encode(depth),
    }
    names = [f"kinect_{n:03d}" for n in range(devices)]
    streams = [
        DeviceStream(
            name=f"{name}/{kind}", kind=kind, encoding=code, rate_hz=30.0, width=WIDTH, height=HEIGHT,
            delay_us=160 * n if kind == "depth" else 0,
        )
        for n, name in enumerate(names)
        for kind, code in (("color", "jpeg"), ("depth", "dzp"))
    ]  # fmt: skip
    with McapWriter(folder / "recording" / "rig.mcap") as writer:
        for stream in streams:
            writer.add_stream(f"/{stream.name}", stream.encoding)
        for k in range(frames):
            for stream in streams:
                us = k * PERIOD_US + stream.delay_us
                writer.write(f"/{stream.name}", payloads[stream.kind], device_us=us, host_us=us)
    write_cameras(
        folder / "recording" / "cameras.json",
        {stream.name: _camera(stream.name, n) for n, stream in enumerate(streams)},
        source="made up",
    )
    Session.create(
        folder,
        streams=[stream.recorded("recording/rig.mcap", frames) for stream in streams],
        devices=[
            DeviceInfo(name=name, serial=f"00{n}", clock="pulse", sync="subordinate" if n else "master")
            for n, name in enumerate(names)
        ],
        origin="virtual",
    )
    return folder


def _camera(name: str, number: int) -> Camera:
    """Somewhere around the middle."""
    T = look_at(np.array([2.0, 0.3 * number, 1.2]), np.array([0.0, 0.0, 1.0]))
    K = np.array([[14.0, 0, 7.5], [0, 14.0, 5.5], [0, 0, 1]])
    return Camera(name=name, width=WIDTH, height=HEIGHT, K=K, T_world_camera=T)
