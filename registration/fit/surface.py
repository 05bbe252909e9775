"""What clouds say about a body: each point lies on its surface, or a little outside where there are clothes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Integer
from torch import Tensor

from body.model import BodyModel
from body.skinning import BodyTransforms, Skinning
from geometry.cloud import PointCloud
from geometry.rays import RayScene
from registration.fit import robust as fit_robust
from registration.fit.jacobian import derivative_rows
from registration.fit.state import Frames
from registration.fit.system import NormalEquations

MIN_AGREEMENT = 0.3
"""Least cosine between the normals of a point and of the body (72°): it keeps an arm off the chest it hangs before."""


@dataclass(frozen=True, kw_only=True, slots=True)
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Surface:
    """Robust point-to-plane distances from clouds to the body, with the closest points of the present estimate."""

    model: BodyModel
    skinning: Skinning
    cloud: CloudPoints
    sigma_m: float
    independent: float
    kernel_m: float
    clothes_weight: float
    frames_at_once: int = 8

    def add(self, system: NormalEquations, frames: Frames, transforms: BodyTransforms) -> None:
        """Adds all points of all frames."""
        for start in range(0, len(frames.R), self.frames_at_once):
            some = slice(start, min(start + self.frames_at_once, len(frames.R)))
            if self.cloud.weight[some].any():
                self._add(system, some, frames, transforms)

    def _add(self, system: NormalEquations, at: slice, frames: Frames, transforms: BodyTransforms) -> None:
        vertices = self.skinning.skin(transforms.rest[at], transforms.Ts_world_rest[at])
        match = closest_on_body(vertices.numpy(), self.model.faces, self.cloud.points[at])
        offset = torch.from_numpy(self.cloud.points[at] - match.points)
        normal = torch.from_numpy(match.normals)
        residual = (offset * normal).sum(-1)
        squared = offset.square().sum(-1) / self.kernel_m**2
        agreement = (normal * torch.from_numpy(self.cloud.normals[at])).sum(-1)
        trust = torch.from_numpy(self.cloud.weight[at]) * torch.where(agreement > MIN_AGREEMENT, agreement, 0.0)
        trust = trust * torch.where(residual > 0, self.clothes_weight, 1.0)
        trust = trust * (self.independent / self.cloud.weight.shape[1])
        sigma2 = torch.from_numpy(self.cloud.sigma[at]) ** 2 + self.sigma_m**2
        # the robust cost is in units of the kernel: at the kernel's distance a point's pull is cut to a quarter
        information = trust * fit_robust.weight(squared, 1.0) / sigma2
        cost = float((trust * fit_robust.cost(squared, 1.0) * self.kernel_m**2 / sigma2).sum())
        corners = torch.from_numpy(self.model.faces[match.face].astype(np.int64))
        bary = torch.from_numpy(match.bary)
        T = len(corners)
        rest = (transforms.rest[at][torch.arange(T)[:, None, None], corners] * bary[..., None]).sum(2)
        weights = (self._weights()[corners] * bary[..., None]).sum(2)
        shape = torch.einsum("tnc,tncis->tnis", bary, self._shape(frames.d_rest.shape[2])[corners])
        rows = derivative_rows(_at(frames, at), rest, weights, shape, normal[:, :, None])[:, :, 0]
        system.add_scalars(at, rows, information, residual, cost)

    def _weights(self) -> Tensor:
        return torch.as_tensor(np.asarray(self.model.weights, np.float64))

    def _shape(self, shapes: int) -> Tensor:
        return torch.as_tensor(np.asarray(self.model.shapedirs[..., :shapes], np.float64))


@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    """The closest points of a body to the points of a cloud."""

    points: Float[np.ndarray, "frames points 3"]
    normals: Float[np.ndarray, "frames points 3"]
    """Of the body, outward; those of the corners, blended."""
    face: Integer[np.ndarray, "frames points"]
    bary: Float[np.ndarray, "frames points 3"]


def closest_on_body(
    vertices: Float[np.ndarray, "frames vertices 3"],
    faces: Integer[np.ndarray, "faces 3"],
    points: Float[np.ndarray, "frames points 3"],
) -> Match:
    """Closest points frame by frame."""
    found = [RayScene(v, faces).closest(p) for v, p in zip(vertices, points)]
    face = np.stack([f.face for f in found])
    bary = np.stack([f.bary for f in found])
    normals = []
    for t, f in enumerate(found):
        smooth = vertex_normals(vertices[t], faces)[faces[f.face]]
        blended = np.einsum("nc,nci->ni", f.bary, smooth)
        normals.append(blended / np.linalg.norm(blended, axis=-1, keepdims=True))
    return Match(points=np.stack([f.points for f in found]), normals=np.stack(normals), face=face, bary=bary)


def vertex_normals(
    vertices: Float[np.ndarray, "vertices 3"], faces: Integer[np.ndarray, "faces 3"]
) -> Float[np.ndarray, "vertices 3"]:
    """Unit outward normals, weighted by the faces' areas."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    of_faces = np.cross(b - a, c - a)
    corners = faces.ravel()
    spread = np.repeat(of_faces, 3, axis=0)
    normals = np.stack([np.bincount(corners, spread[:, i], len(vertices)) for i in range(3)], -1)
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)


def _at(frames: Frames, some: slice) -> Frames:
    return Frames(
        R=frames.R[some],
        R_parent=frames.R_parent[some],
        t=frames.t[some],
        joints=frames.joints[some],
        d_joints=frames.d_joints[some],
        d_rest=frames.d_rest,
    )
