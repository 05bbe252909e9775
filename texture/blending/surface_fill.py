"""Colours for texels that nobody saw, spread over the surface from the seen ones, so that no chart's border shows."""

from __future__ import annotations

import numba as nb
import numpy as np
from jaxtyping import Bool, Float32, Integer, UInt8
from scipy import sparse
from scipy.sparse.linalg import splu

from texture.layout.atlas import Atlas

EASE_WEIGHT = 0.0005
"""Where texels are seen as badly as this (1/m^2: one camera at 2 m, 78 degrees from the normal), half of their colour
is their surroundings': the border of a hole is no edge."""


def filled(
    atlas: Atlas, colors: UInt8[np.ndarray, "texels 3"], weight: Float32[np.ndarray, "texels"]
) -> UInt8[np.ndarray, "texels 3"]:
    """The colours, with those of unseen texels (weight 0) from the membrane that the seen ones hold.

    The membrane lives on the mesh's vertices: a chart's border is no border to it. Parts of the mesh without a seen
    texel take the mean of all; all zero when nothing is seen at all.
    """
    count = int(atlas.faces.max()) + 1
    values, known = vertex_colors(atlas, colors, weight, count)
    if not known.any():
        return np.zeros_like(colors)
    membrane = spread_over(atlas.faces, values, known)
    result = np.empty_like(colors)
    _mix(atlas.face, atlas.bary, atlas.faces, colors, weight, membrane, np.float32(EASE_WEIGHT), result)
    return result


def vertex_colors(
    atlas: Atlas, colors: np.ndarray, weight: Float32[np.ndarray, "texels"], count: int
) -> tuple[Float32[np.ndarray, "vertices 3"], Bool[np.ndarray, "vertices"]]:
    """Weighted means of the seen texels around each of `count` vertices, and which vertices have some."""
    total, share = np.zeros((count, 3), np.float32), np.zeros(count, np.float32)
    _scatter(atlas.face, atlas.bary, atlas.faces, colors, weight, total, share)
    known = share > 0
    return total / np.where(known, share, 1)[:, None], known


def spread_over(
    faces: Integer[np.ndarray, "faces 3"],
    values: Float32[np.ndarray, "vertices 3"],
    known: Bool[np.ndarray, "vertices"],
) -> Float32[np.ndarray, "vertices 3"]:
    """The known values, and in between those for which each vertex is the mean of its neighbours (Laplace)."""
    result = np.where(known[:, None], values, 0).astype(np.float32)
    result[~known] = values[known].mean(0)
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = np.unique(np.sort(edges, 1), axis=0)
    number = len(known)
    links = sparse.coo_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), (number, number))
    links = (links + links.T).tocsr()
    _, part = sparse.csgraph.connected_components(links, directed=False)
    anchored = np.isin(part, np.unique(part[known]))
    wanted = np.flatnonzero(~known & anchored)
    if not len(wanted):
        return result
    rows = sparse.csr_matrix(links[wanted])
    system = sparse.diags(np.asarray(rows.sum(1)).ravel()) - rows[:, wanted]
    held = np.asarray(rows[:, np.flatnonzero(known)] @ values[known].astype(np.float64))
    result[wanted] = np.reshape(splu(sparse.csc_matrix(system)).solve(held), (len(wanted), 3))
    return result


@nb.njit(cache=True, nogil=True)
def _scatter(face, bary, faces, colors, weight, total, share):
    for i in range(len(face)):
        w = weight[i]
        if w <= 0:
            continue
        for k in range(3):
            v, b = faces[face[i], k], bary[i, k] * w
            share[v] += b
            for c in range(3):
                total[v, c] += b * colors[i, c]


@nb.njit(cache=True, nogil=True)
def _mix(face, bary, faces, colors, weight, membrane, ease, result):
    for i in range(len(face)):
        own = weight[i] / (weight[i] + ease)
        a, b, c = faces[face[i], 0], faces[face[i], 1], faces[face[i], 2]
        for k in range(3):
            around = bary[i, 0] * membrane[a, k] + bary[i, 1] * membrane[b, k] + bary[i, 2] * membrane[c, k]
            value = own * colors[i, k] + (1 - own) * around
            result[i, k] = int(min(max(value, np.float32(0)), np.float32(255)) + np.float32(0.5))
