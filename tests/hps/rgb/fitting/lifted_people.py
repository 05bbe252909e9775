"""People before cameras as the sampler photographs them, and lifters of known error: truth with noise."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from body.loading import OPEN_BODY, read_body_model
from body.skinning import Skinning
from hps.points.fitting import FitBody
from hps.points.fitting.fitted import FittedBodies
from hps.points.landmarks import landmarks_of
from hps.rgb.lifted import LiftedBodies
from hps.rgb.lifting_batch import LiftingBatch
from hps.rgb.simulation.bodies import SplitBodies
from hps.rgb.simulation.poses import PoseTable
from hps.rgb.simulation.sampler import LiftingSampler
from registration.fit.terms.pose_mixture import JOINTS, default_pose_mixture


@cache
def the_body() -> FitBody:
    """The open body, whatever the environment says."""
    return FitBody.of(read_body_model(OPEN_BODY), skin_vertices=40)


@cache
def _bank() -> SplitBodies:
    return SplitBodies(the_body().model, "test")


@cache
def people(count: int, seed: int) -> LiftingBatch:
    """Test people of the bank in poses of the prior, exact keypoints."""
    rng = np.random.default_rng(seed)
    mixture = default_pose_mixture()
    theta = np.zeros((count, 24, 3), np.float32)
    for row in range(count):
        one = rng.choice(len(mixture.shares), p=mixture.shares)
        drawn = mixture.means[one] + mixture.spreads[one] @ rng.standard_normal(mixture.spreads.shape[2])
        theta[row, JOINTS] = drawn.reshape(-1, 3)
    table = PoseTable(rotations=theta, motion=np.zeros(count, np.int64), motions=("of the prior",))
    return LiftingSampler(table, "test", seed, pool=0, wandering=False, bodies=_bank()).draw(count)


def lifted(
    batch: LiftingBatch, across_m: float, along_m: float, seed: int = 0, root_share: float = 0.1
) -> LiftedBodies:
    """Truth with noise of these deviations, each landmark's its own; the root's depth off by a share of itself."""
    generator = torch.Generator().manual_seed(seed)
    root = batch.landmarks[:, 0].double()
    ray = torch.nn.functional.normalize(root, dim=-1)
    relative = batch.landmarks.double() - root[:, None]
    noise = torch.randn(relative.shape, generator=generator, dtype=torch.float64)
    along = (noise * ray[:, None]).sum(-1, keepdim=True) * ray[:, None]
    noise = across_m * (noise - along) + along_m * along
    noise[:, 0] = 0
    far = 1 + root_share * torch.randn((len(root), 1), generator=generator, dtype=torch.float64)
    return LiftedBodies(
        relative=relative + noise,
        sigma=torch.tensor([max(across_m, 0.001), max(along_m, 0.001)]).expand(*relative.shape[:2], 2),
        root=root * far,
        root_sigma=torch.tensor([0.02, 0.3]).expand(len(root), 2),
        rotations=batch.rotations.double(),
        betas=batch.betas.double(),
        child=batch.child.double(),
    )


def landmarks_of_fit(found: FittedBodies) -> Float[Tensor, "batch 88 3"]:
    """Posed by the model itself and not by the fit."""
    model = the_body().model
    vertices, joints = Skinning(model, torch.float64).pose(
        found.betas.double(), found.rotations.double(), found.transl.double(), found.child.double()
    )
    return torch.cat([joints, vertices[:, torch.as_tensor(landmarks_of(model).markers)]], 1)


def rooted_mm(batch: LiftingBatch, landmarks: Float[Tensor, "batch 88 3"]) -> Float[Tensor, "batch"]:
    """Mean distance of landmarks from the true ones, the pelvises in one place."""
    true = batch.landmarks.double()
    return 1000 * ((landmarks - landmarks[:, :1]) - (true - true[:, :1])).norm(dim=-1).mean(1)
