"""The smoothest displacement of a surface that meets given distances along its normals."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numba import njit

from texture.tracking.mesh_kernels import Neighbours

TOLERANCE = 1e-3
"""Of the residual against the right-hand side: some micrometres of displacement."""
MOST_STEPS = 80
"""Of the conjugate gradients. The stiffest system of the refinement takes 40 from the last displacement on."""


def elastic_displacement(
    neighbours: Neighbours,
    normals: Float[np.ndarray, "vertices 3"],
    along: Float[np.ndarray, "vertices"],
    certainty: Float[np.ndarray, "vertices"],
    stiffness: float,
    prior: Float[np.ndarray, "vertices 3"],
    inertia: float,
    start: Float[np.ndarray, "vertices 3"],
) -> Float[np.ndarray, "vertices 3"]:
    """u that minimises

        sum_i certainty_i (n_i . u_i - along_i)^2 + stiffness sum_edges |u_i - u_j|^2 + inertia sum_i |u_i - prior_i|^2

    by conjugate gradients from `start`, preconditioned by the 3x3 blocks of the diagonal. All lengths in metres.
    """
    return _solve(
        neighbours.start, neighbours.index, normals, along, certainty, stiffness, prior, inertia, start,
        MOST_STEPS, TOLERANCE,
    )  # fmt: skip


@njit(cache=True, nogil=True)
def _apply(
    first: np.ndarray,
    index: np.ndarray,
    n: np.ndarray,
    certainty: np.ndarray,
    stiffness: float,
    inertia: float,
    u: np.ndarray,
    out: np.ndarray,
) -> None:
    for i in range(len(u)):
        degree = first[i + 1] - first[i]
        sx, sy, sz = 0.0, 0.0, 0.0
        for k in range(first[i], first[i + 1]):
            j = index[k]
            sx += u[j, 0]
            sy += u[j, 1]
            sz += u[j, 2]
        d = stiffness * degree + inertia
        pull = certainty[i] * (n[i, 0] * u[i, 0] + n[i, 1] * u[i, 1] + n[i, 2] * u[i, 2])
        out[i, 0] = d * u[i, 0] - stiffness * sx + pull * n[i, 0]
        out[i, 1] = d * u[i, 1] - stiffness * sy + pull * n[i, 1]
        out[i, 2] = d * u[i, 2] - stiffness * sz + pull * n[i, 2]


@njit(cache=True, nogil=True)
def _precondition(
    first: np.ndarray,
    n: np.ndarray,
    certainty: np.ndarray,
    stiffness: float,
    inertia: float,
    r: np.ndarray,
    out: np.ndarray,
) -> None:
    """The inverse of d I + c n n^T is (I - c / (d + c) n n^T) / d for a unit n (Sherman and Morrison)."""
    for i in range(len(r)):
        d = stiffness * (first[i + 1] - first[i]) + inertia
        squared = n[i, 0] ** 2 + n[i, 1] ** 2 + n[i, 2] ** 2
        dot = n[i, 0] * r[i, 0] + n[i, 1] * r[i, 1] + n[i, 2] * r[i, 2]
        share = certainty[i] / (d + certainty[i] * squared) * dot
        for k in range(3):
            out[i, k] = (r[i, k] - share * n[i, k]) / d


@njit(cache=True, nogil=True)
def _solve(
    first: np.ndarray,
    index: np.ndarray,
    n: np.ndarray,
    along: np.ndarray,
    certainty: np.ndarray,
    stiffness: float,
    prior: np.ndarray,
    inertia: float,
    start: np.ndarray,
    steps: int,
    tolerance: float,
) -> np.ndarray:
    u, r = start.copy(), np.empty_like(start)
    _apply(first, index, n, certainty, stiffness, inertia, u, r)
    size = 0.0
    for i in range(len(u)):
        for k in range(3):
            b = certainty[i] * along[i] * n[i, k] + inertia * prior[i, k]
            size += b * b
            r[i, k] = b - r[i, k]
    z, moved = np.empty_like(r), np.empty_like(r)
    _precondition(first, n, certainty, stiffness, inertia, r, z)
    p = z.copy()
    rz = (r * z).sum()
    for _ in range(steps):
        if (r * r).sum() <= tolerance * tolerance * size:
            break
        _apply(first, index, n, certainty, stiffness, inertia, p, moved)
        step = rz / (p * moved).sum()
        u += step * p
        r -= step * moved
        _precondition(first, n, certainty, stiffness, inertia, r, z)
        rz_next = (r * z).sum()
        p = z + rz_next / rz * p
        rz = rz_next
    return u
