"""Which way is up for a rig whose world is still arbitrary, from how its cameras are mounted."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from calibration.errors import CalibrationError
from geometry.camera import Camera

AGREEMENT = 0.7
"""Least length of the mean of the cameras' own up directions. Upright cameras of a ring that look 30° down have 0.87;
cameras that were turned onto their sides, to the left and to the right, have 0."""
FLAT = 0.5
"""Spread of the camera centres across their plane as a part of that within it, at most: a ring at two heights has 0.1
to 0.2."""


def up_direction(cameras: Mapping[str, Camera]) -> Float[np.ndarray, "3"]:
    """A unit vector in the world within some 20° of the vertical.

    The mean of the image's upward directions; where cameras are mounted on their sides, the normal of the plane through
    their centres, on the side from which more of them look down. Raises CalibrationError where neither says anything.
    """
    if not cameras:
        raise CalibrationError("no camera is placed, so nothing says which way is up; calibrate the rig first")
    mean = -np.mean([camera.T_world_camera[:3, 1] for camera in cameras.values()], 0)
    if (length := float(np.linalg.norm(mean))) >= AGREEMENT:
        return mean / length
    centers = np.stack([camera.center for camera in cameras.values()])
    _, spread, axes = np.linalg.svd(centers - centers.mean(0))
    if len(cameras) < 3 or spread[2] > FLAT * spread[1]:
        raise CalibrationError(
            "the cameras are mounted at different angles and do not stand in a ring, so nothing says which way is up; "
            "take the floor from a board that lies on it"
        )
    looking = np.mean([camera.T_world_camera[:3, 2] for camera in cameras.values()], 0)
    normal = axes[2]
    return -normal if looking @ normal > 0 else normal
