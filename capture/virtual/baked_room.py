"""The empty room as textures of its six sides, which a pinhole camera that moves can look up in every frame (numba)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path

import cv2
import numba as nb
import numpy as np
from jaxtyping import Float32, Int64, UInt8

from capture.virtual.backdrop import INFRARED, INFRARED_FLOOR
from capture.virtual.hand_held import CameraMotion
from capture.virtual.light import Lights, srgb_from_linear
from capture.virtual.room import ALBEDO_LIMITS, FLOOR, HALF_WIDTH_M, HEIGHT_M, Room, RoomHits, draw_room
from geometry.camera import Camera

TEXEL_M = 0.004
"""A pixel of the phone covers 2.5 mm of a wall behind the subject, one of a RealSense 4 mm or more."""
INFRARED_TEXEL_M = 0.016
"""A depth pixel of the phone covers 20 mm of that wall."""
KEPT_TEXEL_M = 0.008
"""The light of texels as large as this is kept for the next room of the process: 35 MB at this size."""
LEVELS = 6
SPAN = 32
"""Pixels of a row that share a level of detail."""
SIDES = 6
MIN_COSINE = 0.02
"""As backdrop.infrared_echo."""
_LOW = np.array([-HALF_WIDTH_M, -HALF_WIDTH_M, 0.0], np.float32)
_HIGH = np.array([HALF_WIDTH_M, HALF_WIDTH_M, HEIGHT_M], np.float32)


@dataclass(frozen=True, kw_only=True, eq=False)
class BakedRoom:
    """Colours of the room's sides. The room is a box and its light does not depend on where it is seen from."""

    texels: UInt8[np.ndarray, "texels 3"]
    """sRGB of all levels of all sides, rows from low to high coordinates."""
    levels: Int64[np.ndarray, "6 levels 3"]
    """First texel, rows and columns of each level of each side; a level has half the rows of the one before."""
    reflectance: Float32[np.ndarray, "infrared_texels"]
    """Near-infrared reflectance of all sides."""
    infrared: Int64[np.ndarray, "6 3"]
    """First texel, rows and columns of each side's reflectance."""

    @classmethod
    def of(cls, room: Room, texel_m: float = TEXEL_M) -> BakedRoom:
        """Bakes a room, in seconds."""
        texels, levels, reflectance, infrared = [], [], [], []
        count = echo_count = 0
        for side in range(SIDES):
            hits = side_grid(side, texel_m)
            linear = _radiance(room, side, hits, texel_m)
            for level in range(LEVELS):
                rows, columns = linear.shape[:2]
                texels.append(np.rint(srgb_from_linear(linear)).astype(np.uint8).reshape(-1, 3))
                levels.append((count, rows, columns))
                count += rows * columns
                if level + 1 < LEVELS:
                    half = (max(1, columns // 2), max(1, rows // 2))
                    linear = cv2.resize(linear, half, interpolation=cv2.INTER_AREA)
            echo = INFRARED_FLOOR + room.albedo(side_grid(side, INFRARED_TEXEL_M)) @ INFRARED
            reflectance.append(echo.astype(np.float32).ravel())
            infrared.append((echo_count, *echo.shape))
            echo_count += echo.size
        return cls(
            texels=np.concatenate(texels),
            levels=np.array(levels, np.int64).reshape(SIDES, LEVELS, 3),
            reflectance=np.concatenate(reflectance),
            infrared=np.array(infrared, np.int64),
        )

    def save(self, folder: Path) -> None:
        """Writes one .npy file for each array."""
        folder.mkdir(parents=True)
        for field in fields(self):
            np.save(folder / f"{field.name}.npy", getattr(self, field.name))

    @classmethod
    def load(cls, folder: Path) -> BakedRoom:
        """The arrays of a saved room, mapped from disk: processes share them."""
        return cls(**{field.name: np.load(folder / f"{field.name}.npy", mmap_mode="r") for field in fields(cls)})

    def color(
        self,
        camera: Camera,
        floor_light: Float32[np.ndarray, "cells cells"] | None = None,
        floor_m: float = 1.0,
        *,
        motion: CameraMotion | None = None,
        readout_s: float = 0.0,
    ) -> UInt8[np.ndarray, "height width 3"]:
        """sRGB picture of a camera without distortion that stands in the room.

        `floor_light` is what shadows leave of the light on a square of the floor about the origin, `floor_m` metres on
        a side, rows along y; outside it nothing is darkened. With `motion` each row is seen from where the camera is
        when a rolling shutter exposes it; the middle row at the picture's moment.
        """
        picture = np.empty((camera.height, camera.width, 3), np.uint8)
        dim = np.ones((1, 1), np.float32) if floor_light is None else np.power(floor_light, np.float32(1 / 2.2))
        texel_m = np.float32(2 * HALF_WIDTH_M / self.levels[FLOOR, 0, 2])
        R, center, pinhole = _pinhole(camera)
        turn, shift = np.zeros((3, 3), np.float32), np.zeros(3, np.float32)
        if motion is not None and readout_s:
            row_s = readout_s / camera.height
            turn = (np.cross(motion.angular, R, axisb=0, axisc=0) * row_s).astype(np.float32)
            shift = (motion.linear * row_s).astype(np.float32)
        light = dim.astype(np.float32), np.float32(floor_m)
        _color(R, center, turn, shift, pinhole, self.texels, self.levels, texel_m, *light, picture)
        return picture

    def echo(
        self, camera: Camera, samples: int = 2
    ) -> tuple[Float32[np.ndarray, "sample_rows sample_columns"], Float32[np.ndarray, "sample_rows sample_columns"]]:
        """Depth in metres and infrared amplitude at samples x samples rays of each pixel (1: at the centres)."""
        shape = (samples * camera.height, samples * camera.width)
        depth, amplitude = np.empty(shape, np.float32), np.empty(shape, np.float32)
        _echo(*_pinhole(camera), self.reflectance, self.infrared, samples, depth, amplitude)
        return depth, amplitude


def pinhole_rays(camera: Camera) -> Float32[np.ndarray, "height width 2"]:
    """x/z and y/z of each pixel's centre of a camera without distortion: a ray table for intrinsics used once."""
    rays = np.empty((camera.height, camera.width, 2), np.float32)
    rays[..., 0] = (np.arange(camera.width) - camera.K[0, 2]) / camera.K[0, 0]
    rays[..., 1] = ((np.arange(camera.height) - camera.K[1, 2]) / camera.K[1, 1])[:, None]
    return rays


def _radiance(room: Room, side: int, hits: RoomHits, texel_m: float) -> Float32[np.ndarray, "rows columns 3"]:
    """Linear RGB that leaves a side's texels: as Room.radiance, with the light of most rooms worked out once."""
    standard = Lights.standard()
    same = all(np.array_equal(getattr(room.lights, f.name), getattr(standard, f.name)) for f in fields(Lights))
    if texel_m < KEPT_TEXEL_M or not same:
        return room.radiance(hits)
    light = _standard_light(side, texel_m)
    first, second = ((1, 2), (0, 2), (0, 1))[side // 2]
    albedo = room.side_albedo(side, hits.point[..., first].ravel(), hits.point[..., second].ravel())
    limited = np.clip(albedo.astype(np.float32, copy=False), *ALBEDO_LIMITS)
    return room.glowing(hits, limited.reshape(light.shape) * light)


@lru_cache(maxsize=SIDES)
def _standard_light(side: int, texel_m: float) -> Float32[np.ndarray, "rows columns 3"]:
    """Light that falls on a side's texels from the standard lamps: the same in all rooms, not to be written to."""
    return draw_room(np.random.default_rng(0)).light(side_grid(side, texel_m))


def side_grid(side: int, texel_m: float) -> RoomHits:
    """The centres of a side's texels."""
    across, up = ((1, 2), (0, 2), (0, 1))[side // 2]
    sizes = _HIGH - _LOW
    columns, rows = (int(np.ceil(sizes[axis] / texel_m)) for axis in (across, up))
    point = np.empty((rows, columns, 3), np.float32)
    point[..., across] = _LOW[across] + (np.arange(columns) + 0.5) * sizes[across] / columns
    point[..., up] = (_LOW[up] + (np.arange(rows) + 0.5) * sizes[up] / rows)[:, None]
    point[..., side // 2] = (_LOW, _HIGH)[side % 2][side // 2]
    shape = (rows, columns)
    return RoomHits(t=np.zeros(shape, np.float32), side=np.full(shape, side), point=point)


def _pinhole(camera: Camera) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rotation and centre in the world, and fx, fy, cx, cy."""
    T, K = camera.T_world_camera.astype(np.float32), camera.K
    return np.ascontiguousarray(T[:3, :3]), T[:3, 3].copy(), np.array([K[0, 0], K[1, 1], K[0, 2], K[1, 2]], np.float32)


@nb.njit(cache=True, fastmath=True, inline="always", error_model="numpy")
def meet_room(origin, dx, dy, dz):
    """Distance, side, and place on the side (0 … 1) where a ray from inside leaves the room."""
    best, side = np.float32(np.inf), 0
    if dx != 0:
        best, side = ((_HIGH[0] if dx > 0 else _LOW[0]) - origin[0]) / dx, (1 if dx > 0 else 0)
    if dy != 0:
        t = ((_HIGH[1] if dy > 0 else _LOW[1]) - origin[1]) / dy
        if t < best:
            best, side = t, (3 if dy > 0 else 2)
    if dz != 0:
        t = ((_HIGH[2] if dz > 0 else _LOW[2]) - origin[2]) / dz
        if t < best:
            best, side = t, (5 if dz > 0 else 4)
    x, y, z = origin[0] + best * dx, origin[1] + best * dy, origin[2] + best * dz
    u = ((y - _LOW[1]) / (_HIGH[1] - _LOW[1])) if side < 2 else ((x - _LOW[0]) / (_HIGH[0] - _LOW[0]))
    v = ((z - _LOW[2]) / (_HIGH[2] - _LOW[2])) if side < 4 else ((y - _LOW[1]) / (_HIGH[1] - _LOW[1]))
    return best, side, u, v


@nb.njit(cache=True, fastmath=True, error_model="numpy")
def _color(R_middle, center, turn, shift, pinhole, texels, levels, texel_m, dim, floor_m, picture):
    """Spans of a row that lie on one side (it is flat: both ends on it) cost one division a pixel."""
    fx, fy, cx, cy = pinhole
    per_texel = 1 / (fx * fy * texel_m * texel_m)
    columns = picture.shape[1]
    for row in range(picture.shape[0]):
        y = (np.float32(row) - cy) / fy
        later = np.float32(row) - np.float32(0.5) * np.float32(picture.shape[0] - 1)
        R, origin = R_middle + later * turn, center + later * shift
        start = 0
        while start < columns:
            stop = min(start + SPAN, columns)
            side = _side(R, origin, (np.float32(start) - cx) / fx, y)
            if stop - start > 1 and _side(R, origin, (np.float32(stop - 1) - cx) / fx, y) != side:
                while _side(R, origin, (np.float32(stop - 1) - cx) / fx, y) != side:
                    stop -= 1
            x, dx = (np.float32(start) - cx) / fx, 1 / fx
            _span(R, origin, side, x, dx, y, per_texel, texels, levels, dim, floor_m, picture[row, start:stop])
            start = stop


@nb.njit(cache=True, fastmath=True, inline="always", error_model="numpy")
def _side(R, origin, x, y):
    return meet_room(
        origin,
        R[0, 0] * x + R[0, 1] * y + R[0, 2],
        R[1, 0] * x + R[1, 1] * y + R[1, 2],
        R[2, 0] * x + R[2, 1] * y + R[2, 2],
    )[1]


@nb.njit(cache=True, fastmath=True, error_model="numpy")
def _span(R, origin, side, x, step, y, per_texel, texels, levels, dim, floor_m, line):
    half, one, zero = np.float32(0.5), np.float32(1), np.float32(0)
    normal = side // 2
    across, up = (1 if side < 2 else 0), (2 if side < 4 else 1)
    away = (_HIGH[normal] if side % 2 else _LOW[normal]) - origin[normal]
    # directions along the normal and along the two axes of the side: linear in the pixel
    dn, du, dv = (
        R[normal, 0] * x + R[normal, 1] * y + R[normal, 2],
        R[across, 0] * x + R[across, 1] * y + R[across, 2],
        R[up, 0] * x + R[up, 1] * y + R[up, 2],
    )
    sn, su, sv = R[normal, 0] * step, R[across, 0] * step, R[up, 0] * step
    middle = dn + half * np.float32(len(line)) * sn
    t = away / middle
    covered = t * t * per_texel / max(abs(middle), np.float32(0.02))  # texels of level 0 under a pixel
    level = 0
    while covered > np.float32(2) and level < LEVELS - 1:
        covered *= np.float32(0.25)
        level += 1
    first, rows, columns = levels[side, level, 0], levels[side, level, 1], levels[side, level, 2]
    per_u = np.float32(columns) / (_HIGH[across] - _LOW[across])
    per_v = np.float32(rows) / (_HIGH[up] - _LOW[up])
    u0, v0 = (origin[across] - _LOW[across]) * per_u - half, (origin[up] - _LOW[up]) * per_v - half
    last_u, last_v = np.float32(columns - 1), np.float32(rows - 1)
    cells = dim.shape[0]
    per_cell = np.float32(cells) / floor_m
    for n in range(len(line)):
        k = np.float32(n)
        t = away / (dn + k * sn)
        along_u, along_v = t * (du + k * su), t * (dv + k * sv)
        a, b = min(max(u0 + along_u * per_u, zero), last_u), min(max(v0 + along_v * per_v, zero), last_v)
        left, low = int(a), int(b)
        a, b = a - np.float32(left), b - np.float32(low)
        p = first + low * columns + left
        q = p + (columns if low + 1 < rows else 0)
        right = 1 if left + 1 < columns else 0
        light = one
        if side == FLOOR and cells > 1:
            g = (origin[0] + along_u) * per_cell + half * np.float32(cells - 1)
            h = (origin[1] + along_v) * per_cell + half * np.float32(cells - 1)
            if -half <= g <= np.float32(cells) - half and -half <= h <= np.float32(cells) - half:
                g, h = min(max(g, zero), np.float32(cells - 1)), min(max(h, zero), np.float32(cells - 1))
                i, j = min(int(g), cells - 2), min(int(h), cells - 2)
                g, h = g - np.float32(i), h - np.float32(j)
                near = dim[j, i] * (one - g) + dim[j, i + 1] * g
                light = near * (one - h) + (dim[j + 1, i] * (one - g) + dim[j + 1, i + 1] * g) * h
        w, z = (one - b) * light, b * light
        w0, w1, z0, z1 = w * (one - a), w * a, z * (one - a), z * a
        for channel in range(3):
            line[n, channel] = np.uint8(
                w0 * np.float32(texels[p, channel])
                + w1 * np.float32(texels[p + right, channel])
                + z0 * np.float32(texels[q, channel])
                + z1 * np.float32(texels[q + right, channel])
                + half
            )


@nb.njit(cache=True, fastmath=True, error_model="numpy")
def _echo(R, origin, pinhole, reflectance, infrared, samples, depth, amplitude):
    fx, fy, cx, cy = pinhole
    shift = np.float32(0.5 * (samples - 1))
    for row in range(depth.shape[0]):
        y = ((np.float32(row) - shift) / np.float32(samples) - cy) / fy
        for column in range(depth.shape[1]):
            x = ((np.float32(column) - shift) / np.float32(samples) - cx) / fx
            dx = R[0, 0] * x + R[0, 1] * y + R[0, 2]
            dy = R[1, 0] * x + R[1, 1] * y + R[1, 2]
            dz = R[2, 0] * x + R[2, 1] * y + R[2, 2]
            t, side, u, v = meet_room(origin, dx, dy, dz)
            along = abs(dx) if side < 2 else (abs(dy) if side < 4 else abs(dz))
            cosine = along / np.sqrt(x * x + y * y + np.float32(1))
            first, rows, columns = infrared[side, 0], infrared[side, 1], infrared[side, 2]
            place = first + min(int(v * rows), rows - 1) * columns + min(int(u * columns), columns - 1)
            depth[row, column] = t
            amplitude[row, column] = reflectance[place] * max(cosine, np.float32(MIN_COSINE)) / (t * t)
