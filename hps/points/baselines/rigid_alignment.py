"""A rigid body brought onto a cloud from several headings: iterative closest points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float
from scipy.spatial import KDTree
from scipy.spatial.transform import Rotation

from geometry.rigid import rigid, rotate, transform

HEADINGS: Final = 8
ROUNDS: Final = 30
KEPT: Final = 0.9
"""Share of the points that count, the nearest: the others may be no skin (trimmed ICP, Chetverikov et al. 2005)."""
STILL_M: Final = 1e-4
"""A start whose mean distance changes by less has ended."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Aligned:
    """Where one start ended."""

    T: Float[np.ndarray, "4 4"]
    """Brings the body onto the cloud."""
    distance_m: float
    """Mean of the kept points' distances to the body's nearest vertex."""


def aligned(
    vertices: Float[np.ndarray, "vertices 3"],
    normals: Float[np.ndarray, "vertices 3"],
    points: Float[np.ndarray, "points 3"],
    rays: Float[np.ndarray, "points 3"],
    pivot: Float[np.ndarray, "3"],
    headings: int = HEADINGS,
    rounds: int = ROUNDS,
) -> Aligned:
    """The best end of starts about the vertical (z) through `pivot`.

    Each point is matched with the nearest vertex among those that may be seen along the mean ray (Besl and McKay 1992);
    where rays are not known, among all.
    """
    turns = np.linspace(0, 2 * np.pi, headings, endpoint=False)
    ends = [_from(vertices, normals, points, rays.mean(0), _turned_about(pivot, turn), rounds) for turn in turns]
    return min(ends, key=lambda end: end.distance_m)


def _from(
    vertices: np.ndarray, normals: np.ndarray, points: np.ndarray, ray: np.ndarray, T: np.ndarray, rounds: int
) -> Aligned:
    kept = max(3, round(KEPT * len(points)))
    before = np.inf
    for _ in range(rounds):
        facing = rotate(T, normals) @ ray <= 0
        some = vertices[facing] if facing.sum() >= 3 else vertices
        placed = transform(T, some)
        distance, which = (np.asarray(found) for found in KDTree(placed).query(points))
        order = np.argsort(distance)[:kept]
        now = float(distance[order].mean())
        if abs(before - now) < STILL_M:
            break
        before = now
        T = kabsch(placed[which[order]], points[order]) @ T
    return Aligned(T=T, distance_m=before)


def kabsch(a: Float[np.ndarray, "points 3"], b: Float[np.ndarray, "points 3"]) -> Float[np.ndarray, "4 4"]:
    """The rigid motion that takes points a nearest to points b (Kabsch 1976)."""
    middle_a, middle_b = a.mean(0), b.mean(0)
    U, _, Vh = np.linalg.svd((b - middle_b).T @ (a - middle_a))
    R = U @ np.diag([1, 1, np.linalg.det(U @ Vh)]) @ Vh
    return rigid(R, middle_b - R @ middle_a)


def _turned_about(pivot: np.ndarray, angle: float) -> Float[np.ndarray, "4 4"]:
    R = Rotation.from_rotvec([0, 0, angle]).as_matrix()
    return rigid(R, pivot - R @ pivot)
