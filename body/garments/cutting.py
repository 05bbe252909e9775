"""Cut a piece out of a surface along smooth level sets: triangles are split on the line, so that hems are clean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse
from jaxtyping import Float, Integer
from scipy.sparse.csgraph import connected_components

_TOUCHING = 1e-7
"""Metres; a vertex this close to the line counts as inside, so that no face has zero area by rounding."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Patch:
    """A part of a parent mesh; its vertices are weighted means of the parent's."""

    faces: Integer[np.ndarray, "faces 3"]
    from_parent: scipy.sparse.csr_array
    """(vertices, parent vertices): weights with sum 1."""
    parent_face: Integer[np.ndarray, "faces"]
    """The face of the parent that each face lies in."""
    corner_weights: Float[np.ndarray, "faces 3 3"]
    """Barycentric weights of each corner in that face, for what differs between faces (texture coordinates)."""

    @property
    def vertex_count(self) -> int:
        """Vertices of the patch."""
        return len(self.from_parent.indptr) - 1


def whole(faces: Integer[np.ndarray, "faces 3"], vertex_count: int) -> Patch:
    """The parent itself."""
    return Patch(
        faces=np.asarray(faces, np.int64),
        from_parent=scipy.sparse.csr_array(scipy.sparse.eye_array(vertex_count)),
        parent_face=np.arange(len(faces)),
        corner_weights=np.broadcast_to(np.eye(3), (len(faces), 3, 3)).copy(),
    )


def subdivide(patch: Patch) -> Patch:
    """Each face as four, through the middles of its edges."""
    faces, count = patch.faces, patch.vertex_count
    pairs = np.sort(np.stack([faces, np.roll(faces, -1, 1)], -1).reshape(-1, 2), 1)
    keys, index = np.unique(pairs[:, 0] * count + pairs[:, 1], return_inverse=True)
    edges = np.stack([keys // count, keys % count], 1)
    middle = count + index.reshape(-1, 3)  # of corners 01, 12, 20
    rows = np.arange(len(edges)).repeat(2)
    middles = scipy.sparse.csr_array((np.full(2 * len(edges), 0.5), (rows, edges.ravel())), (len(edges), count))
    a, b, c = faces.T
    ab, bc, ca = middle.T
    parts = np.stack([np.stack(t, -1) for t in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))], 1)
    w = patch.corner_weights
    wab, wbc, wca = (0.5 * (w[:, i] + w[:, (i + 1) % 3]) for i in range(3))
    weights = np.stack(
        [np.stack(t, 1) for t in ((w[:, 0], wab, wca), (wab, w[:, 1], wbc), (wca, wbc, w[:, 2]), (wab, wbc, wca))],
        1,
    )
    return Patch(
        faces=parts.reshape(-1, 3),
        from_parent=scipy.sparse.csr_array(scipy.sparse.vstack([patch.from_parent, middles @ patch.from_parent])),
        parent_face=patch.parent_face.repeat(4),
        corner_weights=weights.reshape(-1, 3, 3),
    )


def clip(patch: Patch, distance: Float[np.ndarray, "vertices"]) -> Patch:
    """The part where a function of the vertices, linear in between, is positive."""
    f = np.where(np.abs(distance) < _TOUCHING, _TOUCHING, np.asarray(distance, np.float64))
    inside = f > 0
    faces, count = patch.faces, len(f)
    pairs = np.sort(np.stack([faces, np.roll(faces, -1, 1)], -1).reshape(-1, 2), 1)
    pairs = pairs[inside[pairs[:, 0]] != inside[pairs[:, 1]]].astype(np.int64)
    key = np.unique(pairs[:, 0] * count + pairs[:, 1])
    start, end = key // count, key % count
    share = f[start] / (f[start] - f[end])
    rows = np.arange(len(key))
    on_line = scipy.sparse.csr_array(
        (np.concatenate([1 - share, share]), (np.concatenate([rows, rows]), np.concatenate([start, end]))),
        (len(key), count),
    )

    def cross(i: np.ndarray, j: np.ndarray) -> np.ndarray:
        return count + np.searchsorted(key, np.minimum(i, j).astype(np.int64) * count + np.maximum(i, j))

    new_faces, parents, weights = [], [], []

    def add(which: np.ndarray, corners: list, corner_weights: list) -> None:
        new_faces.append(np.stack(corners, 1))
        parents.append(patch.parent_face[which])
        weights.append(np.stack(corner_weights, 1))

    many = inside[faces].sum(1)
    every = np.flatnonzero(many == 3)
    add(every, list(faces[every].T), [patch.corner_weights[every, i] for i in range(3)])
    for kept in (1, 2):
        chosen = np.flatnonzero(many == kept)
        odd = (inside[faces[chosen]] if kept == 1 else ~inside[faces[chosen]]).argmax(1)
        turn = (odd[:, None] + np.arange(3)) % 3
        a, b, c = np.take_along_axis(faces[chosen], turn, 1).T
        wa, wb, wc = np.moveaxis(np.take_along_axis(patch.corner_weights[chosen], turn[..., None], 1), 1, 0)
        tb, tc = (f[a] / (f[a] - f[b]))[:, None], (f[a] / (f[a] - f[c]))[:, None]
        ab, ac = cross(a, b), cross(a, c)
        wab, wac = wa + tb * (wb - wa), wa + tc * (wc - wa)
        if kept == 1:
            add(chosen, [a, ab, ac], [wa, wab, wac])
        else:
            add(chosen, [ab, b, c], [wab, wb, wc])
            add(chosen, [ab, c, ac], [wab, wc, wac])
    return _used(
        np.concatenate(new_faces),
        scipy.sparse.csr_array(scipy.sparse.vstack([patch.from_parent, on_line @ patch.from_parent])),
        np.concatenate(parents),
        np.concatenate(weights),
    )


def component_of(patch: Patch, vertex: int) -> Patch:
    """The connected piece with a vertex."""
    count = patch.vertex_count
    edges = np.concatenate([patch.faces[:, :2], patch.faces[:, 1:]])
    graph = scipy.sparse.coo_array((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), (count, count))
    label = connected_components(graph, directed=False)[1]
    keep = label[patch.faces[:, 0]] == label[vertex]
    return _used(patch.faces[keep], patch.from_parent, patch.parent_face[keep], patch.corner_weights[keep])


def _used(faces: np.ndarray, from_parent: scipy.sparse.csr_array, parents: np.ndarray, weights: np.ndarray) -> Patch:
    vertices, compact = np.unique(faces, return_inverse=True)
    return Patch(
        faces=compact.reshape(-1, 3),
        from_parent=scipy.sparse.csr_array(from_parent[vertices]),
        parent_face=parents,
        corner_weights=weights,
    )
