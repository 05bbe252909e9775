"""Turn and weights in turns, from the relaxation's answer on: orthographic Procrustes, and lasso or ridge."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from hps.rgb.convex.admm import centring
from hps.rgb.convex.sparse_weights import sparse_weights


@dataclass(frozen=True, kw_only=True, slots=True)
class RefinementConfig:
    """How the weights are held, and how often."""

    lasso: float = 0.1
    """Of the weights' sum."""
    ridge: float = 0.5
    """Of half the weights' squares."""
    rounds: int = 6
    turn_steps: int = 2
    weight_steps: int = 10


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TurnedShape:
    """Basis shapes with weights, in one turn: the keypoints' picture is the first two rows of R (sum c_i B_i) + T."""

    R: Float[Tensor, "rows 3 3"]
    c: Float[Tensor, "rows shapes"]
    objective: Float[Tensor, "rows"]


@torch.no_grad()
def refined(
    W: Float[Tensor, "rows 2 points"],
    weight: Float[Tensor, "rows points"],
    shapes: Float[Tensor, "shapes 3 points"],
    start: TurnedShape,
    config: RefinementConfig,
) -> TurnedShape:
    """Lowers |(W - R S(c) - T) V|² / 2 + lasso sum(c) + ridge |c|²/2 over c >= 0, rotations R and T, step by step.

    The objective never rises. The orthographic Procrustes problem has no closed form; each turn step minimises a bound
    on it that touches at the present turn, which has one.
    """
    A = centring(weight)
    target = W @ A
    R, c = start.R, start.c.clamp_min(0)
    steepest = greatest_curvature(shapes) * float(weight.max().clamp_min(1))
    shapes_of_row = torch.einsum("kcp,rpq->rkcq", shapes, A)
    for _ in range(config.rounds):
        body = torch.einsum("rk,rkcp->rcp", c, shapes_of_row)
        R = turned(target, body, R, config.turn_steps)
        seen = (R[:, None, :2] @ shapes_of_row).flatten(2)
        told = (seen @ target.flatten(1)[..., None])[..., 0]
        c = sparse_weights(
            seen @ seen.mT,
            told,
            lasso=config.lasso,
            ridge=config.ridge,
            steps=config.weight_steps,
            steepest=steepest,
            start=c,
        )
    body = torch.einsum("rk,rkcp->rcp", c, shapes_of_row)
    misfit = target - R[:, :2] @ body
    held = config.lasso * c.sum(1) + 0.5 * config.ridge * c.square().sum(1)
    return TurnedShape(R=R, c=c, objective=0.5 * misfit.square().sum((1, 2)) + held)


def greatest_curvature(shapes: Float[Tensor, "shapes 3 points"]) -> float:
    """No turn and no weights of keypoints up to 1 make the squared misfit curve more than this in the weights."""
    return float(torch.linalg.matrix_norm((shapes - shapes.mean(2, keepdim=True)).flatten(1), 2)) ** 2


def turned(
    target: Float[Tensor, "rows 2 points"],
    body: Float[Tensor, "rows 3 points"],
    R: Float[Tensor, "rows 3 3"],
    steps: int,
    drawn: Float[Tensor, "rows 3 3"] | float = 0.0,
) -> Float[Tensor, "rows 3 3"]:
    """Rotations whose first two rows take the body nearer to the target, from R on.

    drawn: to what the rotation is drawn besides, times how much (its half squared distance): neighbours in time.
    """
    spread = body @ body.mT
    steep = torch.linalg.matrix_norm(spread, 2)[:, None, None]
    toward = target @ body.mT
    for _ in range(steps):
        two = steep * R[:, :2] + toward - R[:, :2] @ spread
        bound = torch.cat([two, torch.zeros_like(two[:, :1])], 1) + drawn
        U, _, Vh = torch.linalg.svd(bound)
        U[..., 2] *= torch.linalg.det(U @ Vh)[:, None]
        R = U @ Vh
    return R
