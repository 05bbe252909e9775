"""Points spread over a figure's surface, chosen once for a take and carried along with its vertices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numba as nb
import numpy as np
from jaxtyping import Float, Float32, Int32, Integer, Real
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from capture.errors import CaptureError
from geometry.face_raster.vertex_normals import vertex_normals

SPACING_M = 0.035
"""One sample in each cube of this size and for each of six directions of the surface."""
NEIGHBOURS = 4
TURN_M = 0.03
"""Distance that counts as much as a normal turned by one radian, where vertices look for their samples."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SurfaceSamples:
    """Samples as weighted sums of vertices, and vertices as weighted sums of samples."""

    corners: Int32[np.ndarray, "samples 3"]
    weights: Float32[np.ndarray, "samples 3"]
    nearest: Int32[np.ndarray, "vertices neighbours"]
    """Samples near each vertex on the same connected piece, that face the same way."""
    blend: Float32[np.ndarray, "vertices neighbours"]

    @classmethod
    def of(
        cls,
        vertices: Real[np.ndarray, "vertices 3"],
        faces: Integer[np.ndarray, "faces 3"],
        spacing_m: float = SPACING_M,
    ) -> SurfaceSamples:
        """Spreads samples over a mesh as it lies in one frame. Raises CaptureError for a mesh without faces."""
        if not len(faces):
            raise CaptureError("a figure without faces has no surface to sample; give at least one face")
        vertices = np.asarray(vertices, np.float64)
        corners, weights = _candidates(vertices, np.asarray(faces), spacing_m)
        graph = coo_matrix(
            (np.ones(2 * len(faces)), (faces[:, :2].T.ravel(), faces[:, 1:].T.ravel())), (len(vertices),) * 2
        )
        piece = connected_components(graph, directed=False)[1]
        points = np.einsum("sc,scd->sd", weights, vertices[corners])
        normals = np.cross(
            vertices[corners[:, 1]] - vertices[corners[:, 0]], vertices[corners[:, 2]] - vertices[corners[:, 0]]
        )
        axis = np.argmax(np.abs(normals), 1)
        facing = 2 * axis + (np.take_along_axis(normals, axis[:, None], 1)[:, 0] > 0)
        cell = np.floor((points - points.min(0)) / spacing_m).astype(np.int64)
        key = np.concatenate([cell, facing[:, None], piece[corners[:, :1]]], 1)
        size = key.max(0) + 1
        _, first = np.unique(np.ravel_multi_index(tuple(key.T), tuple(size)), return_index=True)
        corners, weights, points = corners[first], weights[first], points[first]
        v_normals = vertex_normals(vertices, faces).astype(np.float64)
        s_normals = np.einsum("sc,scd->sd", weights, v_normals[corners])
        apart = 1e3 * piece[:, None].astype(np.float64)
        tree = KDTree(np.concatenate([points, TURN_M * s_normals, apart[corners[:, 0]]], 1))
        count = min(NEIGHBOURS, len(points))
        distance, nearest = tree.query(np.concatenate([vertices, TURN_M * v_normals, apart], 1), count)
        distance, nearest = distance.reshape(-1, count), nearest.reshape(-1, count)
        blend = np.where(distance < 100, 1 / np.square(distance + 0.2 * spacing_m), 0)  # never across pieces
        lonely = blend.sum(1) == 0  # vertices without faces
        blend[lonely, 0] = 1
        return cls(
            corners=corners.astype(np.int32),
            weights=weights.astype(np.float32),
            nearest=nearest.astype(np.int32),
            blend=(blend / blend.sum(1, keepdims=True)).astype(np.float32),
        )

    @classmethod
    def joined(cls, parts: Sequence[SurfaceSamples]) -> SurfaceSamples:
        """Those of several meshes whose vertices are concatenated in this order."""
        vertices = np.cumsum([0, *(len(part.nearest) for part in parts)], dtype=np.int32)
        samples = np.cumsum([0, *(len(part.corners) for part in parts)], dtype=np.int32)
        widest = max(part.nearest.shape[1] for part in parts)
        return cls(
            corners=np.concatenate([part.corners + first for part, first in zip(parts, vertices)]),
            weights=np.concatenate([part.weights for part in parts]),
            nearest=np.concatenate([_widened(part.nearest + first, widest) for part, first in zip(parts, samples)]),
            blend=np.concatenate([_widened(part.blend, widest, 0) for part in parts]),
        )

    def at(self, values: Real[np.ndarray, "vertices channels"]) -> Float32[np.ndarray, "samples channels"]:
        """Values of the vertices (places, normals) at the samples."""
        out = np.empty((len(self.corners), values.shape[1]), np.float32)
        _gather(np.ascontiguousarray(values, np.float32), self.corners, self.weights, out)
        return out

    def spread(self, values: Float[np.ndarray, "samples"]) -> Float32[np.ndarray, "vertices"]:
        """Values of the samples at the vertices."""
        out = np.empty((len(self.nearest), 1), np.float32)
        _gather(np.ascontiguousarray(values, np.float32)[:, None], self.nearest, self.blend, out)
        return out[:, 0]


def _widened(values: np.ndarray, columns: int, fill: int | None = None) -> np.ndarray:
    """More columns, with `fill` or (None) the first column's values in them."""
    missing = columns - values.shape[1]
    more = values[:, :1].repeat(missing, 1) if fill is None else np.full((len(values), missing), fill, values.dtype)
    return np.concatenate([values, more], 1)


def _candidates(vertices: np.ndarray, faces: np.ndarray, spacing_m: float) -> tuple[np.ndarray, np.ndarray]:
    """Barycentric points so close that no cube of the spacing is left out: one for small faces, a grid for large."""
    edges = vertices[faces] - vertices[np.roll(faces, 1, 1)]
    cuts = np.ceil(np.linalg.norm(edges, axis=-1).max(1) / (0.7 * spacing_m)).astype(int)
    corners, weights = [], []
    for count in np.unique(cuts):
        chosen = faces[cuts == count]
        u, v = (grid.ravel() for grid in np.meshgrid(*2 * [(np.arange(max(count, 1)) + 1 / 3) / max(count, 1)]))
        inside = u + v < 1
        grid = np.stack([1 - u - v, u, v], -1)[inside]
        corners.append(np.repeat(chosen, len(grid), 0))
        weights.append(np.tile(grid, (len(chosen), 1)))
    return np.concatenate(corners), np.concatenate(weights)


@nb.njit(cache=True, error_model="numpy")
def _gather(values, index, weight, out):
    for n in range(len(index)):
        for channel in range(values.shape[1]):
            total = np.float32(0)
            for k in range(index.shape[1]):
                total += weight[n, k] * values[index[n, k], channel]
            out[n, channel] = total
