"""What clouds say about a body: each point lies on its surface, or a little outside where there are clothes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer

from body.joints import PARENTS
from geometry.cloud import PointCloud
from geometry.rays import RayScene
from registration.fit import robust as fit_robust
from registration.fit.accumulate import surface_block
from registration.fit.posing import PosedClip
from registration.fit.posing_kernels import vertex_normals_clip
from registration.fit.system import NormalEquations

MIN_AGREEMENT = 0.3
"""Least cosine between the normals of a point and of the body (72°): it keeps an arm off the chest it hangs before."""
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


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Surface:
    """Robust point-to-plane distances from clouds to the body, with the closest points of the present estimate."""

    cloud: CloudPoints
    sigma_m: float
    independent: float
    kernel_m: float
    clothes_weight: float

    def add(self, system: NormalEquations, body: PosedClip) -> None:
        """Adds all points of all frames."""
        for t in np.flatnonzero(self.cloud.weight.any(1)):
            self._add(system, int(t), body)

    def _add(self, system: NormalEquations, t: int, body: PosedClip) -> None:
        cloud, f, m = self.cloud, body.frames, body.model
        match = closest_on_body(body.vertices[t], body.normals[t], m.faces, cloud.points[t])
        offset = cloud.points[t] - match.points
        residual = (offset * match.normals).sum(-1)
        squared = (offset**2).sum(-1) / self.kernel_m**2
        agreement = (match.normals * cloud.normals[t]).sum(-1)
        trust = cloud.weight[t] * np.where(agreement > MIN_AGREEMENT, agreement, 0.0)
        trust = trust * np.where(residual > 0, self.clothes_weight, 1.0)
        trust = trust * (self.independent / cloud.weight.shape[1])
        sigma2 = cloud.sigma[t] ** 2 + self.sigma_m**2
        # the robust cost is in units of the kernel: at the kernel's distance a point's pull is cut to a quarter
        information = trust * fit_robust.weight(squared, 1.0) / sigma2
        system.cost += float((trust * fit_robust.cost(squared, 1.0) * self.kernel_m**2 / sigma2).sum())
        A, b = surface_block(
            m.faces[match.face], match.bary, match.normals, information, residual, body.rest[t], m.carriers, m.weights,
            m.directions, f.R[t], f.R_parent[t], f.t[t], f.joints[t], f.d_t[t], _PARENTS,
        )  # fmt: skip
        system.add_block(t, A, b)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Match:
    """The closest points of a body to the points of a cloud."""

    points: Float[np.ndarray, "points 3"]
    normals: Float[np.ndarray, "points 3"]
    """Of the body, outward; those of the corners, blended."""
    face: Integer[np.ndarray, "points"]
    bary: Float[np.ndarray, "points 3"]


def closest_on_body(
    vertices: Float[np.ndarray, "vertices 3"],
    normals: Float[np.ndarray, "vertices 3"],
    faces: Integer[np.ndarray, "faces 3"],
    points: Float[np.ndarray, "points 3"],
) -> Match:
    """Closest points of one frame."""
    found = RayScene(vertices, faces).closest(points)
    blended = np.einsum("nc,nci->ni", found.bary, normals[faces[found.face]])
    blended = blended / np.maximum(np.linalg.norm(blended, axis=-1, keepdims=True), 1e-12)
    return Match(points=found.points, normals=blended, face=found.face, bary=found.bary)


def vertex_normals(
    vertices: Float[np.ndarray, "vertices 3"], faces: Integer[np.ndarray, "faces 3"]
) -> Float[np.ndarray, "vertices 3"]:
    """Unit outward normals, weighted by the faces' areas."""
    return vertex_normals_clip(np.asarray(vertices, np.float64)[None], np.asarray(faces, np.int64))[0]
