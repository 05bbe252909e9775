"""Clouds made ready for registration: thinned, with normals, and a tree to look up neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.spatial import KDTree

from geometry.cloud import PointCloud
from geometry.open3d_loading import load_open3d

VOXEL_M = 0.012
"""Side of the voxels whose points are averaged: 2.5 pixels at 2 m, below the size of a hand."""
NEIGHBOURS = 12
"""Points a normal is fitted to: a patch of some 40 mm."""
MAX_CURVATURE = 0.03
"""Part of a patch's variance that lies along its normal, at most. A limb of 50 mm radius has 0.01; across the edge of a
box, where a normal means nothing, it is above 0.05."""
MIN_POINTS = 60


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Surface:
    """What one camera saw at one instant, in its own frame."""

    points: Float[np.ndarray, "points 3"]
    normals: Float[np.ndarray, "points 3"]
    """Towards the camera."""
    tree: KDTree

    @classmethod
    def of(cls, cloud: PointCloud) -> Surface | None:
        """None where there is too little of it."""
        if len(cloud) < MIN_POINTS:
            return None
        points = _thinned(cloud.points)
        if len(points) < MIN_POINTS:
            return None
        patches = points[KDTree(points).query(points, NEIGHBOURS)[1]]
        patches = patches - patches.mean(1, keepdims=True)
        spread, axes = np.linalg.eigh(np.einsum("nki,nkj->nij", patches, patches))
        smooth = spread[:, 0] < MAX_CURVATURE * spread.sum(1)
        points, normals = points[smooth], axes[smooth, :, 0]
        if len(points) < MIN_POINTS:
            return None
        away = np.einsum("ni,ni->n", points, normals) > 0
        return cls(points=points, normals=np.where(away[:, None], -normals, normals), tree=KDTree(points))


def _thinned(points: Float[np.ndarray, "points 3"]) -> Float[np.ndarray, "fewer 3"]:
    """The mean of the points in each voxel."""
    o3d = load_open3d()
    thinned = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(points)).voxel_down_sample(VOXEL_M)
    return np.asarray(thinned.points)


def surfaces_of(clouds: Mapping[str, Sequence[PointCloud]]) -> dict[str, tuple[Surface | None, ...]]:
    """The same for all cameras and instants."""
    return {name: tuple(Surface.of(cloud) for cloud in seen) for name, seen in clouds.items()}
