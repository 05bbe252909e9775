"""What of a scan is the person: floor and turntable cut away, noise left out, two things refused."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Integer
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from registration.errors import RegistrationError

FLOOR_M2 = 0.12
"""Least area of a floor or turntable. Two soles have 0.04 m², the flattest 16 mm of a back or belly 0.06 m²."""
PLANE_M = 0.008
"""Half the thickness of what counts as one plane: the noise of a hand-held scanner's floor."""
CELL_M = 0.03
CUT_M = 0.012
"""Height above the floor up to which points are the floor's: its noise, and the fillet where a mesh joins the soles."""
PERSON_M = 0.7
"""Least height of a person above the plane they stand on: a wall behind them is nearer than that."""
VOXEL_M = 0.03
NEAR_M = 0.15
"""Parts of a body that holes cut off lie nearer than this to the rest."""
NOISE_SHARE = 0.003
"""Of the largest thing's points: a smaller thing is noise. A child's hand is 0.012."""
SECOND_SHARE = 0.25
"""A second thing with more than this share of the largest thing's points may be a second person."""
TRIES, LOOKED_AT = 150, 4000
"""Planes that are tried, and points that they are tried on: a turntable of a fifth of the points is met 30 times."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Plane:
    """p · up = height on the plane; the person stands on the side of `up`."""

    up: Float[np.ndarray, "3"]
    height: float


def floor_plane(points: Float[np.ndarray, "points 3"], normals: Float[np.ndarray, "points 3"]) -> Plane | None:
    """The plane that a person stands on, of points in metres; None when there is none.

    The plane through one of TRIES random points that covers the largest area, if the rest stands on one side of it.
    """
    rng = np.random.default_rng(0)
    some = rng.choice(len(points), min(len(points), LOOKED_AT), replace=False)
    p, n = points[some], normals[some]
    best, best_area = None, FLOOR_M2
    for start in rng.choice(len(p), min(TRIES, len(p)), replace=False):
        on = _on_plane(p, n, n[start], float(p[start] @ n[start]))
        if on.sum() * CELL_M**2 < best_area:  # no more cells than points
            continue
        area = _covered_m2(p[on], n[start])
        if area > best_area:
            plane = _refined(p, on)
            if plane is not None:
                best, best_area = plane, area
    return best


def above_floor(points: Float[np.ndarray, "points 3"], plane: Plane) -> Bool[np.ndarray, "points"]:
    """Which points stand above the floor."""
    return np.asarray(points @ plane.up - plane.height > CUT_M)


def person_of(points: Float[np.ndarray, "points 3"]) -> tuple[Bool[np.ndarray, "points"], tuple[str, ...]]:
    """Which points are the largest connected thing or a part of it that a hole cut off, and notes of what is not.

    Raises RegistrationError when there is a second thing of comparable size.
    """
    spacing = float(np.median(KDTree(points).query(points[:: max(1, len(points) // 2000)], 2)[0][:, 1]))
    label = _components(points, max(VOXEL_M, 3 * spacing))
    sizes = np.bincount(label)
    main = int(sizes.argmax())
    tree = KDTree(points[label == main])
    kept, second = label == main, 0.0
    for other in np.flatnonzero(sizes > NOISE_SHARE * sizes[main]):
        if other == main:
            continue
        part = label == other
        if tree.query(points[part], distance_upper_bound=NEAR_M)[0].min() < NEAR_M:
            kept |= part
        else:
            second = max(second, sizes[other] / sizes[main])
    if second > SECOND_SHARE:
        raise RegistrationError(
            f"the scan holds two things apart from each other, the second with {100 * second:.0f} % of the points of "
            "the first; cut one of them away"
        )
    lost = 1 - kept.mean()
    notes = (f"{100 * lost:.1f} % of the points belong to other things or noise and were left out",) if lost else ()
    return kept, notes


def _on_plane(p: np.ndarray, n: np.ndarray, up: np.ndarray, height: float) -> np.ndarray:
    return (np.abs(p @ up - height) < PLANE_M) & (np.abs(n @ up) > 0.95)


def _covered_m2(p: np.ndarray, up: np.ndarray) -> float:
    """Area of the cells that points of a plane fall into."""
    across = np.cross(up, np.eye(3)[np.abs(up).argmin()])
    across /= np.linalg.norm(across)
    cells = np.floor(np.stack([p @ across, p @ np.cross(up, across)], 1) / CELL_M).astype(np.int64)
    return len(np.unique(cells, axis=0)) * CELL_M**2


def _refined(p: np.ndarray, on: np.ndarray) -> Plane | None:
    """The plane by least squares, if what is not on it stands on one side and reaches high enough."""
    middle = p[on].mean(0)
    up = np.linalg.svd(p[on] - middle, full_matrices=False)[2][2]
    off = (p - middle) @ up
    rest = off[np.abs(off) > 2 * PLANE_M]
    if not len(rest):
        return None
    if np.median(rest) < 0:
        up, rest = -up, -rest
    if np.mean(rest > 0) < 0.7 or np.percentile(rest, 98) < PERSON_M:
        return None
    return Plane(up=up, height=float(middle @ up))


def _components(points: np.ndarray, voxel: float) -> Integer[np.ndarray, "points"]:
    """Number of the connected thing that each point belongs to: voxels that touch, also at a corner."""
    cells = np.floor((points - points.min(0)) / voxel).astype(np.int64) + 1
    size = cells.max(0) + 2
    step = np.array([size[1] * size[2], size[2], 1])
    keys, of_point = np.unique(cells @ step, return_inverse=True)
    offsets = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3, indexing="ij"), -1).reshape(-1, 3) @ step
    rows, columns = [], []
    for offset in offsets[offsets > 0]:
        found = np.searchsorted(keys, keys + offset)
        hit = np.flatnonzero((found < len(keys)) & (keys[np.minimum(found, len(keys) - 1)] == keys + offset))
        rows.append(hit)
        columns.append(found[hit])
    edges = (np.concatenate(rows), np.concatenate(columns))
    graph = coo_array((np.ones(len(edges[0]), np.int8), edges), shape=(len(keys), len(keys)))
    return connected_components(graph, directed=False)[1][of_point.ravel()]
