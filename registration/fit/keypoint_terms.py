"""What keypoints say about a body: points in the world, and pixels in all cameras."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from geometry.camera import Camera
from registration.fit import robust as fit_robust
from registration.fit.landmarks import Landmarks
from registration.fit.state import FitState, Frames
from registration.fit.system import NormalEquations
from registration.keypoints.projection import project_with_jacobian

ALL = slice(None)
NO_INFORMATION = 1.0
"""1/m² along a direction in which no camera says anything: a standard deviation of a metre."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Keypoints3D:
    """Triangulated landmarks; NaN where there is none."""

    p_world: Float[Tensor, "frames landmarks 3"]
    sigma: Float[Tensor, "frames landmarks"]
    """Metres, along each axis, of the triangulation alone."""
    landmarks: Landmarks
    kernel: float

    def add(self, system: NormalEquations, state: FitState, frames: Frames, skin: Tensor) -> None:
        """Adds the distances to the body's points."""
        rest = self.landmarks.rest(state, frames, skin)
        residual = self.p_world - self.landmarks.positions(frames, rest)
        sigma2 = self.sigma**2 + self.landmarks.jitter_m**2
        known = torch.isfinite(residual).all(-1) & torch.isfinite(sigma2)
        residual = torch.where(known[..., None], residual, 0.0)
        squared = residual.square().sum(-1) / torch.where(known, sigma2, 1.0)
        w = torch.where(known, fit_robust.weight(squared, self.kernel) / sigma2, 0.0)
        information = w[..., None, None] * torch.eye(3, dtype=w.dtype)
        cost = float(torch.where(known, fit_robust.cost(squared, self.kernel), 0.0).sum())
        system.add_rows(ALL, self.landmarks.rows(frames, rest), information, residual, cost)


@dataclass(frozen=True, kw_only=True, slots=True)
class KeypointPixels:
    """Detected landmarks in every camera; the whole lens model stands between them and the body."""

    cameras: Sequence[Camera]
    q: Float[np.ndarray, "frames cameras landmarks 2"]
    """NaN where nothing was seen."""
    sigma_px: Float[np.ndarray, "frames cameras landmarks"]
    used: Bool[np.ndarray, "frames cameras landmarks"]
    landmarks: Landmarks
    kernel: float

    def add(self, system: NormalEquations, state: FitState, frames: Frames, skin: Tensor) -> None:
        """Adds the pixel distances."""
        rest = self.landmarks.rest(state, frames, skin)
        p = self.landmarks.positions(frames, rest).numpy()
        information, force = np.zeros((*p.shape, 3)), np.zeros(p.shape)
        cost = 0.0
        jitter = self.landmarks.jitter_m.numpy()
        for c, camera in enumerate(self.cameras):
            predicted, J = project_with_jacobian(camera, p)
            residual = self.q[:, c] - predicted
            sigma2 = self.sigma_px[:, c] ** 2
            spread2 = (jitter * np.linalg.norm(J, axis=(-2, -1))) ** 2 / 2  # of the landmark itself, seen here
            known = self.used[:, c] & np.isfinite(residual).all(-1) & np.isfinite(sigma2)
            residual, J = np.where(known[..., None], residual, 0), np.where(known[..., None, None], J, 0)
            squared = torch.from_numpy((residual**2).sum(-1) / np.where(known, sigma2 + spread2, 1))
            w = np.where(known, fit_robust.weight(squared, self.kernel).numpy() / np.where(known, sigma2, 1), 0)
            information += np.einsum("tn,tnki,tnkj->tnij", w, J, J)
            force += np.einsum("tn,tnki,tnk->tni", w, J, residual)
            cost += float(fit_robust.cost(squared, self.kernel)[torch.from_numpy(known)].sum())
        A = torch.from_numpy(information) + NO_INFORMATION * torch.eye(3, dtype=torch.float64)
        residual = torch.linalg.solve(A, torch.from_numpy(force))
        # the cameras agree on where the landmark is; it is the landmark that moves on the body
        covariance = torch.linalg.inv(A) + torch.diag_embed(self.landmarks.jitter_m[:, None].expand(-1, 3) ** 2)
        system.add_rows(ALL, self.landmarks.rows(frames, rest), torch.linalg.inv(covariance), residual, cost)
