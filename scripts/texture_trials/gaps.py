"""What a made surface lacks: connected pieces of the true surface, seen by depth cameras, that ours is nowhere near."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from geometry.camera import Camera
from geometry.mesh import TriangleMesh
from geometry.rays import RayScene
from texture.surfaces.comparison import seen_points

FAR_M = 0.010
"""Beyond this the surface is not inexact there but missing: twice the tolerance of the F-score."""


def largest_gap_cm2(made: TriangleMesh, true: TriangleMesh, cameras: Sequence[Camera]) -> float:
    """Area of the largest connected piece of the seen true surface that is `FAR_M` or more from the made one."""
    corners = true.vertices[true.faces].astype(np.float64)
    middle, cross = corners.mean(1), np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    far = np.flatnonzero(RayScene.of(made).closest(middle).distance >= FAR_M)
    if not len(far):
        return 0.0
    far = far[seen_points(middle[far], true.face_normals()[far], RayScene.of(true), cameras, both_sides=True)]
    if not len(far):
        return 0.0
    vertex = np.asarray(true.faces, np.int64)[far]
    entries = np.repeat(np.arange(len(far)), 3), vertex.ravel()
    touches = coo_matrix((np.ones(vertex.size, np.int64), entries), shape=(len(far), len(true.vertices))).tocsr()
    _, piece = connected_components(touches @ touches.T, directed=False)
    areas = np.bincount(piece, np.linalg.norm(cross[far], axis=1) / 2)
    return float(1e4 * areas.max())
