"""Bodies drawn from what a fit believes beforehand, their landmarks, and points of their skin as one camera sees it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from body.loading import OPEN_BODY, read_body_model
from body.model import BodyModel
from body.rotations import axis_angle_to_matrix
from body.skinning import Skinning
from hps.points.fitting import FitBody, LandmarkGaussians, SurfacePoints
from hps.points.landmarks import landmarks_of
from hps.points.unknowns import SHAPES
from registration.fit.terms.pose_mixture import JOINTS, default_pose_mixture

SEEN = 600
"""Points of each cloud."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DrawnBodies:
    """True bodies, upright about a heading, some two metres before a camera at the origin that looks along +x."""

    rotations: Float[Tensor, "batch 24 3 3"]
    betas: Float[Tensor, "batch 10"]
    child: Float[Tensor, "batch"]
    transl: Float[Tensor, "batch 3"]
    vertices: Float[Tensor, "batch vertices 3"]
    joints: Float[Tensor, "batch 24 3"]
    landmarks: Float[Tensor, "batch 88 3"]

    def __len__(self) -> int:
        """Number of bodies."""
        return len(self.transl)


@cache
def the_model() -> BodyModel:
    """The open body, whatever the environment says."""
    return read_body_model(OPEN_BODY)


@cache
def the_body() -> FitBody:
    """What fits see of it."""
    return FitBody.of(the_model())


def drawn_bodies(count: int, seed: int) -> DrawnBodies:
    """Poses and shapes from the very priors of the fit, headings all round."""
    rng = np.random.default_rng(seed)
    mixture = default_pose_mixture()
    theta = np.zeros((count, 24, 3))
    for body in range(count):
        component = rng.choice(len(mixture.shares), p=mixture.shares)
        spread = mixture.spreads[component] @ rng.standard_normal(mixture.spreads.shape[2])
        drawn = mixture.means[component] + spread + mixture.rest[component] * rng.standard_normal(63)
        theta[body, JOINTS] = drawn.reshape(-1, 3)
    turns = axis_angle_to_matrix(torch.as_tensor(theta))
    heading = torch.as_tensor(rng.uniform(0, 2 * np.pi, (count, 1)) * np.array([0.0, 0.0, 1.0]))
    upright = axis_angle_to_matrix(torch.tensor([[np.pi / 2, 0.0, 0.0]], dtype=torch.float64))
    turns[:, 0] = axis_angle_to_matrix(heading) @ upright
    transl = torch.as_tensor(rng.normal([2.0, 0.0, 0.0], 0.2, (count, 3)))
    betas = torch.as_tensor(1.2 * rng.standard_normal((count, SHAPES)))
    child = torch.as_tensor(0.1 * rng.standard_normal(count))
    return posed(turns, betas, child, transl)


def posed(
    rotations: Float[Tensor, "batch 24 3 3"],
    betas: Float[Tensor, "batch 10"],
    child: Float[Tensor, "batch"],
    transl: Float[Tensor, "batch 3"],
) -> DrawnBodies:
    """The bodies of some parameters, posed by the model itself and not by the fit."""
    model = the_model()
    vertices, joints = Skinning(model, torch.float64).pose(betas, rotations, transl, child)
    markers = vertices[:, torch.as_tensor(landmarks_of(model).markers)]
    return DrawnBodies(
        rotations=rotations,
        betas=betas,
        child=child,
        transl=transl,
        vertices=vertices,
        joints=joints,
        landmarks=torch.cat([joints, markers], 1),
    )


def gaussians(bodies: DrawnBodies, sigma_m: float, seed: int = 0, smooth: float = 0.0) -> LandmarkGaussians:
    """Landmarks with noise of that standard deviation; a share `smooth` of its variance is alike within some 0.3 m."""
    generator = torch.Generator().manual_seed(seed)
    shape = bodies.landmarks.shape
    own = torch.randn(shape, generator=generator, dtype=torch.float64)
    alike = torch.randn(shape, generator=generator, dtype=torch.float64)
    near = torch.exp(-0.5 * (torch.cdist(bodies.landmarks, bodies.landmarks) / 0.3) ** 2)
    alike = torch.linalg.cholesky(near + 1e-6 * torch.eye(shape[1], dtype=torch.float64)) @ alike
    noise = sigma_m * ((1 - smooth) ** 0.5 * own + smooth**0.5 * alike)
    sigma = torch.full(shape[:2], max(sigma_m, 0.002), dtype=torch.float64)
    return LandmarkGaussians(position=bodies.landmarks + noise, sigma=sigma)


def seen_points(bodies: DrawnBodies, seed: int, noise_m: float = 0.003) -> SurfacePoints:
    """Points of the skin that faces the camera, with their true parts."""
    rng = np.random.default_rng(seed)
    model = the_model()
    part = np.asarray(model.weights).argmax(1)
    points, parts = [], []
    for vertices in bodies.vertices.numpy():
        normals = model.mesh(vertices).vertex_normals()
        facing = np.flatnonzero((normals * vertices).sum(1) < 0)
        some = rng.choice(facing, SEEN)
        points.append(vertices[some] + noise_m * rng.standard_normal((SEEN, 3)))
        parts.append(part[some])
    cloud = torch.as_tensor(np.stack(points))
    return SurfacePoints(
        points=cloud,
        keep=torch.ones(cloud.shape[:2], dtype=torch.bool),
        part=torch.as_tensor(np.stack(parts)),
        sigma=torch.full(cloud.shape[:2], noise_m, dtype=torch.float64),
        skin_offset=torch.zeros_like(cloud),
        rays=torch.nn.functional.normalize(cloud, dim=-1),
    )


def vertex_error_mm(bodies: DrawnBodies, found: object) -> Float[Tensor, "batch"]:
    """Mean distance of each fitted body's vertices from the true ones."""
    again = posed(found.rotations, found.betas, found.child, found.transl)  # type: ignore[attr-defined]
    return 1000 * (again.vertices - bodies.vertices).norm(dim=-1).mean(1)
