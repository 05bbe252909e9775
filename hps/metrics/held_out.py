"""How near a body is to the points of cameras that its estimator never saw: a measure that needs no true body."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float, Integer

from geometry.ray_refinement import barycentric_points
from geometry.rays import RayScene
from hps.errors import HpsError
from hps.points.person_cloud import PersonCloud

CROSS_VIEW_FLOOR_MM: Final = (5.6, 6.5)
"""Median distance between the clouds of two cameras on the skin both see, in HuMMan-Point: no body can do better."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SurfaceDistance:
    """Distances of points from a body's surface, millimetres."""

    points: int
    mean_mm: float
    median_mm: float
    p90_mm: float


def surface_distances_mm(
    points: Float[np.ndarray, "points 3"],
    vertices: Float[np.ndarray, "vertices 3"],
    faces: Integer[np.ndarray, "faces 3"],
) -> Float[np.ndarray, "points"]:
    """Distance of each point from the nearest point of the mesh, inside or outside, millimetres.

    Embree chooses the face in float32; among faces that meet at an edge it may take the second best. All faces around
    the chosen one are therefore measured again in float64.
    """
    p, corners = np.asarray(points, np.float64), np.asarray(vertices, np.float64)
    chosen = np.asarray(faces)[RayScene(corners, faces).closest(p).face]
    order = np.argsort(faces, axis=None, kind="stable")
    first = np.searchsorted(np.asarray(faces).ravel()[order], np.arange(len(corners) + 1))
    count = np.diff(first)[chosen]
    row = np.repeat(np.arange(len(p)), count.sum(1))
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count.ravel(), count.ravel())
    around = order[np.repeat(first[chosen].ravel(), count.ravel()) + within] // 3
    found, _ = barycentric_points(p[row], corners, np.asarray(faces, np.int64), around.astype(np.int32))
    nearest = np.full(len(p), np.inf)
    np.minimum.at(nearest, row, np.linalg.norm(found - p[row], axis=-1))
    return 1000.0 * nearest


def split_by_camera(cloud: PersonCloud, held_out: Collection[int]) -> tuple[PersonCloud, PersonCloud]:
    """The points that the estimator may see, and those of the cameras that are held out, in this order.

    Raises HpsError when either would be empty, or when a point's camera is not known.
    """
    if (cloud.camera < 0).any():
        raise HpsError(
            f"{int((cloud.camera < 0).sum())} of {len(cloud)} points come from no known camera, so that none can be "
            "held out; give PersonCloud.camera"
        )
    out = np.isin(cloud.camera, list(held_out))
    if out.all() or not out.any():
        raise HpsError(
            f"cameras {sorted(held_out)} have {int(out.sum())} of {len(cloud)} points; hold out some cameras that have "
            "points, and not all"
        )
    return cloud.select(~out), cloud.select(out)


def held_out_distance(
    held_out: PersonCloud, vertices: Float[np.ndarray, "vertices 3"], faces: Integer[np.ndarray, "faces 3"]
) -> SurfaceDistance:
    """How near the body is to points that its estimator did not see.

    Clothes, hair and what else was taken for the person stay in it: read it beside CROSS_VIEW_FLOOR_MM, and compare
    methods on the same points. A body that is too large or that nobody stands in is not punished where no point is.
    """
    distances = surface_distances_mm(held_out.points, vertices, faces)
    return SurfaceDistance(
        points=len(distances),
        mean_mm=float(distances.mean()),
        median_mm=float(np.median(distances)),
        p90_mm=float(np.quantile(distances, 0.9)),
    )
