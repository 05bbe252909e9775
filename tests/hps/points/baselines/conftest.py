"""Batches of clouds off posed bodies whose truth is known by construction."""

import numpy as np
import pytest
import torch

from body.loading import OPEN_BODY, load_body_model
from body.rotations import axis_angle_to_matrix
from body.skinning import Skinning
from hps.points.baselines.body_output import STANDING
from hps.points.cloud_batch import CloudBatch
from hps.points.landmarks import landmarks_of


@pytest.fixture(scope="session")
def open_body():
    return load_body_model(OPEN_BODY)


@pytest.fixture(scope="session")
def clouds_of_bodies(open_body):
    """A function: as many random bodies, whose clouds are some of their vertices, all sides of them."""
    skinning = Skinning(open_body)
    part_of = np.asarray(open_body.weights).argmax(1)
    markers = landmarks_of(open_body).markers

    def make(clouds=4, points=256, seed=0, bend=0.25):
        generator = torch.Generator().manual_seed(seed)
        rotations = axis_angle_to_matrix(bend * torch.randn(clouds, 24, 3, generator=generator))
        rotations[:, 0] = torch.tensor(STANDING) @ rotations[:, 0]
        betas = torch.randn(clouds, 10, generator=generator)
        transl = 0.1 * torch.randn(clouds, 3, generator=generator)
        child = torch.zeros(clouds)
        vertices, joints = skinning.pose(betas, rotations, transl, child)
        which = torch.randint(open_body.vertex_count, (clouds, points), generator=generator)
        p = vertices.gather(1, which[..., None].expand(-1, -1, 3))
        rays = torch.nn.functional.normalize(p - torch.tensor([-2.5, 0.0, 0.0]), dim=-1)
        return CloudBatch(
            points=p,
            rays=rays,
            keep=torch.ones(clouds, points, dtype=torch.bool),
            part=torch.from_numpy(part_of)[which],
            skin_offset=torch.zeros_like(p),
            landmarks=torch.cat([joints, vertices[:, markers]], 1),
            rotations=rotations,
            betas=betas,
            child=child,
            transl=transl,
            exact=torch.ones(clouds, dtype=torch.bool),
        )

    return make
