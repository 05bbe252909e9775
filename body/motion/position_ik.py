"""Rotations of the body's joints from positions of points on it: the same problem for all frames at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from body.joints import JOINT_COUNT, JOINT_INDEX, JOINT_NAMES, PARENTS
from body.rotations import axis_angle_to_matrix, matrix_to_axis_angle

_SPREAD: Final[dict[str, tuple[float, float, float]]] = {
    "spine": (0.3, 0.2, 0.2),
    "knee": (1.0, 0.1, 0.1),
    "ankle": (0.4, 0.2, 0.2),
    "foot": (0.2, 0.05, 0.05),
    "neck": (0.3, 0.3, 0.2),
    "head": (0.3, 0.3, 0.2),
    "collar": (0.15, 0.25, 0.25),
    "elbow": (0.5, 1.2, 0.08),
    "wrist": (0.3, 0.3, 0.5),
    "hand": (0.02, 0.02, 0.02),
}
"""How freely a joint turns about x, y and z where the points leave it open, radians. Other joints: 1. Assumed; knees
and elbows are hinges."""
_PRIOR_WEIGHT: Final = 1e-4
"""Of the spread against squared metres: one standard deviation costs as much as 10 mm."""
_HINGES: Final = (("left_knee", 0, 1.0), ("right_knee", 0, 1.0), ("left_elbow", 1, -1.0), ("right_elbow", 1, 1.0))
"""Axis and sense of flexion: these joints do not bend the other way."""
_HINGE_WEIGHT: Final = 0.05
_SMOOTH_WEIGHT: Final = 3e-4
_DIRECTION_WEIGHT: Final = 1e-3
_STEPS: Final = ((100, 0.02), (60, 0.005))
"""Iterations of Adam and their step, radians."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PositionTargets:
    """What is known of each frame, in one right-handed frame, metres."""

    points: Float[np.ndarray, "frames points 3"]
    on_joints: Float[np.ndarray, "points 24"]
    """Each point as a weighted mean of joints."""
    weights: Float[np.ndarray, "points"]
    directions: Float[np.ndarray, "frames directions 3"]
    """Unit vectors."""
    direction_joints: tuple[int, ...]
    """Joint that each direction is fixed to."""
    direction_axes: Float[np.ndarray, "directions 3"]
    """The direction in the joint's rest axes."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PositionFit:
    """Rotations relative to the parents, root positions, and what is left of each point's distance."""

    rotations: Float[np.ndarray, "frames 24 3"]
    root_positions: Float[np.ndarray, "frames 3"]
    error_m: Float[np.ndarray, "frames points"]


def fit_positions(
    targets: PositionTargets, rest_joints: Float[np.ndarray, "24 3"], start: Float[np.ndarray, "frames 24 3"]
) -> PositionFit:
    """Rotations that bring the skeleton's points to the targets, smooth over the frames.

    rest_joints: of a skeleton of the source's size. start: rough rotations relative to the parents, which decide how
    limbs bend. What the points leave open (the twist of a straight limb) stays near zero. About 5 s for 600 frames on
    one core.
    """
    offsets = np.array([rest_joints[j] - rest_joints[p] if p >= 0 else np.zeros(3) for j, p in enumerate(PARENTS)])
    bones, R0 = _tensor(offsets), axis_angle_to_matrix(_tensor(start[:, 0]))
    points, means, weights = _tensor(targets.points), _tensor(targets.on_joints), _tensor(targets.weights)
    directions, axes = _tensor(targets.directions), _tensor(targets.direction_axes)
    stiffness = 1 / _tensor(_spread()).square()
    turns = _tensor(start).clone()
    turns[:, 0] = 0.0
    turns.requires_grad_()
    root = points[:, 0].clone().requires_grad_()
    for steps, size in _STEPS:
        optimiser = torch.optim.Adam([turns, root], lr=size)
        for _ in range(steps):
            optimiser.zero_grad()
            Rs, joints = _posed(turns, root, R0, bones)
            cost = (weights * (means @ joints - points).square().sum(-1)).sum()
            shown = (Rs[:, list(targets.direction_joints)] @ axes[..., None])[..., 0]
            cost = cost + _DIRECTION_WEIGHT * (shown - directions).square().sum()
            cost = cost + _PRIOR_WEIGHT * (stiffness * turns[:, 1:].square()).sum()
            for name, axis, sense in _HINGES:
                backwards = (-sense * turns[:, JOINT_INDEX[name], axis]).clamp(min=0)
                cost = cost + _HINGE_WEIGHT * backwards.square().sum()
            cost = cost + _SMOOTH_WEIGHT * (turns[1:, 1:] - turns[:-1, 1:]).square().sum()
            cost.backward()
            optimiser.step()
    with torch.no_grad():
        _, joints = _posed(turns, root, R0, bones)
        error = (means @ joints - points).norm(dim=-1)
        turns[:, 0] = matrix_to_axis_angle(R0 @ axis_angle_to_matrix(turns[:, 0]))
    return PositionFit(
        rotations=turns.detach().numpy().astype(np.float64),
        root_positions=root.detach().numpy().astype(np.float64),
        error_m=error.numpy().astype(np.float64),
    )


def _posed(turns: Tensor, root: Tensor, R0: Tensor, bones: Tensor) -> tuple[Tensor, Tensor]:
    local = axis_angle_to_matrix(turns)
    Rs, joints = [R0 @ local[:, 0]], [root]
    for joint in range(1, JOINT_COUNT):
        parent = PARENTS[joint]
        joints.append(joints[parent] + Rs[parent] @ bones[joint])
        Rs.append(Rs[parent] @ local[:, joint])
    return torch.stack(Rs, 1), torch.stack(joints, 1)


def _spread() -> np.ndarray:
    names = [name.partition("_")[2] or name.rstrip("123") for name in JOINT_NAMES[1:]]
    return np.array([_SPREAD.get(name, (1.0, 1.0, 1.0)) for name in names])


def _tensor(array: np.ndarray) -> Tensor:
    return torch.as_tensor(np.asarray(array), dtype=torch.float32)
