"""Pieces, edges and handles of a triangle mesh: what must hold of the surface of one person."""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from jaxtyping import Float, Int64, Integer

from geometry.mesh import TriangleMesh


@dataclass(frozen=True, kw_only=True, slots=True)
class Topology:
    """How a mesh hangs together."""

    closed: bool
    """Each edge has two faces that run along it in opposite directions."""
    components: int
    handles: int
    """Genus, summed over the components; 0 for a person whose arms and legs touch nothing. -1 unless closed."""


def topology(mesh: TriangleMesh) -> Topology:
    """Of the vertices that faces use."""
    used, faces = np.unique(mesh.faces, return_inverse=True)
    faces = faces.reshape(-1, 3)
    closed = mesh.is_watertight()
    count = int(components(faces, len(used)).max(initial=-1)) + 1
    euler = len(used) - len(faces) * 3 // 2 + len(faces)
    return Topology(closed=closed, components=count, handles=count - euler // 2 if closed else -1)


def components(faces: Integer[np.ndarray, "faces 3"], vertices: int) -> Int64[np.ndarray, "vertices"]:
    """The number of the piece of each vertex, counted from 0; a vertex without faces is a piece of its own."""
    label = np.full(vertices, -1)
    label_vertices(np.ascontiguousarray(faces, np.int32), np.arange(vertices), label)
    return label


def piece_volumes(mesh: TriangleMesh) -> tuple[Int64[np.ndarray, "faces"], Float[np.ndarray, "pieces"]]:
    """The piece of each face, and each piece's signed volume, cubic metres: negative for a cavity."""
    piece = components(mesh.faces, len(mesh.vertices))[mesh.faces[:, 0]]
    a, b, c = (mesh.vertices[mesh.faces[:, n]].astype(np.float64) for n in range(3))
    volume = np.einsum("ij,ij->i", a, np.cross(b, c)) / 6
    return piece, np.bincount(piece, volume)


def compacted(mesh: TriangleMesh) -> tuple[TriangleMesh, Int64[np.ndarray, "kept"]]:
    """The mesh without vertices that no face uses, and which vertices stayed."""
    used = np.zeros(len(mesh.vertices), bool)
    used[mesh.faces] = True
    kept = np.flatnonzero(used)
    number = np.cumsum(used) - 1
    return TriangleMesh(vertices=mesh.vertices[kept], faces=number[mesh.faces].astype(mesh.faces.dtype)), kept


@nb.njit(cache=True, nogil=True)
def label_vertices(faces, parent, label):
    """Union-find over the edges of the faces."""
    for f in range(len(faces)):
        a = faces[f, 0]
        while parent[a] != a:
            parent[a] = parent[parent[a]]
            a = parent[a]
        for corner in range(1, 3):
            b = faces[f, corner]
            while parent[b] != b:
                parent[b] = parent[parent[b]]
                b = parent[b]
            if b < a:
                a, b = b, a
            parent[b] = a
    found = 0
    for v in range(len(parent)):
        root = v
        while parent[root] != root:
            root = parent[root]
        if label[root] < 0:
            label[root] = found
            found += 1
        label[v] = label[root]
