"""How far the clothed surface stands off the body: one offset for each vertex, from the clouds of many instants."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import scipy.sparse
import scipy.sparse.linalg
from jaxtyping import Float, Integer

from body.model import BodyModel
from geometry.cloud import PointCloud
from geometry.mesh import TriangleMesh
from geometry.rays import RayScene
from texture.errors import TextureError

REACH_M = 0.06
"""Cloud points farther from the body are not this surface: the outward limit plus the error of the fit."""
SAME_SIDE = 0.5
"""Cosine between the normals of point and vertex; below it the point belongs to another limb or a fold."""
MIN_SAMPLES = 8
"""A vertex with fewer points counts as unseen."""
LIMITS_M = (-0.010, 0.040)
"""Inward only as far as the fit and the depth are wrong; outward as far as ordinary clothes stand off."""
SMOOTHNESS = 4.0
"""Weight of the differences along edges against a well-seen vertex's own median: smooths about two rings."""
UNSEEN_WEIGHT = 0.05
"""Pull of an unseen vertex toward zero: the border of an unseen patch continues its neighbours, its middle is bare."""
POINTS_PER_CLOUD = 40_000
"""About 6 for each vertex and instant; more points cost time and change no median."""
HANDS = (22, 23)
"""Joints whose vertices keep the body's own surface: fingers are thinner than the noise of depth."""


def estimate_offsets(
    model: BodyModel,
    posed: Iterable[tuple[Float[np.ndarray, "vertices 3"], PointCloud]],
) -> Float[np.ndarray, "vertices"]:
    """Metres along the rest normals, from pairs of posed bare vertices and the cloud of the same instant.

    Each point counts for the vertex nearest to its foot on the posed body, if their normals agree; a vertex takes the
    median of its points' signed distances over all instants. The medians are smoothed over the mesh and clipped to
    `LIMITS_M`. Vertices that no cloud shows fade to zero; without clouds all are zero. Raises TextureError for a cloud
    without normals.
    """
    vertex, distance = [], []
    for vertices, cloud in posed:
        index, signed = _signed_distances(model.faces, vertices, _thinned(cloud))
        vertex.append(index)
        distance.append(signed)
    if not vertex or not sum(map(len, vertex)):
        return np.zeros(model.vertex_count)
    median, count = _medians(np.concatenate(vertex), np.concatenate(distance), model.vertex_count)
    confidence = np.where(count >= MIN_SAMPLES, np.minimum(count / (4 * MIN_SAMPLES), 1.0), 0.0)
    bare = np.isin(np.argmax(model.weights, 1), HANDS)
    confidence[bare] = 0.0
    offsets = _smoothed(np.clip(median, *LIMITS_M), confidence, np.where(bare, 100.0, UNSEEN_WEIGHT), model.faces)
    return np.clip(offsets, *LIMITS_M)


def _thinned(cloud: PointCloud) -> PointCloud:
    stride = -(-len(cloud) // POINTS_PER_CLOUD)
    return cloud[:: max(stride, 1)]


def _signed_distances(
    faces: np.ndarray, vertices: np.ndarray, cloud: PointCloud
) -> tuple[Integer[np.ndarray, "used"], Float[np.ndarray, "used"]]:
    """The vertex that each usable point counts for, and how far outside the body the point lies."""
    if cloud.normals is None:
        raise TextureError("a cloud without normals cannot tell the sides of a limb apart; run the stage clouds again")
    mesh = TriangleMesh(vertices=vertices, faces=faces)
    feet = RayScene.of(mesh).closest(cloud.points)
    normals = mesh.face_normals()[feet.face]
    along = ((cloud.points - feet.points) * normals).sum(-1)
    same_side = (cloud.normals * normals).sum(-1) > SAME_SIDE
    kept = same_side & (feet.distance < REACH_M)
    corner = np.argmax(feet.bary, -1)
    vertex = faces[feet.face, corner]
    signed = np.copysign(feet.distance, along)
    return vertex[kept].astype(np.int32), signed[kept].astype(np.float32)


def _medians(
    vertex: np.ndarray, distance: np.ndarray, count: int
) -> tuple[Float[np.ndarray, "vertices"], Integer[np.ndarray, "vertices"]]:
    order = np.lexsort((distance, vertex))
    sizes = np.bincount(vertex, minlength=count)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    middle = np.minimum(starts + sizes // 2, len(order) - 1)
    return np.where(sizes > 0, distance[order[middle]], 0.0).astype(np.float64), sizes


def _smoothed(
    values: np.ndarray, confidence: np.ndarray, toward_zero: np.ndarray, faces: np.ndarray
) -> Float[np.ndarray, "vertices"]:
    """Minimises sum c (o - value)^2 + sum_unseen z o^2 + SMOOTHNESS sum_edges (o_i - o_j)^2."""
    count = len(values)
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).astype(np.int64)
    ones = np.full(len(edges), 0.5)
    adjacency = scipy.sparse.coo_array((ones, (edges[:, 0], edges[:, 1])), shape=(count, count)).tocsr()
    adjacency = adjacency + adjacency.T
    degree = np.asarray(adjacency.sum(1)).ravel()
    mean_degree = SMOOTHNESS / max(float(degree.mean()), 1.0)
    laplacian = scipy.sparse.diags_array(degree) - adjacency
    unseen = np.where(confidence > 0, 0.0, toward_zero)
    system = scipy.sparse.diags_array(confidence + unseen) + mean_degree * laplacian
    return scipy.sparse.linalg.splu(system.tocsc()).solve(confidence * values)
