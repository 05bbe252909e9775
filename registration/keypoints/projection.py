"""Pixels of points in several cameras with their derivatives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from geometry.camera import Camera
from geometry.distortion import distort, distortion_jacobian
from geometry.rigid import rotate, transform


def project_with_jacobian(
    camera: Camera, p_world: Float[np.ndarray, "*points 3"]
) -> tuple[Float[np.ndarray, "*points 2"], Float[np.ndarray, "*points 2 3"]]:
    """Pixels of world points and their derivatives; NaN behind the camera or outside its lens model."""
    p = transform(camera.T_camera_world, p_world)
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse_z = np.where(p[..., 2] > 0, 1 / p[..., 2], np.nan)
        xy = p[..., :2] * inverse_z[..., None]
        xy = np.where(np.linalg.norm(xy, axis=-1, keepdims=True) <= camera.metric_radius, xy, np.nan)
    d_plane = np.zeros((*p.shape[:-1], 2, 3))
    d_plane[..., 0, 0] = d_plane[..., 1, 1] = inverse_z
    d_plane[..., 2] = -xy * inverse_z[..., None]
    d_pixel = camera.K[:2, :2] @ distortion_jacobian(xy, camera.distortion)
    q = distort(xy, camera.distortion) @ camera.K[:2, :2].T + camera.K[:2, 2]
    return q, d_pixel @ d_plane @ camera.T_camera_world[:3, :3]


def project_all(
    cameras: Sequence[Camera], p_world: Float[np.ndarray, "*points 3"]
) -> Float[np.ndarray, "*points cameras 2"]:
    """Pixels of world points in each camera; NaN behind it or outside its lens model."""
    return np.stack([camera.project(p_world) for camera in cameras], -2)


def rays(
    cameras: Sequence[Camera], q: Float[np.ndarray, "*points cameras 2"]
) -> Float[np.ndarray, "*points cameras 3"]:
    """Unit directions in the world of the rays through pixels, one pixel in each camera; NaN where there is none."""
    directions = []
    for c, camera in enumerate(cameras):
        xy = camera.normalize(q[..., c, :])
        v_camera = np.concatenate([xy, np.ones_like(xy[..., :1])], -1)
        directions.append(rotate(camera.T_world_camera, v_camera / np.linalg.norm(v_camera, axis=-1, keepdims=True)))
    return np.stack(directions, -2)
