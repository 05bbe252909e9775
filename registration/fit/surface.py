"""What clouds say about a body: each point lies on its surface, or a little outside where there are clothes."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer

from body.joints import PARENTS
from geometry.cloud import PointCloud
from registration.fit import robust as fit_robust
from registration.fit.accumulate import surface_block
from registration.fit.matching import Ring, match_points
from registration.fit.posing import PosedClip
from registration.fit.posing_kernels import vertex_normals_clip
from registration.fit.system import NormalEquations
from registration.fit.terms.clothing import Clothing, FramePoints

MIN_AGREEMENT = 0.3
"""Least cosine between the normals of a point and of the body (72°): it keeps an arm off the chest it hangs before."""
REACH = 3.0
"""Points further from the body than this many kernels have no match: their weight would be 1 %."""
CLOTHES_REACH_M = 0.12
"""Least reach where margins of clothes are known: skirts and open coats stand off that far."""
_PARENTS = np.array(PARENTS, np.int64)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class CloudPoints:
    """The same number of points of each frame's cloud; `weight` is 0 where there are fewer."""

    points: Float[np.ndarray, "frames points 3"]
    normals: Float[np.ndarray, "frames points 3"]
    sigma: Float[np.ndarray, "frames points"]
    weight: Float[np.ndarray, "frames points"]

    @classmethod
    def of(cls, clouds: Sequence[PointCloud | None], count: int, rng: np.random.Generator) -> CloudPoints:
        """A random part of each cloud; frames without one have no weight. Clouds need normals."""
        T = len(clouds)
        points, normals = np.zeros((T, count, 3)), np.tile([0.0, 0.0, 1.0], (T, count, 1))
        sigma, weight = np.full((T, count), 0.01), np.zeros((T, count))
        for t, cloud in enumerate(clouds):
            if cloud is None or not len(cloud):
                continue
            n = min(count, len(cloud))
            some = np.sort(rng.choice(len(cloud), n, replace=False))
            points[t, :n], weight[t, :n] = cloud.points[some], 1.0
            if cloud.normals is not None:
                normals[t, :n] = cloud.normals[some]
            if cloud.sigma is not None:
                sigma[t, :n] = cloud.sigma[some]
        return cls(points=points, normals=normals, sigma=sigma, weight=weight)

    def at(self, frames: Integer[np.ndarray, "some"]) -> CloudPoints:
        """Those of some frames."""
        return CloudPoints(
            points=self.points[frames],
            normals=self.normals[frames],
            sigma=self.sigma[frames],
            weight=self.weight[frames],
        )

    def thinned(self, step: int) -> CloudPoints:
        """One point of so many."""
        return CloudPoints(
            points=np.ascontiguousarray(self.points[:, ::step]),
            normals=np.ascontiguousarray(self.normals[:, ::step]),
            sigma=self.sigma[:, ::step],
            weight=self.weight[:, ::step],
        )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Surface:
    """Robust point-to-plane distances from clouds to the body, with the closest points of the present estimate."""

    cloud: CloudPoints
    sigma_m: float
    independent: float
    kernel_m: float
    clothes_weight: float
    ring: Ring | None = None
    """Of the body's faces, where it is known already."""
    threads: int = 1
    clothing: Clothing | None = None
    """Margins of clothes, which then replace sigma, independent, kernel and clothes_weight."""

    def add(self, system: NormalEquations, body: PosedClip) -> None:
        """Adds all points of all frames."""
        ring = Ring.of(body.model.faces, body.vertices.shape[1]) if self.ring is None else self.ring
        _ = body.normals  # made once, before the threads need them
        which = np.flatnonzero(self.cloud.weight.any(1)).tolist()
        with ThreadPoolExecutor(self.threads) as pool:
            for t, (A, b, cost) in zip(which, pool.map(lambda t: self._block(t, body, ring), which)):
                system.add_block(t, A, b)
                system.cost += cost

    def _block(self, t: int, body: PosedClip, ring: Ring) -> tuple[np.ndarray, np.ndarray, float]:
        """One frame's J^T W J, J^T W r and cost."""
        cloud, f, m = self.cloud, body.frames, body.model
        match = match_points(
            cloud.points[t], cloud.normals[t], body.vertices[t], body.normals[t], m.faces, ring,
            max(REACH * self.kernel_m, 0.0 if self.clothing is None else CLOTHES_REACH_M), MIN_AGREEMENT,
        )  # fmt: skip
        known = match.face >= 0
        offset = np.where(known[:, None], cloud.points[t] - match.points, 0.0)
        residual = (offset * match.normals).sum(-1)
        squared = np.where(known, (offset**2).sum(-1) / self.kernel_m**2, REACH**2)
        agreement = np.where(known, np.maximum((match.normals * cloud.normals[t]).sum(-1), 0.0), 1.0)
        corners = m.faces[match.face]
        geometry = (
            corners, match.bary, match.normals, body.rest[t], m.carriers, m.weights, m.directions, f.R[t],
            f.R_parent[t], f.t[t], f.joints[t], f.d_t[t], _PARENTS,
        )  # fmt: skip
        if self.clothing is not None:
            points = FramePoints(
                residual=residual,
                aside=np.maximum((offset**2).sum(-1) - residual**2, 0.0),
                trust=np.where(known, cloud.weight[t] * agreement, 0.0),
                sigma=cloud.sigma[t],
                vertex=corners[np.arange(len(corners)), match.bary.argmax(1)],
            )
            return self.clothing.equations(points, *geometry)
        trust = cloud.weight[t] * agreement * np.where(residual > 0, self.clothes_weight, 1.0)
        trust = trust * (self.independent / cloud.weight.shape[1])
        sigma2 = cloud.sigma[t] ** 2 + self.sigma_m**2
        # the robust cost is in units of the kernel: at the kernel's distance a point's pull is cut to a quarter
        information = np.where(known, trust * fit_robust.weight(squared, 1.0) / sigma2, 0.0)
        cost = float((trust * fit_robust.cost(squared, 1.0) * self.kernel_m**2 / sigma2).sum())
        A, b = surface_block(*geometry[:3], information, residual, *geometry[3:])
        return A, b, cost


def vertex_normals(
    vertices: Float[np.ndarray, "vertices 3"], faces: Integer[np.ndarray, "faces 3"]
) -> Float[np.ndarray, "vertices 3"]:
    """Unit outward normals, weighted by the faces' areas."""
    return vertex_normals_clip(np.asarray(vertices, np.float64)[None], np.asarray(faces, np.int64))[0]
