"""The surface that most reconstructions with Open3D make of a cloud, to be compared with."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from geometry.cloud import PointCloud
from geometry.mesh import TriangleMesh


def usual_poisson(cloud: PointCloud, faces: int) -> TriangleMesh:
    """Screened Poisson at depth 9 of an oriented cloud, its largest piece, simplified by quadrics; one thread."""
    o3d: Any = import_module("open3d")
    points = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(cloud.points))
    points.normals = o3d.utility.Vector3dVector(cloud.normals)
    mesh, _ = o3d.geometry.TriangleMesh.create_from_point_cloud_poisson(points, depth=9, n_threads=1)
    piece, sizes, _ = mesh.cluster_connected_triangles()
    mesh.remove_triangles_by_mask(np.asarray(piece) != int(np.argmax(sizes)))
    mesh.remove_unreferenced_vertices()
    return decimated(mesh, faces)


def decimated(mesh: Any, faces: int) -> TriangleMesh:
    """Open3D's quadric decimation of its own mesh."""
    small = mesh.simplify_quadric_decimation(faces)
    return TriangleMesh(vertices=np.array(small.vertices), faces=np.array(small.triangles))
