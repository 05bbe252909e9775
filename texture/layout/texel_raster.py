"""Kernels of the atlas: which face each texel's centre lies on, and where that is on a posed mesh (numba)."""

from __future__ import annotations

import numba as nb
import numpy as np


@nb.njit(cache=True, nogil=True, error_model="numpy")
def raster_faces(q, faces, owner):
    """Fills the face at each texel's centre, -1 where none is, the earlier of two; returns how many texels have one.

    q are texel coordinates, row downward. A centre on the edge of two faces goes to the earlier one, whichever way they
    turn.
    """
    height, width = owner.shape
    count = 0
    for f in range(len(faces)):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ax, ay, bx, by, cx, cy = q[a, 0], q[a, 1], q[b, 0], q[b, 1], q[c, 0], q[c, 1]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == 0 or not np.isfinite(area):
            continue
        if area < 0:
            bx, by, cx, cy = cx, cy, bx, by
        top, bottom = max(np.ceil(min(ay, by, cy)), 0.0), min(np.floor(max(ay, by, cy)), height - 1.0)
        for row in range(int(top), int(bottom) + 1):
            left, right = min(ax, bx, cx), max(ax, bx, cx)
            for side in range(3):
                if side == 0:
                    px, py, dx, dy = ax, ay, bx - ax, by - ay
                elif side == 1:
                    px, py, dx, dy = bx, by, cx - bx, cy - by
                else:
                    px, py, dx, dy = cx, cy, ax - cx, ay - cy
                if dy != 0:
                    x = px + dx * ((row - py) / dy)
                    if dy > 0:
                        right = min(right, x)
                    else:
                        left = max(left, x)
            first, last = max(np.ceil(left - 1e-9), 0.0), min(np.floor(right + 1e-9), width - 1.0)
            for column in range(int(first), int(last) + 1):
                if owner[row, column] < 0:
                    owner[row, column] = f
                    count += 1
    return count


@nb.njit(cache=True, nogil=True, error_model="numpy")
def grow(owner, source, squares, reach):
    """Fills, in texels within reach of a covered one, which that is (row * width + column); returns how many.

    squares: 255 everywhere; takes the squared distances.
    """
    height, width = owner.shape
    count = 0
    for row in range(height):
        for column in range(width):
            if owner[row, column] < 0 or not (
                (row > 0 and owner[row - 1, column] < 0)
                or (row + 1 < height and owner[row + 1, column] < 0)
                or (column > 0 and owner[row, column - 1] < 0)
                or (column + 1 < width and owner[row, column + 1] < 0)
            ):
                continue
            for y in range(max(row - reach, 0), min(row + reach, height - 1) + 1):
                for x in range(max(column - reach, 0), min(column + reach, width - 1) + 1):
                    square = (y - row) ** 2 + (x - column) ** 2
                    if square <= reach * reach and owner[y, x] < 0 and square < squares[y, x]:
                        count += squares[y, x] == 255
                        squares[y, x] = square
                        source[y, x] = row * width + column
    return count


@nb.njit(cache=True, nogil=True, error_model="numpy")
def list_texels(q, faces, owner, source, flat, face, bary):
    """Lists covered texels and gutters, row by row, with the weights of their face's corners."""
    height, width = owner.shape
    n = 0
    for row in range(height):
        for column in range(width):
            f, x, y = owner[row, column], float(column), float(row)
            if f < 0:
                near = source[row, column]
                if near < 0:
                    continue
                f, x, y = owner[near // width, near % width], float(near % width), float(near // width)
            a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
            ux, uy, vx, vy = q[b, 0] - q[a, 0], q[b, 1] - q[a, 1], q[c, 0] - q[a, 0], q[c, 1] - q[a, 1]
            px, py = x - q[a, 0], y - q[a, 1]
            area = ux * vy - uy * vx
            wb = min(max((px * vy - py * vx) / area, 0.0), 1.0)
            wc = min(max((ux * py - uy * px) / area, 0.0), 1.0 - wb)
            flat[n], face[n] = row * width + column, f
            bary[n, 0], bary[n, 1], bary[n, 2] = 1 - wb - wc, wb, wc
            n += 1


@nb.njit(cache=True, nogil=True, error_model="numpy")
def place_texels(face, bary, faces, vertices, normals, positions, texel_normals):
    """Positions, and unit normals, of texels by the weights of their face's corners."""
    for i in range(len(face)):
        a, b, c = faces[face[i], 0], faces[face[i], 1], faces[face[i], 2]
        wa, wb, wc = bary[i, 0], bary[i, 1], bary[i, 2]
        length = np.float32(0)
        for k in range(3):
            positions[i, k] = wa * vertices[a, k] + wb * vertices[b, k] + wc * vertices[c, k]
            n = wa * normals[a, k] + wb * normals[b, k] + wc * normals[c, k]
            texel_normals[i, k] = n
            length += n * n
        scale = np.float32(1) / np.sqrt(max(length, np.float32(1e-20)))
        for k in range(3):
            texel_normals[i, k] *= scale
