"""Learning basis shapes: bodies turned alike, then a dictionary in which each is a sum of few with weights above 0."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from hps.errors import HpsError
from hps.rgb.convex.sparse_weights import sparse_weights

ALIGNING_ROUNDS = 10
CODING_STEPS = 60


def aligned(shapes: Float[Tensor, "bodies 3 points"], counted: int) -> Float[Tensor, "bodies 3 points"]:
    """Each turned onto their mean (generalised Procrustes) by its first `counted` points, whose mean becomes zero.

    They come turned nearly alike, by their pelvis for example.
    """
    shapes = shapes - shapes[..., :counted].mean(-1, keepdim=True)
    mean = shapes.mean(0)
    for _ in range(ALIGNING_ROUNDS):
        U, _, Vh = torch.linalg.svd(mean[:, :counted] @ shapes[..., :counted].mT)
        U[..., 2] *= torch.linalg.det(U @ Vh)[:, None]
        shapes = (U @ Vh) @ shapes
        mean = shapes.mean(0)
    return shapes


def learned_shapes(
    bodies: Float[Tensor, "bodies features"],
    count: int,
    generator: torch.Generator,
    *,
    sparsity: float = 0.05,
    rounds: int = 15,
) -> Float[Tensor, "count features"]:
    """A dictionary of bodies (Mairal et al. 2010, as Zhou et al. 2015 use it): weights above 0, few of them.

    Started by k-means (k-means++). sparsity: of the weights' sum, as a share of the mean square of the bodies. Raises
    HpsError for fewer than 5 bodies a shape.
    """
    if len(bodies) < 5 * count:
        raise HpsError(f"{count} basis shapes need {5 * count} bodies, there are {len(bodies)}; add motions")
    shapes = cluster_means(bodies, count, generator)
    penalty = sparsity * float(bodies.square().sum(1).mean())
    for _ in range(rounds):
        gram = shapes @ shapes.T
        weights = sparse_weights(
            gram[None],
            bodies @ shapes.T,
            lasso=penalty,
            ridge=0.0,
            steps=CODING_STEPS,
            steepest=float(torch.linalg.matrix_norm(gram, 2)),
        )
        shapes = _updated(shapes, weights, bodies)
    return shapes


def cluster_means(
    bodies: Float[Tensor, "bodies features"], count: int, generator: torch.Generator, rounds: int = 15
) -> Float[Tensor, "count features"]:
    """Means of k-means; each body the nearer to its mean the more means there are."""
    at = int(torch.randint(len(bodies), (1,), generator=generator))
    means = bodies[at : at + 1]
    away = (bodies - means).square().sum(1)
    for _ in range(count - 1):
        at = int(torch.multinomial(away, 1, generator=generator))
        means = torch.cat([means, bodies[at : at + 1]])
        away = torch.minimum(away, (bodies - bodies[at]).square().sum(1))
    for _ in range(rounds):
        label = torch.cdist(bodies, means).argmin(1)
        total = torch.zeros_like(means).index_add_(0, label, bodies)
        number = torch.bincount(label, minlength=count)[:, None]
        means = torch.where(number > 0, total / number.clamp_min(1), means)
    return means


def _updated(shapes: Tensor, weights: Tensor, bodies: Tensor) -> Tensor:
    """Least-squares shapes of these weights, each scaled back to the size of the bodies."""
    size = bodies.square().sum(1).mean().sqrt()
    A = weights.T @ weights
    damping = 1e-3 * A.diagonal().mean() * torch.eye(len(A), dtype=A.dtype)
    new = torch.linalg.solve(A + damping, weights.T @ bodies + damping @ shapes)
    return new * (size / new.norm(dim=1, keepdim=True).clamp_min(1e-9))
