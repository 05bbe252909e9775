"""A small HuMMan: four Kinects round a person on a floor, seen exactly, in the world of the first colour camera."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from posed_person import moved, person, ring, seen, skin

from geometry.rigid import rigid

FRAMES = (0, 6)
STORED_MM = 0.7
"""Half a millimetre along the axis, on rays up to 35 degrees from it, and float32 depth."""
DEPTH = ring(4)
T_DEPTH_COLOR = rigid(np.eye(3), np.array([-0.032, -0.002, 0.004]))
COLOR = [replace(c, T_world_camera=c.T_world_camera @ np.linalg.inv(T_DEPTH_COLOR)) for c in DEPTH]
T_FILE_WORLD = np.linalg.inv(COLOR[0].T_world_camera)
BODY = person(3, frames=7)


def write_png(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)


@lru_cache(maxsize=1)
def pictures() -> dict:
    """Depth and masks of the depth cameras, masks of the colour cameras, of each frame."""
    found = {}
    for frame in FRAMES:
        body = skin(BODY, frame)
        for n, (depth, color) in enumerate(zip(DEPTH, COLOR)):
            depth_m, owner = seen(depth, body, floor=True)
            found[frame, n] = depth_m, owner == 0, seen(color, body, floor=True)[1] == 0
    return found


IN_FILE = moved(BODY, T_FILE_WORLD)
"""The bodies in the files' world."""
