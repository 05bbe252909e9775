"""The convex relaxation of Zhou et al. 2015: 2D keypoints as a sum of basis shapes, each with a 2x3 matrix of its own.

minimise over M_1 … M_K and T:   1/2 |(W - sum_i M_i B_i - T 1') V|² + weight * sum_i |M_i|_2

where W are the keypoints (2 x points), B_i the basis shapes (3 x points), |M|_2 the larger singular value, and V the
square roots of the keypoints' weights. M_i stands for c_i times the first two rows of one rotation: the matrices whose
spectral norm is at most c are the convex hull of those. Alternating directions (ADMM) with the penalty balanced row by
row; rows that have converged leave the batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from hps.errors import HpsError
from hps.rgb.convex.spectral import spectral_norm, spectral_prox


@dataclass(frozen=True, kw_only=True, slots=True)
class AdmmConfig:
    """The penalty and when to stop."""

    weight: float = 0.3
    """Of the spectral norms, for keypoints of unit spread; see docs/convex_lifting.md for the measurement."""
    tolerance: float = 1e-4
    """Of both residuals, as shares of the size of what they are residuals of."""
    iterations: int = 500
    penalty: float = 1.0
    """At the start."""
    imbalance: float = 10.0
    """One residual being this many times the other doubles or halves the penalty."""
    rows: int = 512
    """Solved at a time, which bounds the memory: 20 kB each."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Relaxed:
    """Where the relaxation's minimum is."""

    M: Float[Tensor, "rows 2 3 shapes"]
    objective: Float[Tensor, "rows"]
    iterations: Int64[Tensor, "rows"]
    converged: Bool[Tensor, "rows"]
    """False where the iterations ran out."""


def centring(weight: Float[Tensor, "*rows points"]) -> Float[Tensor, "*rows points points"]:
    """What takes out the weighted mean and multiplies by the weights' square roots: X @ centring, X (…, points).

    Raises HpsError for weights that are negative or not finite, and for rows with fewer than 3 above 0.
    """
    if not (weight.isfinite().all() and (weight >= 0).all()):
        raise HpsError("weights of keypoints must be finite and not below 0; a missing keypoint has weight 0")
    few = (weight > 0).sum(-1) < 3
    if few.any():
        raise HpsError(
            f"{int(few.sum())} of {few.numel()} people have fewer than 3 keypoints of weight above 0; leave them out"
        )
    share = weight / weight.sum(-1, keepdim=True)
    eye = torch.eye(weight.shape[-1], dtype=weight.dtype, device=weight.device)
    return (eye - share[..., :, None]) * weight.sqrt()[..., None, :]


@torch.no_grad()
def relaxed_lifting(
    W: Float[Tensor, "rows 2 points"],
    weight: Float[Tensor, "rows points"],
    shapes: Float[Tensor, "shapes 3 points"],
    config: AdmmConfig | None = None,
) -> Relaxed:
    """Solves every row. float64 is advised.

    Raises HpsError for shapes that do not fit together, keypoints that are not finite, or as `centring` does.
    """
    config = config or AdmmConfig()
    if W.shape[1:] != (2, shapes.shape[2]) or weight.shape != (len(W), shapes.shape[2]) or shapes.shape[1] != 3:
        raise HpsError(
            f"keypoints {tuple(W.shape)}, weights {tuple(weight.shape)} and basis shapes {tuple(shapes.shape)} must be "
            "(rows, 2, points), (rows, points) and (shapes, 3, points)"
        )
    if not W.isfinite().all():
        raise HpsError("keypoints are not finite; give a missing keypoint any place and weight 0")
    parts = [_solved(w, v, shapes, config) for w, v in zip(W.split(config.rows), weight.split(config.rows))]
    fields = ("M", "objective", "iterations", "converged")
    if not parts:
        return _nobody(W, shapes)
    return Relaxed(**{name: torch.cat([getattr(part, name) for part in parts]) for name in fields})


def _solved(W: Tensor, weight: Tensor, shapes: Tensor, config: AdmmConfig) -> Relaxed:
    K, rows = len(shapes), len(W)
    B = shapes.permute(1, 0, 2).reshape(3 * K, -1)
    # rows of the same weights share one factorisation
    kinds, kind = weight.unique(dim=0, return_inverse=True)
    A = centring(kinds)
    values, Q = torch.linalg.eigh(A.mT @ (B.T @ B) @ A)
    values, G = values.clamp_min(0)[kind], (A @ Q)[kind]
    target = W @ A[kind]
    told = target @ A[kind].mT @ B.T  # W B'
    scale = told.flatten(1).norm(dim=1) / values[:, -1].clamp_min(1e-12)

    out = torch.zeros(rows, 2, 3 * K, dtype=W.dtype, device=W.device)
    iterations = torch.full((rows,), config.iterations, device=W.device)
    converged = torch.zeros(rows, dtype=torch.bool, device=W.device)
    left = torch.arange(rows, device=W.device)
    M, Y, Z_before = torch.zeros_like(out), torch.zeros_like(out), torch.zeros_like(out)
    mu = torch.full((rows, 1, 1), config.penalty, dtype=W.dtype, device=W.device)
    for iteration in range(1, config.iterations + 1):
        N = told + mu * M + Y
        inside = (N @ B) @ G / (mu + values[:, None])
        Z = (N - (inside @ G.mT) @ B.T) / mu
        M = spectral_prox((Z - Y / mu).view(-1, 2, 3, K), config.weight / mu[:, 0]).view_as(Z)
        away = M - Z
        Y = Y + mu * away
        primal, dual = _length(away), mu[:, 0, 0] * _length(Z - Z_before)
        Z_before = Z
        done = (primal <= config.tolerance * torch.maximum(torch.maximum(_length(M), _length(Z)), scale)) & (
            dual <= config.tolerance * _length(Y).clamp_min(1e-300)
        )
        if done.any():
            which = left[done]
            out[which], iterations[which], converged[which] = M[done], iteration, True
            stay = ~done
            left, told, scale, values, G, mu = (x[stay] for x in (left, told, scale, values, G, mu))
            M, Y, Z_before, primal, dual = (x[stay] for x in (M, Y, Z_before, primal, dual))
            if not len(left):
                break
        grow = torch.where(
            primal > config.imbalance * dual, 2.0, torch.where(dual > config.imbalance * primal, 0.5, 1.0)
        )
        mu = mu * grow[:, None, None]
    out[left] = M
    M = out.view(rows, 2, 3, K)
    misfit = target - (out @ B) @ A[kind]
    objective = 0.5 * misfit.square().sum((1, 2)) + config.weight * spectral_norm(M).sum(1)
    return Relaxed(M=M, objective=objective, iterations=iterations, converged=converged)


def _length(x: Tensor) -> Tensor:
    return x.flatten(1).norm(dim=1)


def _nobody(W: Tensor, shapes: Tensor) -> Relaxed:
    return Relaxed(
        M=W.new_zeros(0, 2, 3, len(shapes)),
        objective=W.new_zeros(0),
        iterations=torch.zeros(0, dtype=torch.int64),
        converged=torch.zeros(0, dtype=torch.bool),
    )
