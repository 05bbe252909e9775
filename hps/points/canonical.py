"""The frame in which networks see a cloud: upright, seen from one side, its middle at the origin."""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import Float

from geometry.rigid import rigid
from hps.errors import HpsError
from hps.points.person_cloud import PersonCloud

CAMERA_UP: Final = (0.0, -1.0, 0.0)
"""Taken for up where it is not known: a camera that is held level (OpenCV axes)."""
STEEP: Final = 0.05
"""Least horizontal share of the way from the camera to the cloud that still says where the front is (3°)."""
STANDING: Final = ((0.0, 0.0, -1.0), (-1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
"""Turn of the root of a person who stands upright in this frame and looks along -x, at the camera."""


def canonical_frame(cloud: PersonCloud) -> Float[np.ndarray, "4 4"]:
    """T_canonical_cloud: z up, the cloud's median at the origin, the first camera that saw a point towards -x.

    The median is that of each of these axes, so that a cloud in another frame has the same canonical frame. One
    camera's clouds are always seen from the same side, and a person who faces it looks along -x. Where no camera is
    known, the cloud's own x axis (or z, where x is up) is kept as near as can be. Raises HpsError for a cloud
    without points or with a point that is not finite.
    """
    if not len(cloud):
        raise HpsError("the cloud has no points; check the mask or the file that it was made of")
    points = np.asarray(cloud.points, np.float64)
    if not np.isfinite(points).all():
        raise HpsError(
            f"{int((~np.isfinite(points)).any(1).sum())} of {len(points)} points are not finite; leave them out"
        )
    z = np.asarray(CAMERA_UP if cloud.up is None else cloud.up, np.float64)
    z = z / np.linalg.norm(z)
    middle, R = points.mean(0), np.eye(3)
    for _ in range(2):  # the mean depends on strays, the median on the axes: first those of the mean, then its own
        x = _forward(cloud, middle, z)
        R = np.stack([x, np.cross(z, x), z])
        middle = np.median(points @ R.T, axis=0) @ R
    return rigid(R, -R @ middle)


def _forward(cloud: PersonCloud, middle: np.ndarray, z: np.ndarray) -> Float[np.ndarray, "3"]:
    """Unit vector at right angles to z, from the first camera to the cloud."""
    seen = cloud.camera[cloud.camera >= 0]
    ways = [middle - np.asarray(cloud.origins, np.float64)[int(seen.min())]] if len(seen) else []
    for way in (*ways, np.array([1.0, 0, 0]), np.array([0, 0, 1.0])):
        length = np.linalg.norm(way)
        x = way - (way @ z) * z
        if length > 0 and np.linalg.norm(x) > STEEP * length:
            return x / np.linalg.norm(x)
    raise AssertionError("x and z cannot both be parallel to up")
