"""The lifting network: residual perceptron from a person's view to landmarks with their spread, root and SMPL body."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from body.joints import JOINT_COUNT
from body.rotations import matrix_to_rotation_6d
from hps.points.landmarks import LANDMARK_COUNT
from hps.rgb.keypoint_names import LIFTED_COUNT
from hps.rgb.lifter.config import LifterConfig
from hps.rgb.lifter.person_view import CAMERA_FEATURES, PersonView
from hps.rgb.lifter.view_lift import ViewLift

FEATURES: Final = 4 * LIFTED_COUNT + CAMERA_FEATURES
BEGIN_SIGMA_M: Final = 0.15
BEGIN_ROOT_SIGMA: Final = (0.02, 0.15)
BEGIN_REACH_M: Final = 0.5
_LEAST_SIGMA_M: Final = 0.002
_UPRIGHT: Final = ((1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.0, -1.0))
"""The body's axes (y up, facing +z) in those of a camera that it stands upright in front of, looking into it."""
_SPLIT: Final = {"relative": 3 * LANDMARK_COUNT, "sigma": 2 * LANDMARK_COUNT, "root": 5, "turns": 6 * JOINT_COUNT}


class Block(nn.Module):
    """Adds to what comes in what two layers make of it (He et al. 2016; for lifting, Martinez et al., ICCV 2017)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.first, self.second = nn.Linear(width, width), nn.Linear(width, width)
        nn.init.zeros_(self.second.bias)
        with torch.no_grad():
            self.second.weight.mul_(0.1)

    def forward(self, x: Float[Tensor, "batch width"]) -> Float[Tensor, "batch width"]:
        """The same width."""
        return x + self.second(torch.nn.functional.silu(self.first(self.norm(x))))


class LifterNetwork(nn.Module):
    """Mean and spread of each landmark, and one body: what a single view of keypoints tells."""

    def __init__(self, config: LifterConfig | None = None) -> None:
        super().__init__()
        self.config = config or LifterConfig()
        width = self.config.width
        self.enter = nn.Linear(FEATURES, width)
        self.blocks = nn.ModuleList(Block(width) for _ in range(self.config.blocks))
        self.leave = nn.LayerNorm(width)
        self.answer = nn.Linear(width, sum(_SPLIT.values()) + self.config.shapes + 1)
        self._begin()

    def trunk(self, view: PersonView) -> Float[Tensor, "batch width"]:
        """What the network has made of a view before its last layer: other heads may stand on it."""
        x = self.enter(features(view))
        for block in self.blocks:
            x = block(x)
        return self.leave(x)

    def forward(self, view: PersonView) -> ViewLift:
        """In the axes of the view."""
        parts = self.answer(self.trunk(view)).float().split([*_SPLIT.values(), self.config.shapes, 1], -1)
        relative, sigma, root, turns, betas, child = parts
        # in units of the reach, x and y are about linear in what is seen
        relative = relative.unflatten(-1, (LANDMARK_COUNT, 3)) * root[:, 2].exp()[:, None, None]
        return ViewLift(
            relative=torch.nn.functional.pad(relative[:, 1:], (0, 0, 1, 0)),  # the pelvis is its own origin
            log_sigma=sigma.unflatten(-1, (LANDMARK_COUNT, 2)).clamp_min(np.log(_LEAST_SIGMA_M)),
            direction=root[:, :2],
            log_reach=root[:, 2],
            root_log_sigma=root[:, 3:],
            rotations_6d=turns.unflatten(-1, (JOINT_COUNT, 6)),
            betas=betas,
            child=child[:, 0],
        )

    def _begin(self) -> None:
        """Before anything is learnt: an upright body at rest, and wide spreads."""
        turns = torch.eye(3).repeat(JOINT_COUNT, 1, 1)
        turns[0] = torch.tensor(_UPRIGHT)
        root = [0.0, 0.0, np.log(BEGIN_REACH_M), *np.log(BEGIN_ROOT_SIGMA)]
        with torch.no_grad():
            self.answer.weight.mul_(0.1)
            bias = torch.zeros_like(self.answer.bias)
            begin = [torch.zeros(_SPLIT["relative"]), torch.full((_SPLIT["sigma"],), float(np.log(BEGIN_SIGMA_M)))]
            begin += [torch.tensor(root, dtype=torch.float32), matrix_to_rotation_6d(turns).flatten()]
            bias[: sum(_SPLIT.values())] = torch.cat(begin)
            self.answer.bias.copy_(bias)


def features(view: PersonView) -> Float[Tensor, "batch features"]:
    """What the network is given, a row of numbers for each person."""
    seen = (view.confidence > 0).to(view.keypoints.dtype)
    return torch.cat([view.keypoints.flatten(1), view.confidence, seen, view.camera], 1)
