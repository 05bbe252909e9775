"""A small ray-cast rig: devices around a floor with furniture and a thing that moves, recorded as a session."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import simplejpeg

from capture import depth_codec
from capture.iphone.message import PhoneMessage
from capture.mcap_recording import McapWriter
from capture.session import Session
from capture.session_info import DeviceInfo, StreamInfo
from geometry.camera import Camera
from geometry.camera_files.cameras_json import write_cameras
from geometry.depth import encode_depth_mm
from geometry.rays import RayScene
from geometry.rigid import from_rotvec, look_at

DISTORTION = np.array([5.2, 3.4, 0.0002, -0.0001, 0.17, 5.55, 5.0, 0.9])
"""Like an Azure Kinect's depth camera: 13 % inwards at 0.7 from the axis."""
T_DEPTH_COLOR = from_rotvec(np.array([0.02, 0.01, 0.0]), np.array([0.032, 0.002, 0.004]))
PERIOD_US = 33_333


def box(center, size):
    """Vertices and faces of a box."""
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * np.array(size) / 2 + center
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    return corners, np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))])


def scene(index: int) -> RayScene:
    """Floor, a table, a shelf, and a post that walks along x by 6 cm a frame."""
    parts = [
        box([0, 0, -0.05], [8, 8, 0.1]),
        box([0.6, 0.5, 0.35], [0.5, 0.7, 0.7]),
        box([-0.7, 0.4, 0.6], [0.3, 0.5, 1.2]),
        box([-0.6 + 0.06 * index, -0.3, 0.8], [0.3, 0.25, 1.6]),
    ]
    vertices, faces, count = [], [], 0
    for v, f in parts:
        vertices.append(v)
        faces.append(f + count)
        count += len(v)
    return RayScene(np.concatenate(vertices), np.concatenate(faces))


def ring(count: int, color=(160, 120), depth=(128, 104), distorted: bool = True) -> dict[str, Camera]:
    """Colour and depth cameras of `count` devices on an arc around the middle, looking down a little."""
    cameras = {}
    for n in range(count):
        angle = np.radians(70 * n)
        eye = np.array([2.2 * np.cos(angle), 2.2 * np.sin(angle), 1.5 + 0.1 * n])
        T = look_at(eye, np.array([0.0, 0, 0.7]))
        for kind, (width, height), T_device in (("color", color, T_DEPTH_COLOR), ("depth", depth, np.eye(4))):
            K = np.array([[0.75 * width, 0, width / 2 - 0.7], [0, 0.75 * width, height / 2 + 0.4], [0, 0, 1]])
            name = f"kinect_{n:03d}/{kind}"
            cameras[name] = Camera(
                name=name, K=K, width=width, height=height, T_world_camera=T @ T_device, metric_radius=1.7,
                distortion=DISTORTION if distorted else np.zeros(8),
            )  # fmt: skip
    return cameras


def render(cast: RayScene, camera: Camera):
    """Depth in millimetres, and a picture whose colours are those of the places in the room."""
    hits = cast.cast_camera(camera)
    depth = encode_depth_mm(hits.t)
    colors = np.array([[90, 90, 90], [200, 60, 50], [40, 90, 200], [240, 230, 90]], np.uint8)
    part = np.where(hits.face < 0, 0, hits.face // 12)
    stripes = ((np.nan_to_num(hits.uv).sum(-1) * 8).astype(int) % 2 * 12).astype(np.uint8)
    return depth, colors[part] + stripes[..., None]


def build_rig(folder: Path, count: int = 3, frames: int = 6, phone: bool = False, lost=(), **sizes) -> Session:
    """The session; `lost` are (stream, index) of frames that were not recorded."""
    cameras = ring(count, **sizes)
    if phone:
        T = look_at(np.array([0.3, -2.4, 1.2]), np.array([0, 0, 0.7]))
        K = np.array([[300.0, 0, 239.5], [0, 300, 179.5], [0, 0, 1]])
        color = Camera(name="iphone_000/color", K=K, width=480, height=360, T_world_camera=T)
        cameras |= {
            "iphone_000/color": color,
            "iphone_000/depth": replace(color.resized(256, 192), name="iphone_000/depth"),
        }
    streams = []
    with McapWriter(folder / "recording" / "rig.mcap") as writer:
        for name, camera in cameras.items():
            kind = name.split("/")[1]
            encoding = "jpeg" if kind == "color" else "dzp"
            writer.add_stream(f"/{name}", encoding)
            kept = frames - sum(stream == name for stream, _ in lost)
            streams.append(StreamInfo(
                name=name, kind=kind, file="recording/rig.mcap", topic=f"/{name}", encoding=encoding, frames=kept,
                width=camera.width, height=camera.height, rate_hz=30.0,
            ))  # fmt: skip
        if phone:
            writer.add_stream("/iphone_000/imu", "json")
            streams.append(StreamInfo(name="iphone_000/imu", kind="imu", file="recording/rig.mcap",
                                      topic="/iphone_000/imu", encoding="json", frames=frames))  # fmt: skip
        for index in range(frames):
            cast = scene(index)
            time = 1_000_000 + index * PERIOD_US
            for name, camera in cameras.items():
                if (name, index) in lost:
                    continue
                depth, rgb = render(cast, camera)
                data = depth_codec.encode(depth) if name.endswith("depth") else simplejpeg.encode_jpeg(rgb, quality=95)
                writer.write(f"/{name}", data, device_us=time, host_us=time)
            if phone:
                message = PhoneMessage(
                    timestamp_s=time / 1e6,
                    K=cameras["iphone_000/color"].K,
                    T_arkit_camera=np.eye(4),
                    confidence=np.full((192, 256), 2, np.uint8),
                )
                writer.write("/iphone_000/imu", message.encode(), device_us=time, host_us=time)
    write_cameras(folder / "recording" / "cameras.json", cameras, source="the test")
    devices = [
        DeviceInfo(name=f"kinect_{n:03d}", model="azure-kinect", clock="pulse", serial=f"00{n}") for n in range(count)
    ]
    return Session.create(folder, streams=streams, devices=devices, origin="test")
