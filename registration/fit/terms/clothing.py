"""Points of a cloud lie on clothes: each patch of the body has a margin, which the fit integrates out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numba
import numpy as np
from jaxtyping import Float, Int64

from registration.fit.posing_kernels import add_shape_row, collect_point, finish_row
from registration.fit.system import NormalEquations
from registration.fit.terms.margin_prior import MarginPrior

MODEL_GAP_M: Final = 0.004
"""Standard deviation, normal to the skin, of a patch of a real body about the best that the model's shapes can do: 16
betas leave 5.9 mm RMS of the bank's bodies, a good half of it along the normal."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PatchSums:
    """What the points of one frame say, summed over the patches that they lie on."""

    rows: Float[np.ndarray, "patches unknowns"]
    """Sum of information times derivative."""
    force: Float[np.ndarray, "patches"]
    """Sum of information times residual."""
    information: Float[np.ndarray, "patches"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Clothing:
    """Margins of one kind of clothes on one body model."""

    prior: MarginPrior
    patch: Int64[np.ndarray, "vertices"]
    """Patch of each vertex."""
    said: float = 1.0
    """How often each frame says what is known of the margins: frames of a clip show the same clothes."""
    gap_m: float = MODEL_GAP_M

    def expected(self, patch: Int64[np.ndarray, "points"]) -> Float[np.ndarray, "points"]:
        """Mean margin of points on these patches, metres."""
        return self.prior.mean[patch]

    def variance(
        self,
        patch: Int64[np.ndarray, "points"],
        sigma_m: Float[np.ndarray, "points"],
        weight: Float[np.ndarray, "points"],
    ) -> Float[np.ndarray, "points"]:
        """Variance of each point's distance from body plus mean margin, without the directions of the prior.

        All points of a patch share what is left of its margin, so that many say no more than one would.
        """
        count = np.bincount(patch, weight, minlength=len(self.prior.mean))
        shared = self.prior.rest**2 + self.gap_m**2
        return sigma_m**2 + self.prior.within[patch] ** 2 + count[patch] * shared[patch]

    def marginalise(self, system: NormalEquations, frame: int, sums: PatchSums) -> None:
        """Takes the prior's directions out of one frame's equations, as unknowns of their own (Schur complement).

        The cost gains the logarithm of the normalisation, so that costs of several kinds of clothes compare.
        """
        B = self.prior.basis
        M = B.T @ (sums.information[:, None] * B) + self.said * np.eye(B.shape[1])
        L = np.linalg.cholesky(M)
        C = np.linalg.solve(L, B.T @ sums.rows)
        h = np.linalg.solve(L, B.T @ sums.force)
        system.add_block(frame, -C.T @ C, -C.T @ h)
        system.cost += float(-0.5 * h @ h + np.log(np.diagonal(L)).sum() - 0.5 * len(h) * np.log(self.said))

    def directions_at(self, sums: PatchSums) -> Float[np.ndarray, "directions"]:
        """The most likely standard deviations of the prior's directions for residuals as they are."""
        B = self.prior.basis
        M = B.T @ (sums.information[:, None] * B) + self.said * np.eye(B.shape[1])
        return np.linalg.solve(M, B.T @ sums.force)


@numba.njit(cache=True, nogil=True)
def patch_rows(
    patches, patch, corners, bary, directions, information, rest, carriers, weights, shape,
    R, R_parent, t, joints, d_t, parents,
):  # fmt: skip
    """(patches, 75 + C): sums of information times the row of each point, by patch; arguments as of surface_block."""
    first = 3 * len(joints) + 3
    size = first + d_t.shape[2]
    G, row = np.zeros((patches, size)), np.zeros(size)
    moment, weight = np.empty((len(joints), 3)), np.empty(len(joints))
    for n in range(len(corners)):
        if information[n] <= 0.0:
            continue
        row[:] = 0.0
        moment[:], weight[:] = 0.0, 0.0
        for c in range(3):
            scale, v = bary[n, c], corners[n, c]
            if scale == 0.0:
                continue
            collect_point(rest[v], scale, carriers[v], weights[v], R, t, moment, weight)
            add_shape_row(scale, carriers[v], weights[v], shape[v], directions[n], R, row, first)
        finish_row(moment, weight, directions[n], R_parent, joints, d_t, parents, row)
        G[patch[n]] += information[n] * row
    return G
