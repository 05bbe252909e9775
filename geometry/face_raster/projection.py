"""Vertices on the grid of samples that both drawing backends share, through the true lens model (numba)."""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from jaxtyping import Float, Float32, Real

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


def project_to_samples(
    camera: Camera,
    vertices_world: Real[np.ndarray, "vertices 3"],
    window: Window,
    subpixels: int,
    vertex_offset_px: Real[np.ndarray, "vertices 2"] | None,
    out: Float32[np.ndarray, "vertices 4"],
) -> Projected:
    """Projects every vertex into `out`; raises GeometryError on a sample count or array that cannot be used."""
    if subpixels < 1:
        raise GeometryError(f"subpixels is {subpixels}; it must be at least 1")
    offset = _NO_OFFSET if vertex_offset_px is None else np.ascontiguousarray(vertex_offset_px, np.float32)
    if vertex_offset_px is not None and offset.shape != (len(vertices_world), 2):
        raise GeometryError(
            f"vertex_offset_px has shape {offset.shape}; {len(vertices_world)} vertices need {(len(vertices_world), 2)}"
        )
    nearest, farthest, hidden = _project(
        vertices_world,
        np.ascontiguousarray(camera.T_camera_world, np.float64),
        np.ascontiguousarray(camera.K, np.float64),
        np.ascontiguousarray(camera.distortion, np.float64),
        float(camera.metric_radius),
        float(window[1].start),
        float(window[0].start),
        float(subpixels),
        offset,
        out,
    )
    return Projected(corners=out, nearest=nearest, farthest=farthest, hidden=hidden)


def covering_window(camera: Camera, vertices_world: Float[np.ndarray, "vertices 3"], margin: int = 2) -> Window | None:
    """The smallest window that holds the projections of the vertices, grown by `margin` pixels; None if empty."""
    whole = slice(0, camera.height), slice(0, camera.width)
    out = np.empty((len(vertices_world), 4), np.float32)
    corners = project_to_samples(camera, vertices_world, whole, 1, None, out).corners
    left, top, right, bottom = _extent(corners)
    columns = slice(max(int(left // GRID) - margin, 0), min(int(-(-right // GRID)) + margin + 1, camera.width))
    rows = slice(max(int(top // GRID) - margin, 0), min(int(-(-bottom // GRID)) + margin + 1, camera.height))
    return (rows, columns) if rows.start < rows.stop and columns.start < columns.stop else None


@nb.njit(cache=True, error_model="numpy")
def _project(vertices, T, K, k, metric_radius, column0, row0, subpixels, offset, out):
    nearest, farthest, hidden = 0.0, np.inf, 0
    shift = 0.5 * (subpixels - 1)
    for n in range(len(vertices)):
        vx, vy, vz = float(vertices[n, 0]), float(vertices[n, 1]), float(vertices[n, 2])
        z = T[2, 0] * vx + T[2, 1] * vy + T[2, 2] * vz + T[2, 3]
        nearness = 1 / z
        x = (T[0, 0] * vx + T[0, 1] * vy + T[0, 2] * vz + T[0, 3]) * nearness
        y = (T[1, 0] * vx + T[1, 1] * vy + T[1, 2] * vz + T[1, 3]) * nearness
        xd, yd = distort_point(x, y, k)
        column = K[0, 0] * xd + K[0, 1] * yd + K[0, 2]
        row = K[1, 0] * xd + K[1, 1] * yd + K[1, 2]
        if len(offset):
            column += offset[n, 0]
            row += offset[n, 1]
        column = np.rint(((column - column0) * subpixels + shift) * GRID)
        row = np.rint(((row - row0) * subpixels + shift) * GRID)
        inside = z >= NEAR_M and x * x + y * y <= metric_radius * metric_radius
        if inside and abs(column) < FARTHEST and abs(row) < FARTHEST:
            out[n, 0], out[n, 1], out[n, 2] = column, row, nearness
            nearest, farthest = max(nearest, nearness), min(farthest, nearness)
        else:
            out[n, 0], out[n, 1], out[n, 2] = 0, 0, np.nan
            hidden += 1
        out[n, 3] = 0
    return nearest, farthest, hidden


@nb.njit(cache=True)
def _extent(corners):
    left, top, right, bottom = np.inf, np.inf, -np.inf, -np.inf
    for n in range(len(corners)):
        if corners[n, 2] > 0:
            left, right = min(left, corners[n, 0]), max(right, corners[n, 0])
            top, bottom = min(top, corners[n, 1]), max(bottom, corners[n, 1])
    if left > right:
        return 0.0, 0.0, -1e9, -1e9
    return left, top, right, bottom
