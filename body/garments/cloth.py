"""All pieces of a costume as one cloth: skinned, smoothed, folded, and kept off the body; numba, no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numba as nb
import numpy as np
from jaxtyping import Bool, Float, Int32

from body.garments.contact import PosedSurface, vertex_normals
from body.garments.folds import FoldField, compression, raise_folds
from body.garments.kernels import COMPILED
from body.garments.lofting import Loft

_JOINTS: Final = 6
"""Joints that move a point, at most."""
_SMOOTHING: Final = 3
_SPREADING: Final = 4


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Cloth:
    """Rest geometry of all pieces and what moves it."""

    rest: Float[np.ndarray, "points 3"]
    faces: Int32[np.ndarray, "faces 3"]
    joints: Int32[np.ndarray, "points 6"]
    shares: Float[np.ndarray, "points 6"]
    starts: Int32[np.ndarray, "points_plus_one"]
    lists: Int32[np.ndarray, "neighbours"]
    """Neighbours for smoothing."""
    soft: Float[np.ndarray, "points"]
    near: Int32[np.ndarray, "points 2"]
    clearance: Float[np.ndarray, "points"]
    ceiling: Float[np.ndarray, "points"]
    """Most distance from the skin: finite under another garment."""
    crowded: Bool[np.ndarray, "points"]
    """Cloth that other parts of the body may press on; not skirts and what does not fold."""
    folds: FoldField
    lofts: tuple[tuple[int, Loft], ...] = ()
    """Skirts, with their first points."""

    @property
    def nowhere(self) -> Bool[np.ndarray, "points"]:
        """No point."""
        return np.zeros(len(self.rest), bool)

    def move(
        self, surface: PosedSurface, Ts_world_rest: Float[np.ndarray, "24 4 4"], up: Float[np.ndarray, "3"]
    ) -> Float[np.ndarray, "points 3"]:
        """The cloth over a posed body, in its frame, metres; `up` is the unit direction against gravity."""
        points = _skin(self.rest, self.joints, self.shares, np.ascontiguousarray(Ts_world_rest, np.float64))
        near = self.near.copy()
        for first, loft in self.lofts:
            rings = loft.around(surface.vertices, up).reshape(-1, 3)
            points[first : first + len(rings)] = rings
        points = _smooth(points, self.starts, self.lists, self.soft, _SMOOTHING)
        surface.push_out(points, np.where(self.crowded, self.clearance, -1.0), self.ceiling, near, self.nowhere)
        points = _smooth(points, self.starts, self.lists, self.soft, _SMOOTHING)
        squeezed = compression(points, self.folds.ends, self.folds.lengths, self.starts, self.lists, _SPREADING)
        normals = vertex_normals(points, self.faces)
        raise_folds(points, normals, squeezed, self.folds.waves, self.folds.deepest, self.folds.gain)
        surface.push_out(points, self.clearance, self.ceiling, near, self.crowded)
        return points


def strongest_joints(weights: Float[np.ndarray, "points 24"]) -> tuple[np.ndarray, np.ndarray]:
    """The joints that move each point and their shares, which sum to 1."""
    joints = np.argsort(-weights, 1)[:, :_JOINTS]
    shares = np.take_along_axis(weights, joints, 1)
    return joints.astype(np.int32), shares / shares.sum(1, keepdims=True)


@nb.njit(**COMPILED)
def _skin(rest, joints, shares, Ts):
    points = np.zeros_like(rest)
    for i in range(len(rest)):
        for k in range(joints.shape[1]):
            w = shares[i, k]
            if w > 0:
                T = Ts[joints[i, k]]
                for c in range(3):
                    points[i, c] += w * (T[c, 0] * rest[i, 0] + T[c, 1] * rest[i, 1] + T[c, 2] * rest[i, 2] + T[c, 3])
    return points


@nb.njit(**COMPILED)
def _smooth(points, starts, lists, soft, steps):
    for _ in range(steps):
        moved = points.copy()
        for i in range(len(points)):
            count = starts[i + 1] - starts[i]
            if soft[i] > 0 and count > 0:
                share = 0.5 * soft[i]
                for c in range(3):
                    total = 0.0
                    for j in range(starts[i], starts[i + 1]):
                        total += points[lists[j], c]
                    moved[i, c] += share * (total / count - points[i, c])
        points = moved
    return points
