"""How a moving mesh moves in a camera's picture, and where a rolling shutter draws its vertices (numba)."""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from jaxtyping import Float32, Real

from geometry.camera import Camera
from geometry.distortion import distort_point

STEP_S = 1e-3
"""Image velocities are differences over this time: motion of people is straight for longer."""
MOST_ROWS_A_ROW = 0.8
"""An image that falls faster than this part of the readout's speed is drawn as if it fell at this one."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ImageMotion:
    """A mesh's vertices on their way through one picture."""

    velocity_px_s: Float32[np.ndarray, "vertices 2"]
    """Columns and rows a second; 0 for vertices that the camera cannot see."""
    row: Float32[np.ndarray, "vertices"]
    """Where each vertex is at the picture's moment."""
    depth_m: Float32[np.ndarray, "vertices"]
    """Along the optical axis."""

    @property
    def fastest_px_s(self) -> float:
        """Speed of the fastest vertex."""
        return float(np.sqrt(_fastest(self.velocity_px_s)))

    def offset_px(self, height: int, readout_s: float) -> Float32[np.ndarray, "vertices 2"]:
        """How far each vertex has moved, from the picture's moment to when the row that it is then in is exposed.

        The picture's moment is that of its middle row. With row time τ = readout_s / height a vertex at row y with
        velocity u is met at the time t = τ (y + u_y t - (height - 1) / 2), so
        t = τ (y - (height - 1) / 2) / (1 - τ u_y).
        """
        row_s = readout_s / height
        passing = np.maximum(1 - row_s * self.velocity_px_s[:, 1], 1 - MOST_ROWS_A_ROW)
        late = row_s * (np.clip(self.row, 0, height - 1) - (height - 1) / 2) / passing
        return (self.velocity_px_s * late[:, None]).astype(np.float32)


def image_motion(
    camera: Camera, vertices_world: Real[np.ndarray, "vertices 3"], velocity: Real[np.ndarray, "vertices 3"]
) -> ImageMotion:
    """Motion of vertices with these velocities (world, m/s; for a moving camera, relative to it)."""
    count = len(vertices_world)
    motion = ImageMotion(
        velocity_px_s=np.zeros((count, 2), np.float32),
        row=np.zeros(count, np.float32),
        depth_m=np.zeros(count, np.float32),
    )
    _project_twice(
        vertices_world,
        velocity,
        np.ascontiguousarray(camera.T_camera_world, np.float64),
        np.ascontiguousarray(camera.K, np.float64),
        np.ascontiguousarray(camera.distortion, np.float64),
        float(camera.metric_radius) ** 2,
        STEP_S,
        motion.velocity_px_s,
        motion.row,
        motion.depth_m,
    )
    return motion


@nb.njit(inline="always")
def _place(T, K, k, x, y, z):
    """Pixel and depth of a world point, and its squared distance from the axis on the plane z = 1."""
    w = T[2, 0] * x + T[2, 1] * y + T[2, 2] * z + T[2, 3]
    u = (T[0, 0] * x + T[0, 1] * y + T[0, 2] * z + T[0, 3]) / w
    v = (T[1, 0] * x + T[1, 1] * y + T[1, 2] * z + T[1, 3]) / w
    ud, vd = distort_point(u, v, k)
    return K[0, 0] * ud + K[0, 1] * vd + K[0, 2], K[1, 0] * ud + K[1, 1] * vd + K[1, 2], w, u * u + v * v


@nb.njit(cache=True)
def _fastest(velocity):
    """Largest squared length."""
    fastest = np.float32(0)
    for n in range(len(velocity)):
        fastest = max(fastest, velocity[n, 0] * velocity[n, 0] + velocity[n, 1] * velocity[n, 1])
    return fastest


@nb.njit(cache=True, error_model="numpy")
def _project_twice(vertices, velocity, T, K, k, radius2, step, speed, row, depth):
    for n in range(len(vertices)):
        x, y, z = float(vertices[n, 0]), float(vertices[n, 1]), float(vertices[n, 2])
        _, row0, depth0, r0 = _place(T, K, k, x, y, z)
        depth[n] = depth0
        if not (depth0 > 0 and r0 <= radius2):
            continue
        row[n] = row0
        vx, vy, vz = velocity[n, 0], velocity[n, 1], velocity[n, 2]
        if vx == 0 and vy == 0 and vz == 0:
            continue
        half = 0.5 * step
        before = _place(T, K, k, x - half * vx, y - half * vy, z - half * vz)
        after = _place(T, K, k, x + half * vx, y + half * vy, z + half * vz)
        if before[2] > 0 and after[2] > 0 and before[3] <= radius2 and after[3] <= radius2:
            speed[n, 0] = (after[0] - before[0]) / step
            speed[n, 1] = (after[1] - before[1]) / step
