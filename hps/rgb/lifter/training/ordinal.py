"""Supervision by depth order (Pavlakos et al., CVPR 2018, section 3): which of two joints is nearer, not how much."""

from __future__ import annotations

from functools import cache
from typing import Final

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from body.joints import JOINT_COUNT
from hps.rgb.lifter.training.losses import ViewTruth
from hps.rgb.lifter.view_lift import ViewLift

SAME_DEPTH_M: Final = 0.03
"""Joints whose depths differ by less are taken for equally far."""
SCALE_M: Final = 0.1
"""Difference of depth at which the logistic loss bends; without it, nothing would say what unit the depths have."""


def ordinal_loss(z: Float[Tensor, "batch joints"], true_z: Float[Tensor, "batch joints"]) -> Float[Tensor, ""]:
    """Mean over all pairs of joints.

    Pairs of which one is nearer: log(1 + exp(r (z_i - z_j) / SCALE_M)), r = 1 where i is nearer, -1 where j is. Pairs
    equally far: ((z_i - z_j) / SCALE_M)^2. Of the true depths only their order is used.
    """
    i, j = _pairs(z.shape[1])
    order = depth_order(true_z)
    apart = (z[:, i] - z[:, j]) / SCALE_M
    ranked = torch.nn.functional.softplus(order * apart)
    return torch.where(order == 0, apart.square(), ranked).mean()


def depth_order(z: Float[Tensor, "batch joints"]) -> Int64[Tensor, "batch pairs"]:
    """Of each pair of joints i < j: 1 when i is nearer, -1 when j is, 0 when both are about equally far."""
    i, j = _pairs(z.shape[1])
    apart = z[:, i] - z[:, j]
    return torch.where(apart.abs() < SAME_DEPTH_M, 0, -apart.sign().to(torch.int64))


def ordinal_losses(lift: ViewLift, truth: ViewTruth) -> dict[str, Tensor]:
    """Landmarks across the view's axis as they are, joints along it by their order alone."""
    across = (lift.relative - truth.relative)[:, 1:, :2]
    joints = slice(0, JOINT_COUNT)
    return {
        "across": 10 * across.abs().mean(),
        "order": ordinal_loss(lift.relative[:, joints, 2], truth.relative[:, joints, 2]),
    }


@cache
def _pairs(count: int) -> tuple[Int64[Tensor, "pairs"], Int64[Tensor, "pairs"]]:
    i, j = torch.triu_indices(count, count, 1)
    return i, j
