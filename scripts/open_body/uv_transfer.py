"""Texture coordinates of a decimated skin: copied from the source's surface, without faces that span a seam."""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import Float, Integer
from scipy.spatial import cKDTree

_NEARBY: Final = 24
"""Source faces looked at for each corner."""
_ACCEPT: Final = 0.5
"""A corner's UV may differ from the extrapolated one by this share of the face's extent on the atlas."""


def transfer_uv(
    source: Float[np.ndarray, "source 3"],
    source_faces: Integer[np.ndarray, "source_faces 3"],
    source_uv: Float[np.ndarray, "source_uvs 2"],
    source_uv_faces: Integer[np.ndarray, "source_faces 3"],
    vertices: Float[np.ndarray, "vertices 3"],
    faces: Integer[np.ndarray, "faces 3"],
) -> tuple[Float[np.ndarray, "uvs 2"], Integer[np.ndarray, "faces 3"]]:
    """UVs and UV faces of a mesh near a textured source surface.

    Each face belongs to the side of the seams on which its middle lies. Around that source face the atlas is almost
    linear in space: a corner takes the UV of a source point near it where that agrees with this linear map, and the
    map's own value where it does not, which is across a seam. Corners of a vertex that agree share one UV.
    """
    corners3d, corners2d = source[source_faces], source_uv[source_uv_faces]
    gradient = _gradients(corners3d, corners2d)
    tree = cKDTree(corners3d.mean(1))
    points = vertices[faces]
    seed = _closest(tree, corners3d, points.mean(1))[0][:, 0]
    start = np.einsum("fij,fcj->fci", gradient[seed], points - corners3d[seed].mean(1)[:, None])
    predicted = corners2d[seed].mean(1)[:, None] + start
    extent = np.linalg.norm(predicted - predicted.mean(1, keepdims=True), axis=-1).max(1)
    near, barycentric, distance = _closest_on(tree, corners3d, vertices)
    found = np.einsum("vkc,vkcd->vkd", barycentric, corners2d[near])[faces]  # (faces, corners, nearby, 2)
    off = np.linalg.norm(found - predicted[:, :, None], axis=-1)
    usable = off < _ACCEPT * extent[:, None, None] + 1e-4
    cost = np.where(usable, distance[faces], np.inf)
    best = cost.argmin(-1)
    chosen = np.take_along_axis(found, best[..., None, None], 2)[:, :, 0]
    uv = np.where(np.isfinite(cost.min(-1))[..., None], chosen, predicted)
    return _shared(uv, faces, extent)


def _gradients(corners3d: np.ndarray, corners2d: np.ndarray) -> np.ndarray:
    """d(uv)/d(point) of each source face, (faces, 2, 3); a thin face's is bounded by the pseudo-inverse."""
    edges3d, edges2d = corners3d[:, 1:] - corners3d[:, :1], corners2d[:, 1:] - corners2d[:, :1]
    return np.swapaxes(np.linalg.pinv(edges3d, rcond=1e-3) @ edges2d, 1, 2)


def _closest(tree: cKDTree, corners3d: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nearby source faces of each point, nearest first, with barycentric coordinates and distances."""
    near, barycentric, distance = _closest_on(tree, corners3d, points)
    order = distance.argsort(1)
    return (
        np.take_along_axis(near, order, 1),
        np.take_along_axis(barycentric, order[..., None], 1),
        np.take_along_axis(distance, order, 1),
    )


def _closest_on(tree: cKDTree, corners3d: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    near = tree.query(points, _NEARBY)[1]
    barycentric = _barycentric(corners3d[near], points[:, None])
    distance = np.linalg.norm((barycentric[..., None] * corners3d[near]).sum(2) - points[:, None], axis=-1)
    return near, barycentric, distance


def _barycentric(triangle: np.ndarray, point: np.ndarray) -> np.ndarray:
    """Coordinates of the point in the triangle's plane, clipped to the triangle (near enough for tiny triangles)."""
    a, b, c = np.moveaxis(triangle, -2, 0)
    u, v, w = b - a, c - a, point - a
    uu, uv, vv, wu, wv = ((p * q).sum(-1) for p, q in ((u, u), (u, v), (v, v), (w, u), (w, v)))
    area = np.maximum(uu * vv - uv * uv, 1e-18)
    beta, gamma = (vv * wu - uv * wv) / area, (uu * wv - uv * wu) / area
    weights = np.clip(np.stack([1 - beta - gamma, beta, gamma], -1), 0, None)
    return weights / weights.sum(-1, keepdims=True)


def _shared(uv: np.ndarray, faces: np.ndarray, extent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Merge the corners of a vertex that lie together on the atlas; the first one's UV is kept."""
    values: list[np.ndarray] = []
    of_vertex: dict[int, list[int]] = {}
    uv_faces = np.empty(faces.shape, np.int64)
    for face, corners in enumerate(faces.tolist()):
        for corner, vertex in enumerate(corners):
            known = of_vertex.setdefault(vertex, [])
            here = uv[face, corner]
            match = next((k for k in known if np.abs(values[k] - here).max() < 0.3 * extent[face] + 1e-6), None)
            if match is None:
                match = len(values)
                values.append(here)
                known.append(match)
            uv_faces[face, corner] = match
    return np.array(values), uv_faces
