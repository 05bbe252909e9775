"""The surface of oriented points by screened Poisson reconstruction (Kazhdan and Hoppe 2013, through Open3D)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from geometry.errors import GeometryError
from geometry.mesh import TriangleMesh
from geometry.open3d_loading import load_open3d
from texture.errors import TextureError


def poisson_surface(
    points: Float[np.ndarray, "points 3"], normals: Float[np.ndarray, "points 3"], depth: int
) -> TriangleMesh:
    """The surface in the points' frame, faces counter-clockwise seen from outside.

    depth: of the octree; 8 was as accurate as 9 at a quarter of the time. Raises TextureError when Open3D cannot be
    loaded or makes no surface.
    """
    try:
        o3d = load_open3d()
    except GeometryError as error:
        raise TextureError(f"the method poisson needs Open3D: {error}; or use the method tsdf") from None
    cloud = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(np.ascontiguousarray(points, np.float64)))
    cloud.normals = o3d.utility.Vector3dVector(np.ascontiguousarray(normals, np.float64))
    with o3d.utility.VerbosityContextManager(o3d.utility.VerbosityLevel.Error):
        made, _ = o3d.geometry.TriangleMesh.create_from_point_cloud_poisson(cloud, depth=depth, n_threads=1)
    mesh = TriangleMesh(vertices=np.array(made.vertices), faces=np.array(made.triangles))
    if not len(mesh.faces):
        raise TextureError(f"screened Poisson of {len(points)} points made no surface; use the method tsdf")
    return mesh
