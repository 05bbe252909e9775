"""How good texture coordinates are: number of charts, use of the square, stretch, length of seams."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geometry.mesh import TriangleMesh
from texture.errors import TextureError
from texture.layout.adjacency import connected, face_neighbours


@dataclass(frozen=True, kw_only=True, slots=True)
class LayoutFigures:
    """Figures of one layout."""

    charts: int
    utilisation: float
    """Share of the square that faces cover."""
    stretch: float
    """Root mean square length on the surface of a step in the texture, over what an even map would have: 1 is best
    (L2 of Sander et al., "Texture Mapping Progressive Meshes", 2001). Faces that cover nothing are left out."""
    seam_m: float
    """Length of all borders between charts on the surface, metres."""


def layout_figures(mesh: TriangleMesh) -> LayoutFigures:
    """The figures of a mesh with texture coordinates. Raises TextureError without."""
    if mesh.uv is None or mesh.uv_faces is None:
        raise TextureError("the mesh has no texture coordinates; unwrap it first (texture.layout.unwrapping.unwrapped)")
    corners, uv = np.asarray(mesh.vertices, np.float64)[mesh.faces], mesh.uv[mesh.uv_faces]
    neighbours = face_neighbours(mesh.uv_faces)
    lengths = np.linalg.norm(np.roll(corners, -1, axis=1) - corners, axis=-1)
    (s1, t1), (s2, t2) = (uv[:, 1] - uv[:, 0]).T, (uv[:, 2] - uv[:, 0]).T
    double_uv = s1 * t2 - s2 * t1
    e1, e2 = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = np.linalg.norm(np.cross(e1, e2), axis=-1) / 2
    good = (double_uv > 1e-12) & (area > 0)
    scale = 1 / double_uv[good][:, None]
    along_u = (e1[good] * t2[good, None] - e2[good] * t1[good, None]) * scale
    along_v = (e2[good] * s1[good, None] - e1[good] * s2[good, None]) * scale
    squared = ((along_u**2).sum(-1) + (along_v**2).sum(-1)) / 2
    even = area[good].sum() / (double_uv[good].sum() / 2)
    return LayoutFigures(
        charts=int(connected(np.zeros(len(neighbours), np.int64), neighbours).max()) + 1,
        utilisation=float(np.abs(double_uv).sum() / 2),
        stretch=float(np.sqrt((squared * area[good]).sum() / area[good].sum() / even)),
        seam_m=float(lengths[neighbours < 0].sum() / 2),
    )
