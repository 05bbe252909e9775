"""Training codes and heads of poses: rotations, and the joints that they place on the mean body."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from body.model import BodyModel
from body.skinning import Skinning
from hps.rgb.tokens.pose_code import Coded

JOINTS: Final = 10.0
"""Weight of the mean distance of joints, 1/m, beside the mean absolute difference of rotation matrices."""


class Skeleton:
    """The 24 joints of one body model at its mean shape, about the pelvis, which is not turned."""

    def __init__(self, model: BodyModel) -> None:
        self._skinning = Skinning(model, vertex_subset=np.zeros(1, np.int64))
        self._betas = torch.zeros(1)

    def __call__(self, rotations: Float[Tensor, "batch 23 3 3"]) -> Float[Tensor, "batch 24 3"]:
        """Metres."""
        root = torch.eye(3).expand(len(rotations), 1, 3, 3)
        joints = self._skinning.transforms(self._betas, torch.cat([root, rotations], 1)).joints
        return joints - joints[:, :1]


def pose_loss(
    found: Float[Tensor, "batch 23 3 3"], truth: Float[Tensor, "batch 23 3 3"], skeleton: Skeleton
) -> Float[Tensor, ""]:
    """What all arms of a comparison are trained by."""
    distance = (skeleton(found) - skeleton(truth)).square().sum(-1).add(1e-6).sqrt()
    return (found - truth).abs().mean() + JOINTS * distance[:, 1:].mean()


def fitted(
    network: nn.Module,
    answer: Callable[[Tensor], Coded],
    inputs: Float[Tensor, "rows *features"],
    truth: Float[Tensor, "rows 23 3 3"],
    skeleton: Skeleton,
    *,
    steps: int,
    generator: torch.Generator,
    batch: int = 256,
    rate: float = 1e-3,
) -> list[float]:
    """Adam with a rate that falls to 0 as a cosine; the losses of the steps. The generator draws the batches."""
    free = [p for p in network.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(free, lr=rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    losses = []
    for rows in _batches(len(inputs), batch, steps, generator):
        coded = answer(inputs[rows])
        loss = pose_loss(coded.rotations, truth[rows], skeleton) + coded.loss
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(free, 1.0)
        optimizer.step()
        schedule.step()
        losses.append(float(loss.detach()))
    return losses


@torch.no_grad()
def joint_errors_mm(
    found: Float[Tensor, "rows 23 3 3"], truth: Float[Tensor, "rows 23 3 3"], skeleton: Skeleton
) -> Float[Tensor, "rows 24"]:
    """Distances of joints on the mean body about an unturned pelvis."""
    return 1000 * (skeleton(found) - skeleton(truth)).norm(dim=-1)


def _batches(rows: int, batch: int, steps: int, generator: torch.Generator) -> Iterator[Tensor]:
    for _ in range(steps):
        yield torch.randint(rows, (min(batch, rows),), generator=generator)
