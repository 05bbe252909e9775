"""A phone's recording as footage with depth: its colour pictures turned upright, its LiDAR, and where it was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np
from jaxtyping import Int64

from calibration.phone.phone_path import PhonePath, phone_path
from capture.iphone.message import PhoneMessage
from capture.session import Session
from geometry.camera import Camera
from geometry.rigid import rigid
from humanrig.errors import HumanrigError
from humanrig.estimating.rgb.footage import Footage
from humanrig.estimating.rgbd.footage import DepthFrame, RgbdFootage

UPRIGHT_ARKIT: Final = np.array([[1.0, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]])
"""ARKit's world is y up; ours z up."""
QUARTER: Final = np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]])
"""R_new_old of a camera whose picture is turned a quarter counterclockwise (numpy.rot90)."""


def phone_footage(session: Session, device: str, frames: tuple[int, int] | None) -> RgbdFootage:
    """Frames of the phone that have colour and depth, counted as its poses are.

    Bodies are told in the phone's own world, turned z up. A picture that was stored lying is turned upright by gravity,
    for people are looked for upright. Raises HumanrigError where no frame has both.
    """
    path = phone_path(session, device)
    low, high = frames or (0, len(path))
    both = np.flatnonzero((path.color_index >= 0) & (path.depth_index >= 0))
    rows = both[(both >= low) & (both < high)]
    if not len(rows):
        raise HumanrigError(
            f"{session.folder}: {device} has {len(both)} frames with colour and depth, none of those asked for; choose "
            "others with --frames"
        )
    turns = _turns(path, rows)
    cameras = [turned(path.camera(int(row), UPRIGHT_ARKIT @ path.Ts_arkit_camera[row]), turns) for row in rows]

    def pictures() -> Iterator[np.ndarray]:
        for frame in session.frames(f"{device}/color", path.color_index[rows].tolist()):
            yield np.ascontiguousarray(np.rot90(np.asarray(frame.payload), turns))

    def depth(row: int) -> DepthFrame:
        number = int(rows[row])
        stored = path.camera(number, UPRIGHT_ARKIT @ path.Ts_arkit_camera[number])
        metres = np.asarray(session.frame(f"{device}/depth", int(path.depth_index[number])).payload)
        message = PhoneMessage.of(session.frame(f"{device}/imu", number).payload)
        told = message.confidence if message.confidence.shape == metres.shape else None
        return DepthFrame(
            depth_m=metres,
            depth_camera=stored.resized(metres.shape[1], metres.shape[0]),
            color_camera=cameras[row],
            confidence=told,
        )

    footage = Footage(
        name=device,
        path=session.folder,
        frames=rows.astype(np.int64),
        time_us=path.time_us[rows],
        width=cameras[0].width,
        height=cameras[0].height,
        pictures=pictures,
        camera=cameras[0],
    )
    return RgbdFootage(footage=footage, depth=depth, frame="the phone's world, z up", upright=True)


def turned(camera: Camera, quarters: int) -> Camera:
    """The camera of its picture turned counterclockwise by quarters, as numpy.rot90 turns it; without distortion."""
    for _ in range(quarters % 4):
        (fx, _, cx), (_, fy, cy), _ = camera.K
        camera = replace(
            camera,
            K=np.array([[fy, 0, cy], [0, fx, camera.width - 1 - cx], [0, 0, 1]]),
            width=camera.height,
            height=camera.width,
            T_world_camera=camera.T_world_camera @ rigid(QUARTER.T, np.zeros(3)),
        )
    return camera


def _turns(path: PhonePath, rows: Int64[np.ndarray, "rows"]) -> int:
    """Quarters by which the pictures are turned so that up is up, in the middle of the frames."""
    up = path.Ts_arkit_camera[rows, 1, :2]  # the world's y in the camera's x and y
    x, y = np.median(up, axis=0)
    if np.hypot(x, y) < 0.3:  # looks up or down: nothing to turn by
        return 0
    found = [np.linalg.matrix_power(QUARTER[:2, :2], k) @ (x, y) for k in range(4)]
    return int(np.argmin([v[1] for v in found]))
