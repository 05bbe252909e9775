"""The unknowns of a body fit over a clip, and what follows from them: joint frames, and the step that changes them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from body.joints import JOINT_COUNT, PARENTS
from body.model import BodyModel
from body.parameters import BodyParameters
from body.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from body.skinning import BodyTransforms, Skinning

FRAME_SIZE = 3 * JOINT_COUNT + 3
"""Unknowns of one frame: a rotation of each joint, then the translation."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FitState:
    """One estimate of everything, float64."""

    rotations: Float[Tensor, "frames 24 3 3"]
    """Relative to the parent, the root first."""
    transl: Float[Tensor, "frames 3"]
    betas: Float[Tensor, "shapes"]
    offsets: Float[Tensor, "landmarks 3"]
    """What a landmark of the detector is away from the body's own point, metres, in the rest body's axes."""

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.transl)

    def stepped(self, frames: Float[Tensor, "frames 75"], shared: Float[Tensor, "shared"]) -> FitState:
        """The state after a step: small rotations in the parent's frame, and what is added to the rest."""
        turn = axis_angle_to_matrix(frames[:, :-3].reshape(-1, JOINT_COUNT, 3))
        shapes = len(self.betas)
        return FitState(
            rotations=turn @ self.rotations,
            transl=self.transl + frames[:, -3:],
            betas=self.betas + shared[:shapes],
            offsets=self.offsets + shared[shapes:].reshape(-1, 3),
        )

    def at(self, frames: slice | np.ndarray) -> FitState:
        """The same shape and offsets at some frames only."""
        return FitState(
            rotations=self.rotations[frames], transl=self.transl[frames], betas=self.betas, offsets=self.offsets
        )

    def parameters(self) -> BodyParameters:
        """As body parameters."""
        axis_angle = matrix_to_axis_angle(self.rotations).reshape(-1, 3 * JOINT_COUNT).numpy()
        return BodyParameters(
            betas=self.betas.numpy().copy(),
            global_orient=axis_angle[:, :3].copy(),
            body_pose=axis_angle[:, 3:].copy(),
            transl=self.transl.numpy().copy(),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Frames:
    """Where the joints of a state are and how they move with the shape."""

    R: Float[Tensor, "frames 24 3 3"]
    """Orientation of each joint in the world."""
    R_parent: Float[Tensor, "frames 24 3 3"]
    t: Float[Tensor, "frames 24 3"]
    """p_world = R p_rest + t for points that move with one joint."""
    joints: Float[Tensor, "frames 24 3"]
    d_joints: Float[Tensor, "frames 24 3 shapes"]
    """Change of the posed joints with each beta."""
    d_rest: Float[Tensor, "24 3 shapes"]
    """Change of the rest joints with each beta."""


def frames_of(
    state: FitState, skinning: Skinning, d_rest: Float[Tensor, "24 3 shapes"]
) -> tuple[Frames, BodyTransforms]:
    """Joint frames of a state, and the skinning transforms they come from (which also hold the rest vertices)."""
    transforms = skinning.transforms(state.betas, state.rotations, state.transl)
    R, t = transforms.Ts_world_rest[..., :3, :3], transforms.Ts_world_rest[..., :3, 3]
    moved = [d_rest[0].expand(len(state), -1, -1)]
    parents = [torch.eye(3, dtype=R.dtype).expand(len(state), 3, 3)]
    for joint, parent in list(enumerate(PARENTS))[1:]:
        moved.append(moved[parent] + R[:, parent] @ (d_rest[joint] - d_rest[parent]))
        parents.append(R[:, parent])
    frames = Frames(
        R=R,
        R_parent=torch.stack(parents, 1),
        t=t,
        joints=transforms.joints,
        d_joints=torch.stack(moved, 1),
        d_rest=d_rest,
    )
    return frames, transforms


def rest_joint_directions(model: BodyModel, shapes: int) -> Float[Tensor, "24 3 shapes"]:
    """Change of the rest joints with each of the first betas."""
    flat = model.J_regressor @ model.shapedirs[..., :shapes].reshape(model.vertex_count, -1)
    return torch.tensor(np.asarray(flat).reshape(JOINT_COUNT, 3, shapes), dtype=torch.float64)
