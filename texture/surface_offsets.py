"""How far clothes and hair stand off the body: one offset for each vertex, from the clouds of a whole clip."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Integer
from scipy.sparse.linalg import factorized
from scipy.spatial import KDTree

from geometry.cloud import PointCloud
from geometry.mesh import TriangleMesh


@dataclass(frozen=True, kw_only=True, slots=True)
class OffsetOptions:
    """Limits of the estimate."""

    inward_m: float = 0.010
    """Clothes press the body in by no more than this; further inside, the fit is wrong, not the body thin."""
    outward_m: float = 0.040
    """Looser clothes than this do not follow the skin and need a surface of their own."""
    reach_m: float = 0.060
    """Points further than this from the body are not the person's surface."""
    facing: float = 0.5
    """Cosine between the point's normal and the body's: points of the other side of a thin limb differ."""
    smoothness: float = 4.0
    """Weight of the difference to the neighbours, against one unit of evidence at each vertex."""
    enough: int = 5
    """Points at which a vertex counts with half of its full weight."""


def clothing_offsets(
    frames: Iterable[tuple[Float[np.ndarray, "vertices 3"], PointCloud]],
    faces: Integer[np.ndarray, "faces 3"],
    vertex_count: int,
    options: OffsetOptions = OffsetOptions(),
) -> Float[np.ndarray, "vertices"]:
    """Metres along the outward normal of each vertex, smooth over the surface; zeros without any evidence.

    `frames` gives the posed naked body and the fused cloud of each instant, world, metres. The median over all
    instants is taken at each vertex, so that a passing hand or a bad frame does not leave a dent.
    """
    vertex, distance = [np.zeros(0, np.int64)], [np.zeros(0)]
    for vertices, cloud in frames:
        near, signed = _signed_distances(vertices, faces, cloud, options)
        vertex.append(near)
        distance.append(signed)
    median, count = _medians(np.concatenate(vertex), np.concatenate(distance), vertex_count)
    median = np.clip(median, -options.inward_m, options.outward_m)
    return _smoothed(median, count / (count + options.enough), faces, options.smoothness)


def dress(mesh: TriangleMesh, offsets: Float[np.ndarray, "vertices"]) -> TriangleMesh:
    """The posed body with each vertex moved along its normal by its offset; texture coordinates are kept."""
    moved = mesh.vertices + offsets[:, None] * mesh.vertex_normals()
    return TriangleMesh(vertices=moved, faces=mesh.faces, uv=mesh.uv, uv_faces=mesh.uv_faces, texture=mesh.texture)


def _signed_distances(
    vertices: Float[np.ndarray, "vertices 3"],
    faces: Integer[np.ndarray, "faces 3"],
    cloud: PointCloud,
    options: OffsetOptions,
) -> tuple[Integer[np.ndarray, "accepted"], Float[np.ndarray, "accepted"]]:
    """Nearest vertex of each accepted point, and how far in front of it the point lies."""
    normals = TriangleMesh(vertices=vertices, faces=faces).vertex_normals()
    points = cloud.points.astype(np.float64)
    away, near = KDTree(vertices).query(points, distance_upper_bound=options.reach_m)
    hit = np.isfinite(away)
    if cloud.normals is not None:
        hit[hit] &= np.einsum("nc,nc->n", normals[near[hit]], cloud.normals[hit].astype(np.float64)) > options.facing
    near = near[hit]
    return near.astype(np.int64), np.einsum("nc,nc->n", points[hit] - vertices[near], normals[near])


def _medians(
    vertex: Integer[np.ndarray, "samples"], value: Float[np.ndarray, "samples"], count: int
) -> tuple[Float[np.ndarray, "vertices"], Float[np.ndarray, "vertices"]]:
    """Median of the samples of each vertex (zero without any), and their number."""
    order = np.lexsort((value, vertex))
    number = np.bincount(vertex, minlength=count)
    start = np.concatenate([[0], np.cumsum(number)[:-1]])
    median = np.zeros(count)
    seen = number > 0
    median[seen] = value[order][start[seen] + number[seen] // 2]
    return median, number.astype(np.float64)


def _smoothed(
    value: Float[np.ndarray, "vertices"],
    weight: Float[np.ndarray, "vertices"],
    faces: Integer[np.ndarray, "faces 3"],
    smoothness: float,
) -> Float[np.ndarray, "vertices"]:
    """The x that minimises Σ w (x − value)² + smoothness Σ (x_i − x_j)² over edges; zero where nothing is known."""
    if not weight.any():
        return np.zeros_like(value)
    edges = np.unique(np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), 1), axis=0)
    n, ones = len(value), np.ones(len(edges))
    adjacency = sp.coo_array((ones, (edges[:, 0], edges[:, 1])), shape=(n, n))
    adjacency = adjacency + adjacency.T
    laplacian = sp.diags_array(np.asarray(adjacency.sum(1)).ravel()) - adjacency
    to_zero = 1e-3  # unseen skin (soles, armpits) tends to the body itself
    system = sp.diags_array(weight + to_zero) + smoothness * laplacian
    return factorized(sp.csc_matrix(system))(weight * value)
