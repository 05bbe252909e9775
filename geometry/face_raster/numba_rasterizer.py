"""Face indices with no graphics library: a z-buffer over small triangles with whole-number edge tests (numba)."""

from __future__ import annotations

import numba as nb
import numpy as np
from jaxtyping import Int32

from geometry.face_raster.projection import Projected
from geometry.face_raster.rasterizer import FaceRasterizer

BLOCK = 16
"""Samples in rows and columns of the blocks whose farthest depth hides faces; 8 and 16 draw a person equally fast."""
TURNED_BEHIND = np.float64(1 - 2.0**-22)
"""Faces turned away have their 1/z scaled by this, more than float32 rounds, so that at a fold the other side wins."""


class NumbaRasterizer(FaceRasterizer):
    """Draws on one core with numba."""

    name = "numba"

    def __init__(self) -> None:
        """Starts with empty buffers, which grow as needed."""
        super().__init__()
        self._nearness, self._later = np.empty(0, np.float32), np.empty(0, np.int32)

    def _draw(
        self, projected: Projected, faces: Int32[np.ndarray, "faces 3"], height: int, width: int
    ) -> Int32[np.ndarray, "height width"]:
        if self._nearness.size < height * width:
            self._nearness = np.empty(height * width, np.float32)
        if len(self._later) < len(faces):
            self._later = np.empty(len(faces), np.int32)
        nearness = self._nearness[: height * width].reshape(height, width)
        face = np.empty((height, width), np.int32)
        _fill(projected.corners, faces, nearness, face, self._later)
        return face


@nb.njit(cache=True, error_model="numpy", boundscheck=False)
def _fill(corners, faces, nearness, face, later):
    """Fills 1/z and the index of the nearest face. 1/z, not z, is linear in the image.

    Faces turned to the camera come first; then most of the others lie behind what is drawn, and are skipped by a look
    at the farthest depth of whole blocks.
    """
    height, width = face.shape
    nearness[:] = 0
    face[:] = -1
    count = 0
    for f in range(len(faces)):
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        if not (corners[i, 2] > 0 and corners[j, 2] > 0 and corners[k, 2] > 0):
            continue
        left, right, top, bottom = _box(corners, i, j, k, height, width)
        if left > right or top > bottom:
            continue
        ax, ay = np.int64(corners[i, 0]), np.int64(corners[i, 1])
        abx, aby = np.int64(corners[j, 0]) - ax, np.int64(corners[j, 1]) - ay
        acx, acy = np.int64(corners[k, 0]) - ax, np.int64(corners[k, 1]) - ay
        area = abx * acy - aby * acx
        if area < 0:  # rows go down: this side's corners run against the clock in space
            _draw_face(corners, f, i, k, j, -area, 1.0, (left, right, top, bottom), nearness, face)
        elif area > 0:
            later[count] = f
            count += 1
    farthest = _farthest(nearness)
    for n in range(count):
        f = later[n]
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        left, right, top, bottom = _box(corners, i, j, k, height, width)
        if right - left <= BLOCK and bottom - top <= BLOCK:  # the corners' blocks are all that it touches
            r0, r1, c0, c1 = top // BLOCK, bottom // BLOCK, left // BLOCK, right // BLOCK
            drawn = min(farthest[r0, c0], farthest[r0, c1], farthest[r1, c0], farthest[r1, c1])
            if max(corners[i, 2], corners[j, 2], corners[k, 2]) < drawn:
                continue
        ax, ay = np.int64(corners[i, 0]), np.int64(corners[i, 1])
        abx, aby = np.int64(corners[j, 0]) - ax, np.int64(corners[j, 1]) - ay
        acx, acy = np.int64(corners[k, 0]) - ax, np.int64(corners[k, 1]) - ay
        area = abx * acy - aby * acx
        _draw_face(corners, f, i, j, k, area, TURNED_BEHIND, (left, right, top, bottom), nearness, face)


@nb.njit(inline="always")
def _box(corners, i, j, k, height, width):
    """First and last column and row of the samples that a face can cover."""
    ax, bx, cx = np.int64(corners[i, 0]), np.int64(corners[j, 0]), np.int64(corners[k, 0])
    ay, by, cy = np.int64(corners[i, 1]), np.int64(corners[j, 1]), np.int64(corners[k, 1])
    return (
        max((min(ax, bx, cx) + 255) >> 8, 0),
        min(max(ax, bx, cx) >> 8, width - 1),
        max((min(ay, by, cy) + 255) >> 8, 0),
        min(max(ay, by, cy) >> 8, height - 1),
    )


@nb.njit(inline="always")
def _draw_face(corners, f, i, j, k, area, scale, box, nearness, face):
    """Draws one face whose corners i, j, k span a positive doubled area, in steps of the grid squared.

    Its 1/z is scaled by `scale`.
    """
    left, right, top, bottom = box
    ax, bx, cx = np.int64(corners[i, 0]), np.int64(corners[j, 0]), np.int64(corners[k, 0])
    ay, by, cy = np.int64(corners[i, 1]), np.int64(corners[j, 1]), np.int64(corners[k, 1])
    zi, zj, zk = corners[i, 2], corners[j, 2], corners[k, 2]
    x, y = left << 8, top << 8
    # Edge values of the first sample, positive inside; each steps by a constant from sample to sample.
    ea = (cx - bx) * (y - by) - (cy - by) * (x - bx)
    eb = (ax - cx) * (y - cy) - (ay - cy) * (x - cx)
    ec = (bx - ax) * (y - ay) - (by - ay) * (x - ax)
    ea_x, eb_x, ec_x = (by - cy) << 8, (cy - ay) << 8, (ay - by) << 8
    ea_y, eb_y, ec_y = (cx - bx) << 8, (ax - cx) << 8, (bx - ax) << 8
    share = scale / area
    z = (ea * zi + eb * zj + ec * zk) * share
    z_x, z_y = (ea_x * zi + eb_x * zj + ec_x * zk) * share, (ea_y * zi + eb_y * zj + ec_y * zk) * share
    # The top-left rule: a sample exactly on any other edge belongs to the neighbour.
    if not (cy < by or (cy == by and cx > bx)):
        ea -= 1
    if not (ay < cy or (ay == cy and ax > cx)):
        eb -= 1
    if not (by < ay or (by == ay and bx > ax)):
        ec -= 1
    for row in range(top, bottom + 1):
        wa, wb, wc, near, inside = ea, eb, ec, z, False
        for column in range(left, right + 1):
            if (wa | wb | wc) >= 0:
                inside = True
                here = np.float32(near)
                if here > nearness[row, column]:
                    nearness[row, column] = here
                    face[row, column] = f
            elif inside:  # a face's samples of a row lie together
                break
            wa += ea_x
            wb += eb_x
            wc += ec_x
            near += z_x
        ea += ea_y
        eb += eb_y
        ec += ec_y
        z += z_y


@nb.njit(cache=True)
def _farthest(nearness):
    """The least 1/z of each block of samples: 0 where a sample of it is empty."""
    height, width = nearness.shape
    farthest = np.full((-(-height // BLOCK), -(-width // BLOCK)), np.float32(np.inf))
    for row in range(height):
        for column in range(width):
            r, c = row // BLOCK, column // BLOCK
            farthest[r, c] = min(farthest[r, c], nearness[row, column])
    return farthest
