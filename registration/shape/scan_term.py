"""What scans say about a body: their points lie on its skin or a margin outside, and all of the skin has points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int64
from scipy.spatial import KDTree

from geometry.rays import RayScene
from registration.fit.term import NormalEquations, PosedClip
from registration.shape.margins import REGIONS, expected_margin, likelihood, scales
from registration.shape.sources import StaticSource, even_subset

MIN_AGREEMENT = 0.4
"""Least cosine between the normals of a point and of the body (66°)."""
MODEL_SIGMA_M = 0.004
"""What no shape coefficients describe: the bank's adults are 6 mm away from the nearest body of 16 betas, root mean
square over all three axes, so 3.5 mm along the normal."""
INDEPENDENT = 80.0
"""Points that count as independent, of each source and each way: neighbours share the model's error and the cloth.
With 700, ten betas of an A-pose in ten depth cameras were 22 mm off at rest instead of 7, and eight of their own
deviations instead of two."""
OUTLIER_COST = 4.5
"""Of a point that is nowhere near: as much as one at three standard deviations."""
BACKWARD = 1500
"""Vertices of the body that look for their points."""


@dataclass(kw_only=True)
class ScanSurface:
    """Distances along normals, both ways, robust beyond the kernel, one-sided where cloth, hair or shoes may be."""

    sources: Sequence[StaticSource]
    region: Int64[np.ndarray, "vertices"]
    kernel_m: float
    count: int
    scale: Float[np.ndarray, "regions"] = field(default_factory=lambda: np.full(len(REGIONS), 0.003))
    _some: list[np.ndarray] = field(init=False)
    _trees: list[KDTree] = field(init=False)

    def __post_init__(self) -> None:
        rng = np.random.default_rng(0)
        self._trees = [KDTree(source.points) for source in self.sources]
        self._some = [even_subset(source.points, self.count, rng) for source in self.sources]

    def add(self, system: NormalEquations, body: PosedClip) -> None:
        """Adds both ways for all sources."""
        for frame in range(len(self.sources)):
            self._to_body(system, body, frame)
            self._to_scan(system, body, frame)

    @property
    def worst_cost(self) -> float:
        """The cost of a body that no point is near to."""
        return 2 * OUTLIER_COST * INDEPENDENT * len(self.sources)

    def fit_margins(self, body: PosedClip, rounds: int = 4) -> Float[np.ndarray, "regions"]:
        """The scale of each region's margin at the present estimate, by expectation and maximisation."""
        matches = [self._match(body, frame) for frame in range(len(self.sources))]
        residual, sigma, trust, region = (
            np.concatenate([getattr(match, name) for match in matches])
            for name in ("residual", "sigma", "trust", "region")
        )
        scale = self.scale
        for _ in range(rounds):
            margin = expected_margin(residual, sigma, scale[region])
            scale = scales(margin, trust * (INDEPENDENT / self.count), region)
        return scale

    def _match(self, body: PosedClip, frame: int) -> _Match:
        source, some = self.sources[frame], self._some[frame]
        points, normals = source.points[some], source.normals[some]
        closest = RayScene(body.vertices[frame], body.model.faces).closest(points)
        corners = body.model.faces[closest.face]
        normal = np.einsum("nk,nki->ni", closest.bary, body.normals[frame][corners])
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
        agreement = (normal * normals).sum(1)
        if not source.oriented:
            agreement = np.abs(agreement)
        residual = ((points - closest.points) * normal).sum(1)
        region = self.region[corners[np.arange(len(corners)), closest.bary.argmax(1)]]
        # far points count less; how far is far grows with the cloth
        reach = self.kernel_m + 3 * self.scale[region] * (residual > 0)
        trust = np.where(agreement > MIN_AGREEMENT, agreement, 0.0) * _robust(closest.distance, reach)
        sigma = np.hypot(source.sigma[some], MODEL_SIGMA_M)
        return _Match(corners, closest.bary, normal, residual, sigma, trust, region)

    def _to_body(self, system: NormalEquations, body: PosedClip, frame: int) -> None:
        m = self._match(body, frame)
        cost, slope, weight = likelihood(m.residual, m.sigma, self.scale[m.region])
        at = np.full(len(m.residual), frame)
        rows = sum(
            m.bary[:, k, None] * body.vertex_rows(at, m.corners[:, k], m.normal) for k in range(3)
        )  # fmt: skip
        share = m.trust * INDEPENDENT / self.count
        lost = (1 - m.trust) * OUTLIER_COST * INDEPENDENT / self.count
        system.add_rows(at, np.asarray(rows), share * weight, slope / weight, float((share * cost + lost).sum()))

    def _to_scan(self, system: NormalEquations, body: PosedClip, frame: int) -> None:
        source = self.sources[frame]
        some = np.linspace(0, len(self.region) - 1, BACKWARD).astype(int)
        vertices, outward = body.vertices[frame][some], body.normals[frame][some]
        distance, nearest = self._trees[frame].query(vertices, distance_upper_bound=2 * self.kernel_m)
        found = np.isfinite(distance)
        nearest = np.where(found, nearest, 0)
        normal = source.normals[nearest]
        agreement = (normal * outward).sum(1)
        if not source.oriented:
            normal = normal * np.where(agreement < 0, -1.0, 1.0)[:, None]
            agreement = np.abs(agreement)
        residual = ((source.points[nearest] - vertices) * normal).sum(1)
        region = self.region[some]
        trust = found * (agreement > MIN_AGREEMENT) * agreement
        trust = trust * _robust(np.where(found, distance, 1.0), self.kernel_m + 3 * self.scale[region])
        sigma = np.hypot(source.sigma[nearest], MODEL_SIGMA_M)
        cost, slope, weight = likelihood(residual, sigma, self.scale[region])
        at = np.full(len(some), frame)
        share = trust * INDEPENDENT / BACKWARD
        lost = (1 - trust) * OUTLIER_COST * INDEPENDENT / BACKWARD
        system.add_rows(
            at, body.vertex_rows(at, some, normal), share * weight, slope / weight, float((share * cost + lost).sum())
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Match:
    corners: Int64[np.ndarray, "points 3"]
    bary: Float[np.ndarray, "points 3"]
    normal: Float[np.ndarray, "points 3"]
    residual: Float[np.ndarray, "points"]
    sigma: Float[np.ndarray, "points"]
    trust: Float[np.ndarray, "points"]
    region: Int64[np.ndarray, "points"]


def _robust(distance: np.ndarray, kernel: np.ndarray | float) -> np.ndarray:
    """Geman–McClure's weight."""
    return (kernel**2 / (kernel**2 + distance**2)) ** 2
