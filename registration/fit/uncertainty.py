"""The covariance of a fit's unknowns from its normal equations: each frame's own, the shared ones, and between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.linalg import LinAlgError
from scipy.linalg import cho_factor, cho_solve

from registration.errors import RegistrationError
from registration.fit.system import NormalEquations

WEAK = 1e-6
"""1/rad² and 1/m² added to every unknown: what nothing speaks of gets a standard deviation of 1000, not an error."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Posterior:
    """Marginal covariances at the optimum, of the linearised likelihood alone (nothing inflated)."""

    frames: Float[np.ndarray, "frames unknowns unknowns"]
    """Of each frame's unknowns; those of other frames and the shared ones are not held fixed."""
    cross: Float[np.ndarray, "frames unknowns shared"]
    """Between a frame's unknowns and the shared ones."""
    shared: Float[np.ndarray, "shared shared"]


def posterior(system: NormalEquations) -> Posterior:
    """Of undamped `NormalEquations`: the wanted blocks of the inverse, without the rest of it.

    Two frames make one block, which makes the matrix block-tridiagonal; its inverse's diagonal blocks follow from one
    pass forward and one back (Rauch–Tung–Striebel 1965 in information form), the border from its Schur complement.
    Raises RegistrationError when the equations are not positive definite.
    """
    T, F = system.b.shape
    D, E = _paired(system)
    B = np.zeros((2 * len(D), F, len(system.A_shared)))
    B[:T] = system.A_border
    B = B.reshape(len(D), 2 * F, -1)
    try:
        P, W = _selected_inverse(D, E, B)
        inner = system.A_shared - np.einsum("kfs,kfr->sr", B, W)
        shared = _inverse(inner + WEAK * np.eye(len(inner)))
    except LinAlgError:
        raise RegistrationError(
            "the fit's equations are not positive definite at its end; its data contradict each other or are empty"
        ) from None
    W = W.reshape(-1, F, W.shape[2])[:T]
    halves = np.stack([P[:, :F, :F], P[:, F:, F:]], 1).reshape(-1, F, F)[:T]
    cross = -W @ shared
    return Posterior(frames=halves - cross @ np.swapaxes(W, 1, 2), cross=cross, shared=shared)


def _paired(system: NormalEquations) -> tuple[np.ndarray, np.ndarray]:
    """Diagonal blocks of pairs of frames, and the blocks that couple a pair with the next pair."""
    T, F = system.b.shape
    pairs = (T + 1) // 2
    D = np.tile(np.eye(2 * F), (pairs, 1, 1))
    E = np.zeros((max(pairs - 1, 0), 2 * F, 2 * F))
    for t in range(T):
        k, at = t // 2, slice(F * (t % 2), F * (t % 2) + F)
        D[k, at, at] = system.A[t] + WEAK * np.eye(F)
        for step, coupling in ((1, system.A_next[t].T), (2, np.diag(system.A_second[t]))):
            if t + step >= T:
                continue
            other = slice(F * ((t + step) % 2), F * ((t + step) % 2) + F)
            if (t + step) // 2 == k:
                D[k, at, other], D[k, other, at] = coupling, coupling.T
            else:
                E[k, at, other] = coupling
    return D, E


def _selected_inverse(D: np.ndarray, E: np.ndarray, B: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Diagonal blocks of the inverse of the block-tridiagonal matrix, and the inverse times B."""
    factors, G, u = [cho_factor(D[0])], [], [B[0]]
    for k in range(len(E)):
        G.append(cho_solve(factors[k], E[k]))
        factors.append(cho_factor(D[k + 1] - E[k].T @ G[k]))
        u.append(B[k + 1] - G[k].T @ u[k])
    P, W = np.empty_like(D), np.empty_like(B)
    eye = np.eye(D.shape[1])
    for k in range(len(D) - 1, -1, -1):
        P[k], W[k] = cho_solve(factors[k], eye), cho_solve(factors[k], u[k])
        if k < len(E):
            P[k] += G[k] @ P[k + 1] @ G[k].T
            W[k] -= G[k] @ W[k + 1]
    return P, W


def _inverse(A: np.ndarray) -> np.ndarray:
    return cho_solve(cho_factor(A), np.eye(len(A)))
