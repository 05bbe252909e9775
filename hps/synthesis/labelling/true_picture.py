"""What the rays through a pinhole camera's pixel centres meet: depth, normal, whose surface and which part (numba)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numba as nb
import numpy as np
from jaxtyping import Float32, Int64, UInt8

from capture.virtual.room import HALF_WIDTH_M, HEIGHT_M
from geometry.camera import Camera
from geometry.face_raster.exact_depth import meet_face, points_in_camera
from hps.synthesis.staging.staged import StagedMoment, StagedScene

_LOW: Final = np.array([-HALF_WIDTH_M, -HALF_WIDTH_M, 0.0])
_HIGH: Final = np.array([HALF_WIDTH_M, HALF_WIDTH_M, HEIGHT_M])
_NO_FACES: Final = np.zeros((0, 0), np.int32)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TruePicture:
    """The truth at every pixel's centre."""

    depth_m: Float32[np.ndarray, "rows columns"]
    """Along the optical axis; NaN where there is nothing, which is outside the room only."""
    normals: UInt8[np.ndarray, "rows columns 3"]
    """round((n + 1) / 2 * 255) of the unit normal, camera frame, turned to the camera; of the flat faces, not smoothed.
    Zeros where there is nothing."""
    owner: UInt8[np.ndarray, "rows columns"]
    """0 room, 1 + actor, then 1 + actors + thing."""
    part: UInt8[np.ndarray, "rows columns"]
    """1 + the SMPL joint whose skin, or the cloth over it, it is; 0 elsewhere."""
    seen: Int64[np.ndarray, "owners 5"]
    """Of each owner, the room first: pixels, first and last column and row; of none (0, width, -1, height, -1)."""


def draw_truth(staged: StagedScene, moment: StagedMoment, camera: Camera) -> TruePicture:
    """The picture of a camera without distortion that stands in the room.

    Which face a pixel sees is decided on the rasterizer's grid of 1/256 px; depth and normal are those of that face's
    plane, exactly on the ray. Equal bits for both of the rasterizer's backends.
    """
    drawable, studio = moment.drawable, staged.studio
    positions = drawable.positions(camera)
    window = positions.window(0)
    face, row0, column0 = _NO_FACES, 0, 0
    if window is not None:
        image = studio.rasterizer.draw(camera, drawable.vertices, drawable.faces, window, 1, positions=positions)
        face, row0, column0 = image.face, window[0].start, window[1].start
    owners = len(staged.people) + len(staged.things)
    seen = np.tile(np.array([0, camera.width, -1, camera.height, -1]), (owners + 1, 1))
    shape = (camera.height, camera.width)
    depth, normals = np.empty(shape, np.float32), np.empty((*shape, 3), np.uint8)
    owner, part = np.empty(shape, np.uint8), np.empty(shape, np.uint8)
    _fill(
        face,
        row0,
        column0,
        points_in_camera(camera, drawable.vertices),
        drawable.faces,
        studio.figure.owners,
        staged.part_of_face,
        np.array([camera.K[0, 0], camera.K[1, 1], camera.K[0, 2], camera.K[1, 2]], np.float64),
        np.ascontiguousarray(camera.T_world_camera, np.float64),
        depth,
        normals,
        owner,
        part,
        seen,
    )
    return TruePicture(depth_m=depth, normals=normals, owner=owner, part=part, seen=seen)


@nb.njit(cache=True, error_model="numpy")
def _fill(face, row0, column0, p_camera, faces, owners, parts, pinhole, T, depth, normals, owner, part, seen):
    fx, fy, cx, cy = pinhole
    rows, columns = depth.shape
    for row in range(rows):
        y = (row - cy) / fy
        inside = 0 <= row - row0 < face.shape[0]
        for column in range(columns):
            x = (column - cx) / fx
            f = -1
            if inside and 0 <= column - column0 < face.shape[1]:
                f = face[row - row0, column - column0]
            if f >= 0:
                z, _, _, nx, ny, nz = meet_face(p_camera, faces[f, 0], faces[f, 1], faces[f, 2], x, y)
                who, which = owners[f] + 1, parts[f]
            else:
                z, nx, ny, nz = _meet_room(T, x, y)
                who, which = 0, np.uint8(0)
            owner[row, column], part[row, column] = who, which
            seen[who, 0] += 1
            seen[who, 1], seen[who, 2] = min(seen[who, 1], column), max(seen[who, 2], column)
            seen[who, 3], seen[who, 4] = min(seen[who, 3], row), max(seen[who, 4], row)
            length = np.sqrt(nx * nx + ny * ny + nz * nz)
            if not (z > 0 and np.isfinite(z) and length > 0):
                depth[row, column] = np.nan
                normals[row, column] = 0
                continue
            depth[row, column] = z
            scale = 127.5 / length if nx * x + ny * y + nz <= 0 else -127.5 / length
            normals[row, column, 0] = np.uint8(nx * scale + 128.0)
            normals[row, column, 1] = np.uint8(ny * scale + 128.0)
            normals[row, column, 2] = np.uint8(nz * scale + 128.0)


@nb.njit(inline="always")
def _meet_room(T, x, y):
    """Depth where the ray (x, y, 1) leaves the room, and the side's normal in the camera frame."""
    best, axis, sign = np.inf, 0, 1.0
    for n in range(3):
        d = T[n, 0] * x + T[n, 1] * y + T[n, 2]
        if d != 0:
            t = ((_HIGH[n] if d > 0 else _LOW[n]) - T[n, 3]) / d
            if t < best:
                best, axis, sign = t, n, (-1.0 if d > 0 else 1.0)
    return best, sign * T[axis, 0], sign * T[axis, 1], sign * T[axis, 2]
