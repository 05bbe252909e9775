"""Meshes and point clouds in files that other programs open: OBJ with material and texture, PLY.

Coordinates are written as they are: metres, in the frame of the caller's mesh (z up in our world). Numbers survive a
round trip exactly.
"""

from __future__ import annotations

from pathlib import Path

from geometry.errors import GeometryError
from geometry.mesh import TriangleMesh
from geometry.obj_files import read_obj, write_material, write_obj
from geometry.ply_files import read_ply_cloud, read_ply_mesh, write_ply_cloud, write_ply_mesh

__all__ = [
    "read_mesh",
    "read_obj",
    "read_ply_cloud",
    "read_ply_mesh",
    "write_material",
    "write_obj",
    "write_ply_cloud",
    "write_ply_mesh",
]


def read_mesh(path: Path | str) -> TriangleMesh:
    """The mesh of an `.obj` or `.ply` file. Raises GeometryError on another ending, and as the readers do."""
    readers = {".obj": read_obj, ".ply": read_ply_mesh}
    if (ending := Path(path).suffix.lower()) not in readers:
        raise GeometryError(f"{path}: meshes are read from {' and '.join(readers)} files")
    return readers[ending](path)
