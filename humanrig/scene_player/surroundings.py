"""What stands around the people of a scene: points of the fused clouds, and the cameras."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from capture.session import Session
from geometry.camera import Camera
from geometry.rigid import transform
from humanrig.errors import HumanrigError
from humanrig.results import read_arrays
from humanrig.scene_player.packed import Packer

FRUSTUM_DEPTH_M = 0.25
_UNIT16 = 65535


def pack_clouds(
    packer: Packer, session: Session, frames: Mapping[int, int], points: int, notes: list[str]
) -> list[dict[str, Any]]:
    """Clouds of instants (frame of the scene by instant), each thinned out to `points` points; those that are there.

    One that cannot be read is said in the notes.
    """
    packed = []
    for instant, frame in frames.items():
        path = session.path("clouds", f"{instant:06d}.npz")
        try:
            arrays = read_arrays(path) if path.is_file() else {}
        except HumanrigError as error:
            notes.append(f"{error}.")
            continue
        if not len(arrays.get("points", ())):
            continue
        count = len(arrays["points"])
        chosen = np.sort(np.random.default_rng(instant).permutation(count)[:points])
        places = arrays["points"][chosen].astype(np.float64)
        finite = np.isfinite(places).all(1)
        places = places[finite]
        if not len(places):
            continue
        low = places.min(0)
        step = np.maximum(places.max(0) - low, 1e-9) / _UNIT16
        grey = np.full((count, 3), 140, np.uint8)
        packed.append(
            {
                "frame": frame,
                "low": low.tolist(),
                "step": step.tolist(),
                "points": packer.add(np.round((places - low) / step).astype(np.uint16)),
                "colors": packer.add(arrays.get("colors", grey)[chosen][finite].astype(np.uint8)),
            }
        )
    return packed


def camera_lines(cameras: Sequence[Camera], marked: Mapping[str, str]) -> list[dict[str, Any]]:
    """Of each device its name, the lines of its frusta (ends, world, metres), and why it is marked, if it is.

    `marked` names cameras as streams (`kinect_000/color`) or devices.
    """
    devices: dict[str, dict[str, Any]] = {}
    for camera in cameras:
        name = camera.name.split("/")[0]
        reason = marked.get(camera.name, marked.get(name, ""))
        w, h = camera.width - 0.5, camera.height - 0.5
        rays = np.array([[-0.5, -0.5, 1], [w, -0.5, 1], [w, h, 1], [-0.5, h, 1]]) @ np.linalg.inv(camera.K).T
        corners = transform(camera.T_world_camera, FRUSTUM_DEPTH_M * rays)
        if not np.isfinite(corners).all():
            continue
        ends = [p for corner in corners for p in (camera.center, corner)]
        ends += [p for n in range(4) for p in (corners[n], corners[(n + 1) % 4])]
        device = devices.setdefault(name, {"name": name, "lines": [], "place": camera.center.tolist(), "marked": ""})
        device["lines"] += np.round(np.array(ends), 4).ravel().tolist()
        device["marked"] = device["marked"] or reason
    return list(devices.values())
