"""The depth beside the colour streams of a session, as the stage `keypoints` lifts joints with it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from calibration.rig import device_of
from capture.frame_sets import Instant
from geometry.camera import Camera
from humanrig.stage import StageContext
from registration.keypoints.lifting import Surfaces
from registration.masks.files import mask_path, read_people
from registration.masks.label_warp import WarpedLabels, warp_labels

FACING = np.cos(np.radians(40.0))
"""Least cosine between the axes of a colour camera without depth and of a depth camera that stands in for its own."""


def depth_beside(color: str, cameras: dict[str, Camera], depth: Sequence[str]) -> str | None:
    """The depth stream of a colour stream's device, else the nearest that looks the same way; None without any."""
    own = [stream for stream in depth if device_of(stream) == device_of(color)]
    if own:
        return own[0]
    axis, center = cameras[color].T_world_camera[:3, 2], cameras[color].center
    facing = [stream for stream in depth if cameras[stream].T_world_camera[:3, 2] @ axis >= FACING]
    return min(facing, key=lambda s: float(np.linalg.norm(cameras[s].center - center)), default=None)


def surfaces(context: StageContext, colors: Sequence[str], cameras: dict[str, Camera]) -> Surfaces | None:
    """Reads the depth and the masks of the context's instants as `colors` see them; None where none has depth."""
    session = context.session
    depth = [s for s in session.of_kind("depth") if s in cameras and context.uses(s)]
    beside = [depth_beside(stream, cameras, depth) for stream in colors]
    if not any(beside):
        return None
    by_number: dict[int, Instant] = {instant.instant: instant for instant in session.instants()}
    instants = [by_number[number] for number in context.instants]
    folder = session.path("masks")

    def read(t: int, c: int) -> WarpedLabels | None:
        stream, instant = beside[c], instants[t]
        if stream is None or not instant.has(stream):
            return None
        person = read_people(mask_path(folder, stream, instant.instant))
        depth_m = session.frame(stream, instant.index[stream]).payload
        return warp_labels(depth_m, person, cameras[stream], cameras[colors[c]])

    return read
