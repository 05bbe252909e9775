"""What the other cameras say of each point: the mean surface, who confirms it, and who looks through it (numba)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numba as nb
import numpy as np
from jaxtyping import Float64, Int32, Int64

from geometry.camera import Camera
from registration.clouds.view_points import ViewPoints

GATE_M = 0.012
"""Surfaces of two cameras are one when they are this close along the normal: five times the noise of both. A limb's
far side, which may be as close, has another normal."""
GATE_BESIDE_M = 0.012
"""…and this close along the surface: two pixels."""
SAME_SIDE = 0.5
"""Least cosine between the normals of one surface (60°)."""
FACING = 0.15
"""A camera that would see the surface more edge-on than this cosine (81°) says nothing about it."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Stack:
    """The points of all views in one array each, and how a point finds the pixels of another view."""

    points: Float64[np.ndarray, "points 3"]
    normals: Float64[np.ndarray, "points 3"]
    sigma: Float64[np.ndarray, "points"]
    person: Int32[np.ndarray, "points"]
    view: Int32[np.ndarray, "points"]
    index: Int32[np.ndarray, "pixels"]
    """The boxes of all views, one after the other: which point a pixel is, -1 for none."""
    boxes: Int32[np.ndarray, "views 5"]
    """First pixel in `index`, first row and column in the image, rows, columns."""
    lenses: Float64[np.ndarray, "views 29"]
    """Rotation and translation from the world (12), centre (3), fx, skew, cx, fy, cy (5), distortion (8), square of
    the metric radius."""


def stack_views(views: Sequence[ViewPoints]) -> Stack:
    """All views side by side."""
    first = np.cumsum([0, *(len(v.points) for v in views)])
    pixels = np.cumsum([0, *(v.index.size for v in views)])
    index = [np.where(v.index >= 0, v.index + n, -1).ravel() for v, n in zip(views, first)]
    boxes = [[p, *v.corner, *v.index.shape] for v, p in zip(views, pixels)]
    return Stack(
        points=np.concatenate([v.points for v in views]),
        normals=np.concatenate([v.normals for v in views]),
        sigma=np.concatenate([v.sigma for v in views]),
        person=np.concatenate([v.person for v in views]).astype(np.int32),
        view=np.repeat(np.arange(len(views), dtype=np.int32), np.diff(first)),
        index=np.concatenate(index).astype(np.int32),
        boxes=np.array(boxes, np.int32).reshape(-1, 5),
        lenses=np.array([_lens(v.camera) for v in views]).reshape(-1, 29),
    )


def _lens(camera: Camera) -> Float64[np.ndarray, "29"]:
    K, square = camera.K, camera.metric_radius**2
    return np.array([*camera.T_camera_world[:3].ravel(), *camera.center, *K[0], *K[1, 1:], *camera.distortion, square])


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Agreement:
    """What the other cameras say of each point."""

    points: Float64[np.ndarray, "points 3"]
    """Moved along the normal to the mean surface."""
    sigma: Float64[np.ndarray, "points"]
    """Standard deviation of that mean along the normal, metres."""
    views: Int32[np.ndarray, "points"]
    """Other cameras that see this surface."""
    pairs: Float64[np.ndarray, "views views 3"]
    """By own and other camera: how many points, the sum of their squared distances, and of the squared σ of both."""


def agree(stack: Stack, which: Int64[np.ndarray, "some"] | None = None) -> Agreement:
    """The mean surface at each point (at some of them), over its own camera and all that see it within the gates."""
    which = np.arange(len(stack.points)) if which is None else which
    out, pair = np.empty((len(which), 5)), np.zeros((len(stack.boxes), len(stack.boxes), 3))
    s = stack
    # one cache line for each point
    packed = np.empty((len(s.points), 8), np.float32)
    packed[:, :3], packed[:, 3:6], packed[:, 6], packed[:, 7] = s.points, s.normals, s.sigma, s.person
    gates = (GATE_M, GATE_BESIDE_M, SAME_SIDE, FACING)
    _agree(s.points, packed, s.view, s.index, s.boxes, s.lenses, gates, which, pair, out)
    return Agreement(points=out[:, :3], sigma=out[:, 3], views=out[:, 4].astype(np.int32), pairs=pair)


@nb.njit(cache=True, error_model="numpy", inline="always")
def _pixel(px, py, pz, lens):
    """Column and row of a world point in a camera, -1 where there is none."""
    z = lens[8] * px + lens[9] * py + lens[10] * pz + lens[11]
    if z <= 0.05:
        return -1, -1
    x = (lens[0] * px + lens[1] * py + lens[2] * pz + lens[3]) / z
    y = (lens[4] * px + lens[5] * py + lens[6] * pz + lens[7]) / z
    r2 = x * x + y * y
    if r2 > lens[28]:
        return -1, -1
    top = 1 + r2 * (lens[20] + r2 * (lens[21] + r2 * lens[24]))
    radial = top / (1 + r2 * (lens[25] + r2 * (lens[26] + r2 * lens[27])))
    xd = x * radial + 2 * lens[22] * x * y + lens[23] * (r2 + 2 * x * x)
    yd = y * radial + lens[22] * (r2 + 2 * y * y) + 2 * lens[23] * x * y
    return int(np.floor(lens[15] * xd + lens[16] * yd + lens[17] + 0.5)), int(np.floor(lens[18] * yd + lens[19] + 0.5))


@nb.njit(cache=True, error_model="numpy")
def _agree(points, packed, view, index, boxes, lenses, gates, which, pair, out):
    gate, beside, same_side, facing = gates
    for m in range(len(which)):
        i = which[m]
        own = packed[i]
        px, py, pz = points[i, 0], points[i, 1], points[i, 2]
        nx, ny, nz = float(own[3]), float(own[4]), float(own[5])
        variance = float(own[6]) * float(own[6])
        weight, pull, count = 1 / variance, 0.0, 0
        for j in range(len(boxes)):
            if j == view[i]:
                continue
            lens, box = lenses[j], boxes[j]
            vx, vy, vz = lens[12] - px, lens[13] - py, lens[14] - pz
            along = vx * nx + vy * ny + vz * nz
            if along <= 0 or along * along < facing * facing * (vx * vx + vy * vy + vz * vz):
                continue
            column, row = _pixel(px, py, pz, lens)
            row, column = row - box[1], column - box[2]
            if row < 0 or column < 0 or row >= box[3] or column >= box[4]:
                continue
            k = index[box[0] + row * box[4] + column]
            if k < 0:
                continue
            other = packed[k]
            same = other[3] * nx + other[4] * ny + other[5] * nz
            if same < same_side or other[7] != own[7]:
                continue
            dx, dy, dz = other[0] - px, other[1] - py, other[2] - pz
            d = (dx * other[3] + dy * other[4] + dz * other[5]) / same
            if abs(d) > gate or dx * dx + dy * dy + dz * dz > beside * beside + gate * gate:
                continue
            square = float(other[6]) * float(other[6])
            weight += 1 / square
            pull += d / square
            count += 1
            pair[view[i], j, 0] += 1
            pair[view[i], j, 1] += d * d
            pair[view[i], j, 2] += variance + square
        move = pull / weight
        out[m, 0], out[m, 1], out[m, 2] = px + move * nx, py + move * ny, pz + move * nz
        out[m, 3] = 1 / np.sqrt(weight)
        out[m, 4] = count
