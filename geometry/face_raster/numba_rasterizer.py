"""Face indices with no graphics library: a z-buffer over small triangles with whole-number edge tests (numba)."""

from __future__ import annotations

import numba as nb
import numpy as np
from jaxtyping import Int32

from geometry.face_raster.projection import Projected
from geometry.face_raster.rasterizer import FaceRasterizer


class NumbaRasterizer(FaceRasterizer):
    """Draws on one core with numba."""

    name = "numba"

    def __init__(self) -> None:
        """Starts with an empty z-buffer, which grows as needed."""
        super().__init__()
        self._nearness = np.empty(0, np.float32)

    def _draw(
        self, projected: Projected, faces: Int32[np.ndarray, "faces 3"], height: int, width: int
    ) -> Int32[np.ndarray, "height width"]:
        if self._nearness.size < height * width:
            self._nearness = np.empty(height * width, np.float32)
        nearness = self._nearness[: height * width].reshape(height, width)
        face = np.empty((height, width), np.int32)
        _fill(projected.corners, faces, nearness, face)
        return face


@nb.njit(cache=True, error_model="numpy", boundscheck=False)
def _fill(corners, faces, nearness, face):
    """Fills 1/z and the index of the nearest face. 1/z, not z, is linear in the image."""
    height, width = face.shape
    nearness[:] = 0
    face[:] = -1
    for f in range(len(faces)):
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        zi, zj, zk = corners[i, 2], corners[j, 2], corners[k, 2]
        if not (zi > 0 and zj > 0 and zk > 0):
            continue
        ax, bx, cx = np.int64(corners[i, 0]), np.int64(corners[j, 0]), np.int64(corners[k, 0])
        left, right = max((min(ax, bx, cx) + 255) >> 8, 0), min(max(ax, bx, cx) >> 8, width - 1)
        if left > right:
            continue
        ay, by, cy = np.int64(corners[i, 1]), np.int64(corners[j, 1]), np.int64(corners[k, 1])
        top, bottom = max((min(ay, by, cy) + 255) >> 8, 0), min(max(ay, by, cy) >> 8, height - 1)
        if top > bottom:
            continue
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == 0:
            continue
        if area < 0:  # turned away: walk it the other way round
            bx, by, zj, cx, cy, zk, area = cx, cy, zk, bx, by, zj, -area
        x, y = left << 8, top << 8
        # Edge values of the first sample, positive inside; each steps by a constant from sample to sample.
        ea = (cx - bx) * (y - by) - (cy - by) * (x - bx)
        eb = (ax - cx) * (y - cy) - (ay - cy) * (x - cx)
        ec = (bx - ax) * (y - ay) - (by - ay) * (x - ax)
        ea_x, eb_x, ec_x = (by - cy) << 8, (cy - ay) << 8, (ay - by) << 8
        ea_y, eb_y, ec_y = (cx - bx) << 8, (ax - cx) << 8, (bx - ax) << 8
        share = 1.0 / area
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
            wa, wb, wc, near = ea, eb, ec, z
            for column in range(left, right + 1):
                if (wa | wb | wc) >= 0 and near > nearness[row, column]:
                    nearness[row, column] = near
                    face[row, column] = f
                wa += ea_x
                wb += eb_x
                wc += ec_x
                near += z_x
            ea += ea_y
            eb += eb_y
            ec += ec_y
            z += z_y
