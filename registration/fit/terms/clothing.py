"""Points of a cloud lie on clothes: each patch of the body has a margin, which the fit integrates out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from jaxtyping import Float, Int64

from registration.fit.terms.clothing_kernel import clothed_block
from registration.fit.terms.margin_prior import MarginPrior

MODEL_GAP_M: Final = 0.004
"""Standard deviation, normal to the skin, of a patch of a real body about the best that the model's shapes can do: 16
betas leave 5.9 mm RMS of the bank's bodies, a good half of it along the normal."""
ENDS_GAP_M: Final = 0.001
"""The same of crown and soles: a person's height is told by them alone, while skin elsewhere may be a little off.
Two tight takes with 16 and 10 betas: 6.6 mm of vertex error instead of 6.8, heights 10 mm off instead of 12."""
SURFACE_SIGMA_M: Final = 0.002
"""Of a body's surface inside a patch, beside the sensor's noise and the margin's own unevenness."""
KERNEL: Final = 3.0
"""Residual, in predicted standard deviations, from which a point counts as an outlier (Geman-McClure)."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FramePoints:
    """Points of one frame with the body's points that they belong to."""

    residual: Float[np.ndarray, "points"]
    """Metres outward from the body along its normal."""
    aside: Float[np.ndarray, "points"]
    """Squared metres along the surface: more than zero where the body ends before the point."""
    trust: Float[np.ndarray, "points"]
    """Weight of each point; 0 where it belongs to nothing."""
    sigma: Float[np.ndarray, "points"]
    """Of the sensor, metres."""
    vertex: Int64[np.ndarray, "points"]
    """The body's vertex nearest to each."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Clothing:
    """Margins of one kind of clothes on one body model.

    A point of patch p is mean[p] + (basis a)[p] outside the skin, plus what is left of the patch's margin, which all
    its points share, plus unevenness and noise of its own. The directions a are unknowns of each frame, with a standard
    normal prior, taken out of the equations by their Schur complement. Beside that no point is inside the skin by more
    than noise.
    """

    prior: MarginPrior
    patch: Int64[np.ndarray, "vertices"]
    """Patch of each vertex."""
    said: float = 1.0
    """How often each frame says what is known of the margins: frames of a clip show the same clothes."""
    gap_m: float | Float[np.ndarray, "patches"] = MODEL_GAP_M
    """What the model's shapes leave of each patch."""
    reach_m: float = 0.0
    """Least distance from which a point is an outlier: bare hands have to be found before their 5 mm can count."""

    def equations(
        self, points: FramePoints, *geometry: Any
    ) -> tuple[Float[np.ndarray, "unknowns unknowns"], Float[np.ndarray, "unknowns"], float]:
        """J^T W J, J^T W r and the cost of one frame; `geometry` is what surface_block takes for rows.

        The cost contains the logarithm of the normalisation, so that costs of several kinds of clothes compare.
        """
        prior, patches = self.prior, len(self.prior.mean)
        patch = self.patch[points.vertex]
        count = np.bincount(patch, points.trust, minlength=patches)
        own2 = points.sigma**2 + SURFACE_SIGMA_M**2
        uneven2 = own2 + prior.within[patch] ** 2
        gap2 = np.broadcast_to(np.square(self.gap_m), patches)
        left2 = prior.rest**2 + gap2
        # all points of a patch share what is left of its margin, so that many say no more than one would
        variance = uneven2 + count[patch] * left2[patch]
        predicted = uneven2 + left2[patch] + (prior.basis**2).sum(1)[patch]
        known = points.trust > 0
        skin = np.where(known, points.residual, 0.0)
        residual = np.where(known, points.residual - prior.mean[patch], 0.0)
        squared = residual**2 + np.where(known, points.aside, 0.0)
        kernel2 = np.maximum(KERNEL**2 * predicted, self.reach_m**2)
        robust = kernel2 / (kernel2 + squared)
        information = points.trust * robust**2 / variance
        cost = 0.5 * float((points.trust * robust * squared / variance).sum())
        cost += 0.5 * float((~known).sum() * np.median(kernel2 / variance))
        inside = np.where(skin < 0, points.trust * robust**2 / (own2 + count[patch] * gap2[patch]), 0.0)
        cost += 0.5 * float((inside * skin**2).sum())
        A, b, rows = clothed_block(patches, patch, information, inside, residual, skin, *geometry)
        B = prior.basis
        M = B.T @ (np.bincount(patch, information, minlength=patches)[:, None] * B) + self.said * np.eye(B.shape[1])
        L = np.linalg.cholesky(M)
        C = np.linalg.solve(L, B.T @ rows)
        h = np.linalg.solve(L, B.T @ np.bincount(patch, information * residual, minlength=patches))
        cost += float(np.log(np.diagonal(L)).sum()) - 0.5 * (float(h @ h) + len(h) * np.log(self.said))
        cost += self._log_patches(count, np.bincount(patch, points.trust * uneven2, minlength=patches), left2)
        return A - C.T @ C, b - C.T @ h, cost

    def _log_patches(
        self,
        count: Float[np.ndarray, "patches"],
        own2: Float[np.ndarray, "patches"],
        left2: Float[np.ndarray, "patches"],
    ) -> float:
        """Logarithm of the standard deviations of the patches' means, in millimetres."""
        seen = count > 0.5
        mean2 = own2[seen] / count[seen] ** 2 + left2[seen]
        return 0.5 * float(np.log(mean2 * 1e6).sum())
