"""The room, or an open floor, behind the people of a cloud: depth and infrared echo of rays in closed form (numba)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numba as nb
import numpy as np
from jaxtyping import Bool, Float, Float32, Int64

from capture.virtual.backdrop import INFRARED, INFRARED_FLOOR
from capture.virtual.baked_room import MIN_COSINE, SIDES, meet_room, side_grid
from capture.virtual.room import FLOOR, HALF_WIDTH_M, draw_room
from geometry.camera import Camera
from geometry.face_raster.exact_depth import moved_ray, ray_steps
from geometry.face_raster.face_image import Window

Around = Literal["room", "floor"]
TEXEL_M: Final = 0.032
"""Of the reflectance. A depth pixel covers 4 to 8 mm of the wall behind somebody, but walls are plain: twice as coarse
as the 16 mm of baked rooms, it takes 18 ms of CPU a scene instead of 57."""
SIDE_M: Final = np.float32(2 * HALF_WIDTH_M)

Samples = tuple[Float32[np.ndarray, "rows columns"], Float32[np.ndarray, "rows columns"]]
"""Depth (metres, inf where there is nothing) and echo (reflectance times cosine over squared metres)."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Surroundings:
    """What stands behind everybody in one scene."""

    reflectance: Float32[np.ndarray, "texels"]
    """Near-infrared, of the room's six sides."""
    sides: Int64[np.ndarray, "6 3"]
    """First texel, rows and columns of each side."""
    around: Around
    """floor: the room's floor goes on for ever, and there is nothing else."""

    @classmethod
    def of(cls, room_seed: int, around: Around = "room") -> Surroundings:
        """Those of a scene."""
        room = draw_room(np.random.default_rng(room_seed))
        reflectance, sides, count = [], [], 0
        for side in range(SIDES):
            echo = INFRARED_FLOOR + room.albedo(side_grid(side, TEXEL_M)) @ INFRARED
            reflectance.append(echo.astype(np.float32).ravel())
            sides.append((count, *echo.shape))
            count += echo.size
        return cls(reflectance=np.concatenate(reflectance), sides=np.array(sides, np.int64), around=around)

    def samples(self, camera: Camera, rays: Float[np.ndarray, "height width 2"], window: Window) -> Samples:
        """Two by two samples of each pixel of a window. `rays` is the camera's ray table."""
        shape = tuple(2 * (part.stop - part.start) for part in window)
        depth, echo = np.empty(shape, np.float32), np.empty(shape, np.float32)
        _samples(*self._given(camera), rays, window[0].start, window[1].start, depth, echo)
        return depth, echo

    def centers(
        self,
        camera: Camera,
        rays: Float[np.ndarray, "height width 2"],
        where: Bool[np.ndarray, "height width"],
    ) -> Samples:
        """The whole image at pixel centres, where it is asked for; elsewhere there is nothing."""
        depth, echo = np.full(where.shape, np.inf, np.float32), np.zeros(where.shape, np.float32)
        _centers(*self._given(camera), rays, where, depth, echo)
        return depth, echo

    def _given(self, camera: Camera) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, bool]:
        T = camera.T_world_camera.astype(np.float32)
        R, origin = np.ascontiguousarray(T[:3, :3]), T[:3, 3].copy()
        return R, origin, self.reflectance, self.sides, self.around == "floor"


@nb.njit(inline="always")
def _meet(R, origin, reflectance, sides, endless, x, y):
    """Depth and echo of the ray (x, y, 1)."""
    dx = R[0, 0] * x + R[0, 1] * y + R[0, 2]
    dy = R[1, 0] * x + R[1, 1] * y + R[1, 2]
    dz = R[2, 0] * x + R[2, 1] * y + R[2, 2]
    if endless:
        t, side, along = np.float32(np.inf), FLOOR, -dz
        u, v = np.float32(0), np.float32(0)
        if dz < 0 < origin[2]:
            t = origin[2] / along
            u, v = (origin[0] + t * dx) / SIDE_M + np.float32(0.5), (origin[1] + t * dy) / SIDE_M + np.float32(0.5)
            u, v = u - np.floor(u), v - np.floor(v)
    else:
        t, side, u, v = meet_room(origin, dx, dy, dz)
        along = abs(dx) if side < 2 else (abs(dy) if side < 4 else abs(dz))
    if not 0 < t < np.inf:  # NaN too: a ray outside the lens model
        return np.float32(np.inf), np.float32(0)
    cosine = along / np.sqrt(x * x + y * y + np.float32(1))
    first, rows, columns = sides[side, 0], sides[side, 1], sides[side, 2]
    row, column = min(max(int(v * rows), 0), rows - 1), min(max(int(u * columns), 0), columns - 1)
    return t, reflectance[first + row * columns + column] * max(cosine, np.float32(MIN_COSINE)) / (t * t)


@nb.njit(cache=True, error_model="numpy")
def _samples(R, origin, reflectance, sides, endless, rays, row0, column0, depth, echo):
    for row in range(depth.shape[0] // 2):
        for column in range(depth.shape[1] // 2):
            steps = ray_steps(rays, row0 + row, column0 + column)
            for i in range(2):
                for j in range(2):
                    x, y = moved_ray(steps, 0.5 * i - 0.25, 0.5 * j - 0.25)
                    place = 2 * row + i, 2 * column + j
                    depth[place], echo[place] = _meet(
                        R, origin, reflectance, sides, endless, np.float32(x), np.float32(y)
                    )


@nb.njit(cache=True, error_model="numpy")
def _centers(R, origin, reflectance, sides, endless, rays, where, depth, echo):
    for row in range(where.shape[0]):
        for column in range(where.shape[1]):
            if where[row, column]:
                x, y = np.float32(rays[row, column, 0]), np.float32(rays[row, column, 1])
                depth[row, column], echo[row, column] = _meet(R, origin, reflectance, sides, endless, x, y)
