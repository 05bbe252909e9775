"""Where no camera looked, the body guides: oriented points on its surface, moved to join what was measured.

Soles, armpits and the skin between legs have no points in the cloud. The posed body has them, but it is off by a
centimetre or so, and under loose clothes it is not the surface at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numba as nb
import numpy as np
from jaxtyping import Bool, Float

from geometry.cloud import PointCloud
from geometry.mesh import TriangleMesh
from geometry.rays import RayScene
from registration.clouds.views import DepthView
from texture.surfaces.carving import THROUGH_VIEWS, looked_through

CELL_M = 0.012
"""Of the grid in which measured points are looked up along the body's normals: two and a half points apart. With 16 mm
fingertips count as covered that are not (chamfer/2 0.90 mm instead of 0.88)."""
OUTWARD_M = 0.20
"""A skirt stands off a leg by as much."""
INWARD_M = 0.04
"""The body's fit is off by less."""
SAME_SIDE = 0.5
"""Cosine between the normals of a measured patch and the body below it."""
TOUCHING_M = 0.012
"""Where two parts of the body are nearer than two voxels, what lies between them counts as closed."""
CARRIED_M = 0.025
"""Offsets larger than this are of loose cloth, and say nothing of the body beside it."""
JOIN_SWEEPS = 40
"""Smoothing sweeps that carry the offsets of measured parts into the unmeasured ones, some 8 cm far."""
FADE = 0.02
"""Pull of an unmeasured vertex to the bare body at each sweep; a third of the offset is left after 10 cm."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Guide:
    """Oriented points where no camera looked."""

    points: Float[np.ndarray, "points 3"]
    normals: Float[np.ndarray, "points 3"]
    covered: Bool[np.ndarray, "vertices"]
    """Body vertices over which the clouds lie."""
    carved: int
    """Points left out because cameras look through them."""


def guide_points(cloud: PointCloud, body: TriangleMesh, spacing_m: float, views: Sequence[DepthView] = ()) -> Guide:
    """Points on the body where the cloud does not lie over it, about `spacing_m` apart.

    A vertex is covered when the cloud, facing the same way, lies along its normal before another part of the body
    does: up to `OUTWARD_M` outside or `INWARD_M` inside. The distances found there are continued over the mesh into
    what is not covered.
    """
    assert cloud.normals is not None
    normals = body.vertex_normals()
    outward, inward = _free_lengths(body, normals)
    grid = _patches(cloud)
    offset = np.empty(len(body.vertices))
    find_offsets(body.vertices, normals, outward, inward, CELL_M, SAME_SIDE, *grid, offset)
    edges = np.concatenate([body.faces[:, [0, 1]], body.faces[:, [1, 2]], body.faces[:, [2, 0]]]).astype(np.int64)
    covered = np.isfinite(offset)
    wanted = ~covered & (outward > TOUCHING_M)
    tight = covered & (np.abs(np.nan_to_num(offset)) < CARRIED_M)
    joined = np.where(tight, offset, 0.0)
    carry_offsets(edges, tight, JOIN_SWEEPS, FADE, joined, *np.zeros((2, len(joined))))
    moved = body.vertices + np.clip(joined, -0.5 * inward, 0.5 * outward)[:, None] * normals
    points, v = _sampled(moved, normals, body.faces, wanted, spacing_m)
    kept = looked_through(points, views) < THROUGH_VIEWS
    return Guide(points=points[kept], normals=v[kept], covered=covered, carved=int((~kept).sum()))


def _free_lengths(body: TriangleMesh, normals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far each vertex can go out until it meets another part of the body, and in until it is halfway through.

    0 outward for a vertex that lies inside another part.
    """
    scene, start = RayScene.of(body), 1e-4
    out = scene.cast(body.vertices + start * normals, normals)
    back = scene.cast(body.vertices - start * normals, -normals).t
    leaves = (body.face_normals()[out.face] * normals).sum(1) > 0
    outward = np.where(out.face < 0, OUTWARD_M, np.where(leaves, 0.0, np.minimum(out.t, OUTWARD_M)))
    return outward, np.minimum(np.where(np.isnan(back), INWARD_M, 0.5 * back), INWARD_M)


def _patches(cloud: PointCloud) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Origin of the grid, number of points in each cell, and sum of their places and normals."""
    low, high = cloud.points.min(0) - CELL_M, cloud.points.max(0) + CELL_M
    shape = tuple(np.ceil((high - low) / CELL_M).astype(int) + 1)
    index = np.full(shape, -1, np.int32)
    sums = np.zeros((len(cloud), 7))
    used = sum_patches(
        np.ascontiguousarray(cloud.points), np.ascontiguousarray(cloud.normals), low, CELL_M, index, sums
    )
    return low, index, sums[:used]


def _sampled(
    vertices: np.ndarray, normals: np.ndarray, faces: np.ndarray, wanted: np.ndarray, spacing_m: float
) -> tuple[np.ndarray, np.ndarray]:
    """Points spread evenly over the faces with a wanted vertex, nearer to it than to the others, with normals."""
    chosen = faces[wanted[faces].any(1)]
    a, b, c = (vertices[chosen[:, n]] for n in range(3))
    areas = 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1)
    counts = np.ceil(areas / spacing_m**2).astype(int)
    face = np.repeat(np.arange(len(chosen)), counts)
    within = np.arange(len(face)) - np.repeat(np.cumsum(counts) - counts, counts)
    u, v = (0.5 + within * 0.7548776662466927) % 1, (0.5 + within * 0.5698402909980532) % 1  # R2 sequence
    flip = u + v > 1
    u, v = np.where(flip, 1 - u, u), np.where(flip, 1 - v, v)
    bary = np.stack([1 - u - v, u, v], 1)
    corners = chosen[face]
    near = (bary * wanted[corners]).sum(1) > 0.5
    bary, corners = bary[near], corners[near]
    points = np.einsum("nk,nkc->nc", bary, vertices[corners])
    mixed = np.einsum("nk,nkc->nc", bary, normals[corners])
    return points, mixed / np.maximum(np.linalg.norm(mixed, axis=1, keepdims=True), 1e-12)


@nb.njit(cache=True, nogil=True)
def sum_patches(points, normals, low, cell, index, sums):
    """Adds up the points and normals of each cell of the grid; returns how many cells have any."""
    used = 0
    for n in range(len(points)):
        i = int((points[n, 0] - low[0]) / cell)
        j = int((points[n, 1] - low[1]) / cell)
        k = int((points[n, 2] - low[2]) / cell)
        slot = index[i, j, k]
        if slot < 0:
            slot = used
            index[i, j, k] = slot
            used += 1
        sums[slot, 6] += 1
        for c in range(3):
            sums[slot, c] += points[n, c]
            sums[slot, 3 + c] += normals[n, c]
    return used


@nb.njit(cache=True, nogil=True, error_model="numpy")
def find_offsets(vertices, normals, outward, inward, cell, same_side, low, index, sums, offset):
    """Signed distance along each normal to the nearest patch of the cloud that faces the same way; NaN for none."""
    for v in range(len(vertices)):
        offset[v] = np.nan
        best = np.inf
        steps = int(np.ceil((outward[v] + inward[v]) / (0.5 * cell))) + 1
        for step in range(steps):
            t = -inward[v] + step * 0.5 * cell
            if t > outward[v]:
                break
            if abs(t) - cell > best:
                continue
            i = int(np.floor((vertices[v, 0] + t * normals[v, 0] - low[0]) / cell))
            j = int(np.floor((vertices[v, 1] + t * normals[v, 1] - low[1]) / cell))
            k = int(np.floor((vertices[v, 2] + t * normals[v, 2] - low[2]) / cell))
            if i < 0 or j < 0 or k < 0 or i >= index.shape[0] or j >= index.shape[1] or k >= index.shape[2]:
                continue
            slot = index[i, j, k]
            if slot < 0:
                continue
            facing, along, length = 0.0, 0.0, 0.0
            for c in range(3):
                facing += sums[slot, 3 + c] * normals[v, c]
                length += sums[slot, 3 + c] ** 2
                along += (sums[slot, c] / sums[slot, 6] - vertices[v, c]) * normals[v, c]
            if facing < -same_side * np.sqrt(length) and along > cell:
                break  # the near side of something else
            if facing < same_side * np.sqrt(length) or along > outward[v] or along < -inward[v]:
                continue
            if abs(along) < best:
                best = abs(along)
                offset[v] = along


@nb.njit(cache=True, nogil=True, error_model="numpy")
def carry_offsets(edges, fixed, sweeps, fade, offset, total, degree):
    """Lets unfixed vertices take the mean of their neighbours, again and again (Jacobi), with a pull to zero."""
    count = len(offset)
    for _ in range(sweeps):
        total[:] = 0
        degree[:] = 0
        for e in range(len(edges)):
            a, b = edges[e, 0], edges[e, 1]
            total[a] += offset[b]
            total[b] += offset[a]
            degree[a] += 1
            degree[b] += 1
        for v in range(count):
            if not fixed[v] and degree[v] > 0:
                offset[v] = (1 - fade) * total[v] / degree[v]
