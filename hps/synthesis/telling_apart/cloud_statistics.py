"""What the local structure of a cloud is like, as a row of numbers: noise, its likeness among neighbours, edges, holes.

Every number is of a kind in which simulated sensors usually give themselves away. None is of the body's shape or pose.
"""

from __future__ import annotations

from typing import Final
from weakref import WeakKeyDictionary

import numpy as np
from jaxtyping import Float
from scipy.ndimage import binary_closing
from scipy.spatial import KDTree

from hps.errors import HpsError
from hps.synthesis.telling_apart.seen_cloud import SeenCloud

LEAST_POINTS: Final = 200
"""A smaller cloud has no statistics."""
QUANTILES: Final = (0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
NEIGHBOURS: Final = 12
QUERIED: Final = 600
"""Points whose neighbourhood in space is looked at."""
STEP_M: Final = 0.04
"""Neighbouring pixels that differ by more are an edge."""
FLYING_M: Final = 0.03
"""A point with fewer than three others within this distance flies."""

_known: WeakKeyDictionary[SeenCloud, np.ndarray] = WeakKeyDictionary()
"""Of clouds that are still in use: a cloud is looked at by several classifiers, and against several others."""


def cloud_statistics(cloud: SeenCloud) -> Float[np.ndarray, "statistics"]:
    """One row of numbers. Raises HpsError for fewer than LEAST_POINTS points."""
    if len(cloud.points) < LEAST_POINTS:
        raise HpsError(
            f"a cloud of '{cloud.group}' has {len(cloud.points)} points; statistics need {LEAST_POINTS} or more"
        )
    if cloud not in _known:
        _known[cloud] = np.concatenate([_of_image(cloud), _in_space(cloud)]).astype(np.float64)
    return _known[cloud]


def _of_image(cloud: SeenCloud) -> list[float]:
    """Of the depth image: bends along rows and columns, how alike they are, steps, holes, outline."""
    z = cloud.depth_image()
    there = np.isfinite(z)
    rows: list[float] = []
    bends = []
    for axis in (0, 1):
        image = z if axis == 0 else z.T
        bend = image[:-2] - 2 * image[1:-1] + image[2:]
        scaled = bend / image[1:-1]
        flat = np.abs(bend) < STEP_M
        bends.append(np.where(flat, scaled, np.nan))
        values = np.abs(scaled[flat])
        rows += [*_quantiles(np.log(values + 1e-6))]
        step = np.abs(np.diff(image, axis=0))
        known = np.isfinite(step)
        rows += [float((step[known] > limit).mean()) for limit in (0.01, 0.02, STEP_M, 0.1)]
    for bend in bends:
        rows += [_likeness(bend, apart, axis) for apart in (1, 2, 3) for axis in (0, 1)]
    whole = binary_closing(there, np.ones((3, 3), bool))
    inner = whole & ~there
    shifts = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j]
    neighbours = np.sum([np.roll(there, shift, (0, 1)) for shift in shifts], 0)[there]
    beside_step = np.nan_to_num(_highest_step(z))[there] > STEP_M
    rows += [float(inner.sum() / there.sum())]
    rows += [float((neighbours == n).mean()) for n in range(9)]
    rows += [float((neighbours[beside_step] < 8).mean()) if beside_step.any() else 0.0]
    millimetres = cloud.points[:, 2].astype(np.float64) * 1000
    rows += [float(np.round(np.abs(millimetres - np.rint(millimetres)), 2).mean())]  # not float32's own rounding
    return rows


def _in_space(cloud: SeenCloud) -> list[float]:
    """Of points and their neighbours in space, distances as parts of the depth."""
    points = cloud.points.astype(np.float64)
    tree = KDTree(points)
    chosen = points[:: max(1, len(points) // QUERIED)]
    distance, index = tree.query(chosen, NEIGHBOURS + 1)
    scale = chosen[:, 2]
    near = points[index]
    middle = near.mean(1, keepdims=True)
    values, vectors = np.linalg.eigh(np.einsum("nki,nkj->nij", near - middle, near - middle) / (NEIGHBOURS + 1))
    off = np.abs(np.einsum("ni,ni->n", chosen - middle[:, 0], vectors[:, :, 0]))
    ray = chosen / np.linalg.norm(chosen, axis=1, keepdims=True)
    cosine = np.abs(np.einsum("ni,ni->n", ray, vectors[:, :, 0]))
    rows = [*_quantiles(distance[:, 1] / scale), *_quantiles(distance[:, NEIGHBOURS] / scale)]
    rows += [
        *_quantiles(np.log(off / scale + 1e-6)),
        *_quantiles(np.log(np.sqrt(np.maximum(values[:, 0], 0)) / scale + 1e-6)),
    ]
    rows += [*_quantiles(cosine)]
    rows += [float((distance[:, 3] > FLYING_M * limit).mean()) for limit in (0.5, 1, 2)]
    steep = cosine < 0.4
    rows += [float(np.log(np.sqrt(np.maximum(values[steep, 0], 0)).mean() + 1e-6)) if steep.any() else -14.0]
    return rows


def _likeness(bend: np.ndarray, apart: int, axis: int) -> float:
    """Correlation of a pixel's bend with that of another so many pixels away."""
    a = bend[: bend.shape[0] - apart] if axis == 0 else bend[:, : bend.shape[1] - apart]
    b = bend[apart:] if axis == 0 else bend[:, apart:]
    both = np.isfinite(a) & np.isfinite(b)
    if both.sum() < 50:
        return 0.0
    x, y = np.clip(a[both], -0.01, 0.01), np.clip(b[both], -0.01, 0.01)
    return float(np.corrcoef(x, y)[0, 1]) if x.std() > 0 and y.std() > 0 else 0.0


def _highest_step(z: np.ndarray) -> np.ndarray:
    """Largest change of depth to a neighbour in the row or the column; NaN without any."""
    steps = [np.abs(z - np.roll(z, by, axis)) for axis in (0, 1) for by in (1, -1)]
    with np.errstate(invalid="ignore"):
        return np.fmax(np.fmax(steps[0], steps[1]), np.fmax(steps[2], steps[3]))


def _quantiles(values: np.ndarray) -> np.ndarray:
    return np.quantile(values, QUANTILES) if len(values) else np.zeros(len(QUANTILES))
