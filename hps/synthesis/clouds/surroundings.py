"""The room, or an open floor, behind the people of a cloud: depth and infrared echo of rays in closed form (numba)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numba as nb
import numpy as np
from jaxtyping import Bool, Float, Float32, Int64, UInt8

from capture.virtual.backdrop import INFRARED, INFRARED_FLOOR
from capture.virtual.baked_room import MIN_COSINE, SIDES, meet_room, side_grid
from capture.virtual.room import FLOOR, HALF_WIDTH_M, draw_room
from geometry.camera import Camera
from geometry.face_raster.exact_depth import ray_steps
from geometry.face_raster.face_image import Window

Around = Literal["room", "floor"]
TEXEL_M: Final = 0.05
"""Of the reflectance, which only weighs what mixes with people at their edges: a third of the time that the 16 mm of
baked rooms take (11 ms of CPU a scene instead of 57)."""
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

    def samples(
        self,
        camera: Camera,
        rays: Float[np.ndarray, "height width 2"],
        window: Window,
        where: UInt8[np.ndarray, "window_rows window_columns"],
    ) -> Samples:
        """Two by two samples of the pixels of a window where they are asked for; elsewhere there is nothing.

        `rays` is the camera's ray table.
        """
        shape = (2 * where.shape[0], 2 * where.shape[1])
        depth, echo = np.full(shape, np.inf, np.float32), np.zeros(shape, np.float32)
        _samples(*self._given(camera), rays, window[0].start, window[1].start, where, depth, echo)
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


@nb.njit(inline="always", fastmath=True)
def _in_room(origin, reflectance, sides, dx, dy, dz, x, y):
    """Depth and echo of the ray (x, y, 1), whose direction in the world is d."""
    t, side, u, v = meet_room(origin, dx, dy, dz)
    along = abs(dx) if side < 2 else (abs(dy) if side < 4 else abs(dz))
    return t, _strength(reflectance, sides, side, u, v, t, along, x, y)


@nb.njit(inline="always", fastmath=True)
def _on_floor(origin, reflectance, sides, dx, dy, dz, x, y):
    """The same over a floor without end, on which the room's own repeats."""
    if not dz < 0 < origin[2]:
        return np.float32(np.inf), np.float32(0)
    t = origin[2] / -dz
    u, v = (origin[0] + t * dx) / SIDE_M + np.float32(0.5), (origin[1] + t * dy) / SIDE_M + np.float32(0.5)
    return t, _strength(reflectance, sides, FLOOR, u - np.floor(u), v - np.floor(v), t, -dz, x, y)


@nb.njit(inline="always", fastmath=True)
def _strength(reflectance, sides, side, u, v, t, along, x, y):
    cosine = along / np.sqrt(x * x + y * y + np.float32(1))
    first, rows, columns = sides[side, 0], sides[side, 1], sides[side, 2]
    row, column = min(int(v * rows), rows - 1), min(int(u * columns), columns - 1)
    return reflectance[first + row * columns + column] * max(cosine, np.float32(MIN_COSINE)) / (t * t)


@nb.njit(inline="always", fastmath=True)
def _turned(R, x, y):
    return R[0, 0] * x + R[0, 1] * y, R[1, 0] * x + R[1, 1] * y, R[2, 0] * x + R[2, 1] * y


@nb.njit(cache=True, fastmath=True, error_model="numpy")
def _samples(R, origin, reflectance, sides, endless, rays, row0, column0, where, depth, echo):
    quarter = np.float32(0.25)
    for row in range(depth.shape[0] // 2):
        for column in range(depth.shape[1] // 2):
            if not where[row, column]:
                continue
            x, y, xd, yd, xr, yr = ray_steps(rays, row0 + row, column0 + column)
            if not (abs(x) < 1e6 and abs(y) < 1e6):  # outside the lens model
                continue
            xd, yd, xr, yr = (
                quarter * np.float32(xd),
                quarter * np.float32(yd),
                quarter * np.float32(xr),
                quarter * np.float32(yr),
            )
            x, y = np.float32(x), np.float32(y)
            cx, cy, cz = _turned(R, x, y)
            cx, cy, cz = cx + R[0, 2], cy + R[1, 2], cz + R[2, 2]
            dx, dy, dz = _turned(R, xd, yd)
            rx, ry, rz = _turned(R, xr, yr)
            for i in range(2):
                for j in range(2):
                    a, b = np.float32(2 * i - 1), np.float32(2 * j - 1)
                    wx, wy, wz = cx + a * dx + b * rx, cy + a * dy + b * ry, cz + a * dz + b * rz
                    sx, sy = x + a * xd + b * xr, y + a * yd + b * yr
                    if endless:
                        t, strength = _on_floor(origin, reflectance, sides, wx, wy, wz, sx, sy)
                    else:
                        t, strength = _in_room(origin, reflectance, sides, wx, wy, wz, sx, sy)
                    depth[2 * row + i, 2 * column + j] = t
                    echo[2 * row + i, 2 * column + j] = strength


@nb.njit(cache=True, fastmath=True, error_model="numpy")
def _centers(R, origin, reflectance, sides, endless, rays, where, depth, echo):
    for row in range(where.shape[0]):
        for column in range(where.shape[1]):
            x, y = np.float32(rays[row, column, 0]), np.float32(rays[row, column, 1])
            if not where[row, column] or not (abs(x) < np.float32(1e6) and abs(y) < np.float32(1e6)):
                continue
            dx, dy, dz = _turned(R, x, y)
            dx, dy, dz = dx + R[0, 2], dy + R[1, 2], dz + R[2, 2]
            if endless:
                t, strength = _on_floor(origin, reflectance, sides, dx, dy, dz, x, y)
            else:
                t, strength = _in_room(origin, reflectance, sides, dx, dy, dz, x, y)
            depth[row, column], echo[row, column] = t, strength
