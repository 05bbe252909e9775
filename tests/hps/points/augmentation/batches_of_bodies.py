"""Batches of clouds that are points of posed bodies themselves, so that every truth about them is exact."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch

from body.loading import load_body_model
from body.model import BodyModel
from body.rotations import axis_angle_to_matrix
from body.skinning import Skinning
from hps.points.cloud_batch import CloudBatch
from hps.points.landmarks import landmarks_of

CAMERA = (-2.5, 0.3, 0.4)


@lru_cache(maxsize=1)
def posing() -> tuple[BodyModel, Skinning]:
    """The body, read once."""
    model = load_body_model()
    return model, Skinning(model, torch.float64)


def posed_batch(clouds: int = 6, points: int = 400, seed: int = 0) -> CloudBatch:
    """In float64: bodies of random shapes and poses; each point is a vertex, moved outwards by a 2 cm offset."""
    rng = np.random.default_rng(seed)
    model, skinning = posing()
    rotations = axis_angle_to_matrix(torch.from_numpy(rng.normal(0, 0.3, (clouds, 24, 3))))
    betas, child = torch.from_numpy(rng.normal(0, 1, (clouds, 10))), torch.from_numpy(rng.uniform(0, 1, clouds))
    transl = torch.from_numpy(rng.normal(0, 0.1, (clouds, 3)))
    vertices, joints = skinning.pose(betas, rotations, transl, child)
    which = torch.from_numpy(rng.integers(0, model.vertex_count, (clouds, points)))
    skin = vertices.gather(1, which[..., None].expand(-1, -1, 3))
    offset = torch.nn.functional.normalize(torch.from_numpy(rng.normal(size=skin.shape)), dim=-1) * 0.02
    part = torch.from_numpy(model.weights.argmax(1))[which]
    landmarks = landmarks_of(model).of(vertices.numpy(), joints.numpy())
    cloud = skin - offset
    return CloudBatch(
        points=cloud,
        rays=torch.nn.functional.normalize(cloud - cloud.new_tensor(CAMERA), dim=-1),
        keep=torch.ones(clouds, points, dtype=torch.bool),
        part=part,
        skin_offset=offset,
        landmarks=torch.from_numpy(landmarks),
        rotations=rotations,
        betas=betas,
        child=child,
        transl=transl,
        exact=torch.ones(clouds, dtype=torch.bool),
    )


def landmarks_of_parameters(batch: CloudBatch) -> torch.Tensor:
    """Where the batch's parameters put the landmarks."""
    model, skinning = posing()
    vertices, joints = skinning.pose(batch.betas, batch.rotations, batch.transl, batch.child)
    return torch.from_numpy(landmarks_of(model).of(vertices.numpy(), joints.numpy()))


def nearest_skin_mm(batch: CloudBatch) -> torch.Tensor:
    """How far each kept point, moved by its offset, is from the nearest vertex of the body of the parameters."""
    vertices, _ = posing()[1].pose(batch.betas, batch.rotations, batch.transl, batch.child)
    gaps = torch.cdist(batch.points + batch.skin_offset, vertices).amin(2) * 1000
    return gaps[batch.keep & ~batch.skin_offset.isnan().any(-1)]
