"""How well a tracked surface fits an instant: what of the cloud it leaves out, and how far it had to stretch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from geometry.cloud import PointCloud
from geometry.rays import RayScene
from texture.tracking.template import Template

FAR_M = 0.012
"""A point of the cloud farther from the surface is not explained by it: the clouds' own p99.9 is 6 mm."""
STRETCH = 2.5
"""An edge this much longer than in the template spans a gap that has opened."""
SAMPLES = 6000
"""Points that are looked at: a share of 1 % is then known to 0.13 %."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Quality:
    """Of one instant; lower is better."""

    median_m: float
    """Median distance from the cloud to the surface."""
    unexplained: float
    """Share of the cloud that lies farther than `FAR_M` from the surface."""
    stretched: float
    """Share of the edges that are `STRETCH` times as long as in the template."""


def quality_of(template: Template, vertices: Float[np.ndarray, "vertices 3"], cloud: PointCloud | None) -> Quality:
    """Of a surface at an instant; the distances are NaN without a cloud."""
    a, b = vertices[template.edges[:, 0]], vertices[template.edges[:, 1]]
    longer = np.linalg.norm(a - b, axis=1) > STRETCH * np.maximum(template.edge_m, 1e-3)
    stretched = float(longer.mean())
    if cloud is None or not len(cloud):
        return Quality(median_m=float("nan"), unexplained=float("nan"), stretched=stretched)
    points = np.asarray(cloud.points[:: max(len(cloud) // SAMPLES, 1)], np.float64)
    points = points[np.isfinite(points).all(1)]
    if not len(points):
        return Quality(median_m=float("nan"), unexplained=float("nan"), stretched=stretched)
    distance = RayScene(vertices, template.mesh.faces).closest(points).distance
    return Quality(
        median_m=float(np.median(distance)), unexplained=float((distance > FAR_M).mean()), stretched=stretched
    )
