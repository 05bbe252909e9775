"""A lens of fewer numbers that projects as nearly as possible like another."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import least_squares

from geometry.camera import Camera
from geometry.distortion import distort
from geometry.errors import GeometryError

_GRID = (33, 25)
"""Pixels compared, across and down: a lens's residual has a few oscillations over the image, so 25 samples hold it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NearestLens:
    """A camera with k1 k2 p1 p2 alone, and how far it is from the one it stands for."""

    camera: Camera
    rms_px: float
    max_px: float
    """Both over the image, where the first lens's model holds."""


def nearest_radtan(camera: Camera) -> NearestLens:
    """fx fy cx cy k1 k2 p1 p2 nearest to the camera's lens, in pixels over its image; the place stays.

    A lens that has no further numbers comes back as it is. Raises GeometryError when the lens can be inverted nowhere.
    """
    if not camera.distortion[4:].any():
        return NearestLens(camera=camera, rms_px=0.0, max_px=0.0)
    u, v = np.meshgrid(np.linspace(0, camera.width - 1, _GRID[0]), np.linspace(0, camera.height - 1, _GRID[1]))
    q = np.stack([u.ravel(), v.ravel()], -1)
    xy = camera.normalize(q)
    seen = np.isfinite(xy).all(-1)
    if seen.sum() < 8:
        raise GeometryError(
            f"camera '{camera.name}': its lens model holds for no part of the image; calibrate it again"
        )
    q, xy = q[seen], xy[seen]

    def errors(p: np.ndarray) -> np.ndarray:
        return (distort(xy, np.pad(p[4:], (0, 4))) * p[:2] + p[2:4] - q).ravel()

    K = camera.K
    start = np.array([K[0, 0], K[1, 1], K[0, 2], K[1, 2], *camera.distortion[:4]])
    found = least_squares(errors, start, x_scale="jac", method="lm")
    p, apart = found.x, np.linalg.norm(found.fun.reshape(-1, 2), axis=-1)
    nearest = replace(
        camera,
        K=np.array([[p[0], 0, p[2]], [0, p[1], p[3]], [0, 0, 1]]),
        distortion=np.pad(p[4:], (0, 4)),
    )
    return NearestLens(camera=nearest, rms_px=float(np.sqrt((apart**2).mean())), max_px=float(apart.max()))
