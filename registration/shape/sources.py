"""What a static fit looks at: scans and frames of people who stand still."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int64

from geometry.cloud import PointCloud


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class StaticSource:
    """One still look at a person from all sides, upright: z up, metres."""

    name: str
    """For messages: a file, or an instant of a take."""
    points: Float[np.ndarray, "points 3"]
    normals: Float[np.ndarray, "points 3"]
    sigma: Float[np.ndarray, "points"]
    """Of each point along its normal, metres."""
    oriented: bool = True
    """Whether the normals point outward."""
    floor_m: float | None = None
    """Height of what the person stands on; None where it is not known."""
    rotations: Float[np.ndarray, "24 3 3"] | None = None
    """A first guess of the pose; None: it is searched for."""
    transl: Float[np.ndarray, "3"] | None = None
    R_world_scan: Float[np.ndarray, "3 3"] | None = None
    """How a scan's axes were turned."""


def even_subset(
    points: Float[np.ndarray, "points 3"], count: int, rng: np.random.Generator
) -> Int64[np.ndarray, "some"]:
    """Indices of about `count` points spread evenly over the surface, whatever the density: one for each voxel."""
    low, high = 0.002, 0.2
    order = rng.permutation(len(points))[: 8 * count]
    best = order[:count]
    for _ in range(8):
        size = (low * high) ** 0.5
        cells = np.floor(points[order] / size).astype(np.int64)
        _, first = np.unique(cells @ np.array([1, 100_003, 10_000_600_009]), return_index=True)
        best = order[first]
        low, high = (size, high) if len(best) > count else (low, size)
    return np.sort(best[:count] if len(best) <= count else rng.permutation(best)[:count])


def of_cloud(cloud: PointCloud, name: str, least_sigma_m: float = 0.001) -> StaticSource:
    """A frame's cloud; its normals point toward the cameras, so outward."""
    assert cloud.normals is not None
    sigma = np.full(len(cloud), 0.004) if cloud.sigma is None else np.asarray(cloud.sigma, np.float64)
    return StaticSource(
        name=name,
        points=np.asarray(cloud.points, np.float64),
        normals=np.asarray(cloud.normals, np.float64),
        sigma=np.maximum(sigma, least_sigma_m),
        floor_m=0.0,
    )
