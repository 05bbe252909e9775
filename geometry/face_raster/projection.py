"""Vertices on the grid of samples that both drawing backends share, through the true lens model (numba)."""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from jaxtyping import Float, Float32, Float64, Real

from geometry.camera import Camera
from geometry.distortion import distort_point
from geometry.errors import GeometryError
from geometry.face_raster.face_image import Window

NEAR_M = 0.01
"""Faces with a vertex nearer than this to the camera plane are not drawn: no sensor of ours works there."""

GRID = 256
"""Steps a sample to which projected vertices are rounded, as graphics hardware does (8 sub-pixel bits): with the same
steps and whole-number edge tests, every backend covers the same samples."""

FARTHEST = float(2**21 * GRID)
"""Vertices beyond this many steps from the window count as outside the lens: edge products stay within 63 bits."""

_NO_OFFSET = np.zeros((0, 2), np.float32)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Projected:
    """A mesh's vertices as seen by one camera."""

    corners: Float32[np.ndarray, "vertices 4"]
    """Column and row from the window's first sample in whole steps of 1/GRID sample, 1/z in 1/m (NaN where the vertex
    cannot be drawn), and one unused number."""
    nearest: float
    """Largest 1/z of the drawable vertices."""
    farthest: float
    """Smallest 1/z of the drawable vertices."""
    hidden: int
    """How many vertices cannot be drawn: behind the camera, nearer than NEAR_M, or outside the lens model."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PixelPositions:
    """Where one camera sees a mesh's vertices, before they are put on a window's grid of samples."""

    q: Float64[np.ndarray, "vertices 3"]
    """Column and row of the whole image, pixels, and 1/z in 1/m: NaN where the vertex cannot be drawn."""
    width: int
    height: int

    @classmethod
    def of(
        cls,
        camera: Camera,
        vertices_world: Real[np.ndarray, "vertices 3"],
        vertex_offset_px: Real[np.ndarray, "vertices 2"] | None = None,
    ) -> PixelPositions:
        """Projects every vertex and adds its offset; raises GeometryError on offsets of another size."""
        offset = _NO_OFFSET if vertex_offset_px is None else np.ascontiguousarray(vertex_offset_px, np.float32)
        if vertex_offset_px is not None and offset.shape != (len(vertices_world), 2):
            raise GeometryError(
                f"vertex_offset_px has shape {offset.shape}; {len(vertices_world)} vertices need "
                f"{(len(vertices_world), 2)}"
            )
        q = np.empty((len(vertices_world), 3))
        _project(
            vertices_world,
            np.ascontiguousarray(camera.T_camera_world, np.float64),
            np.ascontiguousarray(camera.K, np.float64),
            np.ascontiguousarray(camera.distortion, np.float64),
            float(camera.metric_radius),
            offset,
            q,
        )
        return cls(q=q, width=camera.width, height=camera.height)

    def window(self, margin: int = 2) -> Window | None:
        """The smallest window that holds all vertices that can be drawn, grown by `margin` pixels; None if empty."""
        left, top, right, bottom = _extent(self.q)
        columns = slice(max(left - margin, 0), min(right + margin + 1, self.width))
        rows = slice(max(top - margin, 0), min(bottom + margin + 1, self.height))
        return (rows, columns) if rows.start < rows.stop and columns.start < columns.stop else None

    def on_samples(self, window: Window, subpixels: int, out: Float32[np.ndarray, "vertices 4"]) -> Projected:
        """The vertices on the grid of a window's samples, in `out`; raises GeometryError for less than one sample."""
        if subpixels < 1:
            raise GeometryError(f"subpixels is {subpixels}; it must be at least 1")
        nearest, farthest, hidden = _to_grid(
            self.q, float(window[1].start), float(window[0].start), float(subpixels), out
        )
        return Projected(corners=out, nearest=nearest, farthest=farthest, hidden=hidden)


def covering_window(camera: Camera, vertices_world: Float[np.ndarray, "vertices 3"], margin: int = 2) -> Window | None:
    """The smallest window that holds the projections of the vertices, grown by `margin` pixels; None if empty."""
    return PixelPositions.of(camera, vertices_world).window(margin)


@nb.njit(cache=True, error_model="numpy")
def _project(vertices, T, K, k, metric_radius, offset, out):
    for n in range(len(vertices)):
        vx, vy, vz = float(vertices[n, 0]), float(vertices[n, 1]), float(vertices[n, 2])
        z = T[2, 0] * vx + T[2, 1] * vy + T[2, 2] * vz + T[2, 3]
        nearness = 1 / z
        x = (T[0, 0] * vx + T[0, 1] * vy + T[0, 2] * vz + T[0, 3]) * nearness
        y = (T[1, 0] * vx + T[1, 1] * vy + T[1, 2] * vz + T[1, 3]) * nearness
        xd, yd = distort_point(x, y, k)
        out[n, 0] = K[0, 0] * xd + K[0, 1] * yd + K[0, 2]
        out[n, 1] = K[1, 0] * xd + K[1, 1] * yd + K[1, 2]
        if len(offset):
            out[n, 0] += offset[n, 0]
            out[n, 1] += offset[n, 1]
        inside = z >= NEAR_M and x * x + y * y <= metric_radius * metric_radius
        out[n, 2] = nearness if inside else np.nan


@nb.njit(cache=True, error_model="numpy")
def _to_grid(q, column0, row0, subpixels, out):
    nearest, farthest, hidden = 0.0, np.inf, 0
    shift = 0.5 * (subpixels - 1)
    for n in range(len(q)):
        column = np.rint(((q[n, 0] - column0) * subpixels + shift) * GRID)
        row = np.rint(((q[n, 1] - row0) * subpixels + shift) * GRID)
        if q[n, 2] > 0 and abs(column) < FARTHEST and abs(row) < FARTHEST:
            out[n, 0], out[n, 1], out[n, 2] = column, row, q[n, 2]
            nearest, farthest = max(nearest, q[n, 2]), min(farthest, q[n, 2])
        else:
            out[n, 0], out[n, 1], out[n, 2] = 0, 0, np.nan
            hidden += 1
        out[n, 3] = 0
    return nearest, farthest, hidden


@nb.njit(cache=True)
def _extent(q):
    """First and last column and row that hold the vertices, in whole pixels; an empty range where there are none."""
    left, top, right, bottom = np.inf, np.inf, -np.inf, -np.inf
    for n in range(len(q)):
        if q[n, 2] > 0 and abs(q[n, 0]) < FARTHEST / GRID and abs(q[n, 1]) < FARTHEST / GRID:
            left, right = min(left, q[n, 0]), max(right, q[n, 0])
            top, bottom = min(top, q[n, 1]), max(bottom, q[n, 1])
    if left > right:
        return 0, 0, -(10**9), -(10**9)
    return int(np.floor(left)), int(np.floor(top)), int(np.ceil(right)), int(np.ceil(bottom))
