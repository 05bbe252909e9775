"""How points of a skinned body move with its joints' rotations, its translation and its shape: analytic derivatives."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from body.joints import JOINT_COUNT, PARENTS
from registration.fit.state import Frames


def _descendants() -> Tensor:
    """[j, k] is 1 where joint k hangs on joint j, or is j."""
    below = torch.zeros(JOINT_COUNT, JOINT_COUNT, dtype=torch.float64)
    for k in range(JOINT_COUNT):
        j = k
        while j >= 0:
            below[j, k] = 1
            j = PARENTS[j]
    return below


_BELOW = _descendants()


def derivative_rows(
    frames: Frames,
    rest: Float[Tensor, "frames points 3"],
    weights: Float[Tensor, "#frames points 24"],
    shape_directions: Float[Tensor, "#frames points 3 shapes"],
    directions: Float[Tensor, "frames points along 3"],
) -> Float[Tensor, "frames points along unknowns"]:
    """Derivative, along world directions, of points in the 75 unknowns of their frame and then in the betas.

    rest: points of the shaped rest body with their pose correctives; weights: their skinning weights;
    shape_directions: how they move in the rest body with each beta. Rotations are small turns in the parent's frame
    (FitState.stepped). The change of the pose correctives with the pose is left out: some millimetres a radian.
    """
    single = torch.einsum("tkij,tnj->tnki", frames.R, rest) + frames.t[:, None]
    weighted = weights[..., None] * single
    below = torch.einsum("tnk,jk->tnj", weights.expand(len(rest), -1, -1), _BELOW)
    lever = torch.einsum("jk,tnki->tnji", _BELOW, weighted) - below[..., None] * frames.joints[:, None]
    turn = torch.linalg.cross(lever[:, :, None], directions[:, :, :, None].expand(-1, -1, -1, JOINT_COUNT, -1))
    rotation = torch.einsum("tjki,tnajk->tnaji", frames.R_parent, turn).flatten(3)
    shape = shape_rows(frames, weights, shape_directions, directions)
    return torch.cat([rotation, directions, shape], -1)


def shape_rows(
    frames: Frames,
    weights: Float[Tensor, "#frames points 24"],
    shape_directions: Float[Tensor, "#frames points 3 shapes"],
    directions: Float[Tensor, "frames points along 3"],
) -> Float[Tensor, "frames points along shapes"]:
    """Derivative of points in the betas, along world directions."""
    weights = weights.expand(len(directions), -1, -1)
    R = blended(frames, weights)
    in_rest = torch.einsum("tnai,tnij->tnaj", directions, R)
    skin = torch.einsum("tnaj,tnjs->tnas", in_rest, shape_directions.expand(len(directions), -1, -1, -1))
    joint = frames.d_joints - frames.R @ frames.d_rest
    moved = torch.einsum("tnk,tkis->tnis", weights, joint)
    return skin + directions @ moved


def blended(frames: Frames, weights: Float[Tensor, "#frames points 24"]) -> Float[Tensor, "frames points 3 3"]:
    """The blended rotation of each point."""
    flat = weights.expand(len(frames.R), -1, -1) @ frames.R.flatten(2)
    return flat.unflatten(2, (3, 3))
