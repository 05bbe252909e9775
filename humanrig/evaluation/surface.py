"""Errors in space: the fused clouds against the final mesh and against the naked body."""

from __future__ import annotations

from typing import Any

import numpy as np

from geometry.rays import RayScene
from humanrig.evaluation.summary import summary
from humanrig.results import Results

POINTS_PER_INSTANT = 20_000


def surface_errors(results: Results, most_instants: int | None = None) -> dict[str, Any]:
    """The keys `cloud_to_surface_mm` and `cloud_to_body_mm` of docs/evaluation.md; None without clouds.

    `most_instants`: of a longer clip so many, evenly spread.
    """
    has_mesh = results.has_surface
    to_mesh, to_body = [], []
    count = len(results.instants)
    for row in np.unique(np.linspace(0, count - 1, min(count, most_instants or count)).round().astype(int)).tolist():
        instant = results.instants[row]
        cloud = results.cloud(instant)
        if cloud is None or len(cloud) == 0:
            continue
        points = cloud.points[:: max(1, len(cloud) // POINTS_PER_INSTANT)].astype(np.float64)
        body = results.model.pose(results.parameters[row : row + 1]).vertices[0]
        to_body.append(RayScene(body, results.model.faces).closest(points).distance)
        if has_mesh:
            surface = results.surface(instant)
            to_mesh.append(RayScene(surface.vertices, surface.faces).closest(points).distance)
    return {"cloud_to_surface_mm": _summary(to_mesh), "cloud_to_body_mm": _summary(to_body)}


def _summary(distances: list[np.ndarray]) -> dict[str, float | None] | None:
    return summary(1e3 * np.concatenate(distances), "mean", "median", "p95") if distances else None
