"""Small kernels over the vertices of a surface: neighbours, blended transforms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer
from numba import njit
from scipy.sparse import coo_array, csr_array


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Neighbours:
    """The vertices that share an edge with each vertex, as rows of a sparse matrix."""

    start: Integer[np.ndarray, "vertices_1"]
    """Neighbours of vertex i are `index[start[i]:start[i + 1]]`."""
    index: Integer[np.ndarray, "pairs"]

    @classmethod
    def of(
        cls, faces: Integer[np.ndarray, "faces 3"], count: int, links: Integer[np.ndarray, "links 2"] | None = None
    ) -> Neighbours:
        """Those of `count` vertices, and of pairs that are linked without an edge."""
        edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).astype(np.int64)
        if links is not None:
            edges = np.concatenate([edges, links.astype(np.int64)])
        both = np.concatenate([edges, edges[:, ::-1]])
        matrix = coo_array((np.ones(len(both), np.int8), (both[:, 0], both[:, 1])), shape=(count, count)).tocsr()
        return cls(start=matrix.indptr.astype(np.int32), index=matrix.indices.astype(np.int32))

    def averaging(self) -> csr_array:
        """Takes values of vertices to the means over their neighbours; a vertex without any keeps its own."""
        count = len(self.start) - 1
        degree = np.diff(self.start)
        alone = np.flatnonzero(degree == 0)
        rows = np.concatenate([np.repeat(np.arange(count), degree), alone])
        values = np.concatenate([np.repeat(1 / np.maximum(degree, 1), degree), np.ones(len(alone))])
        return coo_array((values, (rows, np.concatenate([self.index, alone]))), shape=(count, count)).tocsr()


def blended(
    joints: Integer[np.ndarray, "vertices 4"],
    weights: Float[np.ndarray, "vertices 4"],
    Ts_world_rest: Float[np.ndarray, "joints 4 4"],
) -> tuple[Float[np.ndarray, "vertices 3 3"], Float[np.ndarray, "vertices 3"]]:
    """Linear part and translation that linear blend skinning gives each vertex."""
    rows = _blended(joints, weights.astype(np.float64), np.ascontiguousarray(Ts_world_rest[:, :3], np.float64))
    return rows[..., :3], rows[..., 3]


@njit(cache=True, nogil=True)
def _blended(joints: np.ndarray, weights: np.ndarray, rows: np.ndarray) -> np.ndarray:
    out = np.zeros((len(joints), 3, 4))
    for i in range(len(joints)):
        for k in range(joints.shape[1]):
            w, joint = weights[i, k], joints[i, k]
            if w == 0.0:
                continue
            for a in range(3):
                for b in range(4):
                    out[i, a, b] += w * rows[joint, a, b]
    return out
