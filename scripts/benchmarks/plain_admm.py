"""The convex relaxation solved one pose after the other in plain numpy: what the batched solver is measured against.

Written from the formulas of Zhou et al. 2015: a matrix inverse of the size of the basis in each step, and a singular
value decomposition of each 2x3 matrix. The same balancing of the penalty and the same stopping rule as
hps/rgb/convex/admm.py.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from hps.rgb.convex.admm import AdmmConfig


def relaxed_one(
    W: Float[np.ndarray, "2 points"],
    weight: Float[np.ndarray, "points"],
    shapes: Float[np.ndarray, "shapes 3 points"],
    config: AdmmConfig,
    *,
    factorised: bool = False,
) -> tuple[Float[np.ndarray, "shapes 2 3"], int]:
    """The matrices of one pose, and the iterations. factorised: with the eigenvectors of the matrix found once."""
    K, root = len(shapes), np.sqrt(weight)
    share = weight / weight.sum()
    W = (W - (W @ share)[:, None]) * root
    B = ((shapes - (shapes @ share)[..., None]) * root).reshape(3 * K, -1)
    told, gram = W @ B.T, B @ B.T
    scale = np.linalg.norm(told) / np.linalg.eigvalsh(gram)[-1]
    values, vectors = np.linalg.eigh(gram) if factorised else (np.zeros(0), gram)
    mu, eye, iteration = config.penalty, np.eye(3 * K), 0
    M, Y, before = np.zeros((2, 3 * K)), np.zeros((2, 3 * K)), np.zeros((2, 3 * K))
    while iteration < config.iterations:
        iteration += 1
        N = told + mu * M + Y
        if factorised:
            Z = (N @ vectors / (values + mu)) @ vectors.T
        else:
            Z = np.linalg.solve(gram + mu * eye, N.T).T
        M = _each_prox(Z - Y / mu, config.weight / mu)
        Y = Y + mu * (M - Z)
        primal, dual = np.linalg.norm(M - Z), mu * np.linalg.norm(Z - before)
        before = Z
        size = max(np.linalg.norm(M), np.linalg.norm(Z), scale)
        if primal <= config.tolerance * size and dual <= config.tolerance * np.linalg.norm(Y):
            break
        if primal > config.imbalance * dual:
            mu *= 2
        elif dual > config.imbalance * primal:
            mu /= 2
    return M.reshape(2, K, 3).transpose(1, 0, 2), iteration


def _each_prox(M: np.ndarray, weight: float) -> np.ndarray:
    """Singular values of the 2x3 matrices that lie side by side."""
    U, S, Vh = np.linalg.svd(M.reshape(2, -1, 3).transpose(1, 0, 2), full_matrices=False)
    s1, s2 = S.T
    both = np.maximum((s1 + s2 - weight) / 2, 0)
    apart = s1 - s2 > weight
    new = np.stack([np.where(apart, s1 - weight, both), np.where(apart, s2, both)], 1)
    return ((U * new[:, None]) @ Vh).transpose(1, 0, 2).reshape(2, -1)
