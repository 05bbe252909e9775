"""From a 2x3 matrix a basis shape to one turn of all of them, with a weight each."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

ROUNDS = 3


@torch.no_grad()
def common_turn(
    M: Float[Tensor, "rows 2 3 shapes"],
) -> tuple[Float[Tensor, "rows 3 3"], Float[Tensor, "rows shapes"]]:
    """The rotation R and the weights c for which the first two rows of c_i R are nearest to the M_i.

    The best rank-one matrix of the M_i laid out as rows, its row turned into two orthonormal ones, then c and R in
    turns. Weights and rows may change their sign together, which mirrors the body in depth: the sign is taken for which
    the weights' sum is above 0, as basis shapes are people. A row of zeros gives the identity and no weights.
    """
    rows, shapes = len(M), M.shape[-1]
    flat = M.reshape(rows, 6, shapes)
    _, vectors = torch.linalg.eigh(flat @ flat.mT)
    top = vectors[..., -1]
    sign = torch.where((flat * top[..., None]).sum((1, 2)) < 0, -1.0, 1.0)
    turn = orthonormal_rows((sign[:, None] * top).view(rows, 2, 3))
    c = M.new_zeros(rows, shapes)
    for _ in range(ROUNDS):
        c = 0.5 * torch.einsum("rdck,rdc->rk", M, turn)
        turn = orthonormal_rows(torch.einsum("rdck,rk->rdc", M, c))
    c = 0.5 * torch.einsum("rdck,rdc->rk", M, turn)
    return completed(turn), c


def orthonormal_rows(M: Float[Tensor, "rows 2 3"]) -> Float[Tensor, "rows 2 3"]:
    """The nearest matrix of orthonormal rows; of zeros, the first two of the identity."""
    U, S, Vh = torch.linalg.svd(M, full_matrices=False)
    empty = S[:, 0] <= torch.finfo(M.dtype).tiny
    return torch.where(empty[:, None, None], torch.eye(2, 3, dtype=M.dtype), U @ Vh)


def completed(rows: Float[Tensor, "rows 2 3"]) -> Float[Tensor, "rows 3 3"]:
    """The rotation whose first two rows these are."""
    return torch.cat([rows, torch.linalg.cross(rows[:, 0], rows[:, 1])[:, None]], 1)
