"""What keypoints say about a body: points in the world, and pixels in all cameras."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from body.joints import PARENTS
from geometry.camera import Camera
from registration.fit import robust as fit_robust
from registration.fit.accumulate import landmark_block
from registration.fit.landmarks import Landmarks
from registration.fit.posing import Frames, PosedClip
from registration.fit.system import NormalEquations
from registration.keypoints.projection import project_with_jacobian

NO_INFORMATION = 1.0
"""1/m² along a direction in which no camera says anything: a standard deviation of a metre."""
_PARENTS = np.array(PARENTS, np.int64)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Keypoints3D:
    """Triangulated landmarks; NaN where there is none."""

    p_world: Float[np.ndarray, "frames landmarks 3"]
    sigma: Float[np.ndarray, "frames landmarks"]
    """Metres, along each axis, of the triangulation alone."""
    landmarks: Landmarks
    kernel: float

    def add(self, system: NormalEquations, body: PosedClip) -> None:
        """Adds the distances to the body's points."""
        rest = self.landmarks.rest(body.state)
        residual = self.p_world - self.landmarks.positions(body.state, body.frames, rest)
        sigma2 = self.sigma**2 + self.landmarks.jitter_m**2
        known = np.isfinite(residual).all(-1) & np.isfinite(sigma2)
        residual = np.where(known[..., None], residual, 0.0)
        squared = (residual**2).sum(-1) / np.where(known, sigma2, 1.0)
        w = np.where(known, fit_robust.weight(squared, self.kernel) / np.where(known, sigma2, 1.0), 0.0)
        cost = float(np.where(known, fit_robust.cost(squared, self.kernel), 0.0).sum())
        add_landmarks(system, self.landmarks, body.frames, rest, w[..., None, None] * np.eye(3), residual)
        system.cost += cost


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class KeypointPixels:
    """Detected landmarks in every camera; the whole lens model stands between them and the body."""

    cameras: Sequence[Camera]
    q: Float[np.ndarray, "frames cameras landmarks 2"]
    """NaN where nothing was seen."""
    sigma_px: Float[np.ndarray, "frames cameras landmarks"]
    used: Bool[np.ndarray, "frames cameras landmarks"]
    landmarks: Landmarks
    kernel: float

    def add(self, system: NormalEquations, body: PosedClip) -> None:
        """Adds the pixel distances."""
        rest = self.landmarks.rest(body.state)
        p = self.landmarks.positions(body.state, body.frames, rest)
        information, force = np.zeros((*p.shape, 3)), np.zeros(p.shape)
        cost = 0.0
        jitter = self.landmarks.jitter_m
        for c, camera in enumerate(self.cameras):
            predicted, J = project_with_jacobian(camera, p)
            residual = self.q[:, c] - predicted
            sigma2 = self.sigma_px[:, c] ** 2
            spread2 = (jitter * np.linalg.norm(J, axis=(-2, -1))) ** 2 / 2  # of the landmark itself, seen here
            known = self.used[:, c] & np.isfinite(residual).all(-1) & np.isfinite(sigma2)
            residual, J = np.where(known[..., None], residual, 0), np.where(known[..., None, None], J, 0)
            squared = (residual**2).sum(-1) / np.where(known, sigma2 + spread2, 1)
            w = np.where(known, fit_robust.weight(squared, self.kernel) / np.where(known, sigma2, 1), 0)
            JT = np.swapaxes(J, -1, -2)
            information += w[..., None, None] * (JT @ J)
            force += w[..., None] * (JT @ residual[..., None])[..., 0]
            cost += float(fit_robust.cost(squared, self.kernel)[known].sum())
        A = information + NO_INFORMATION * np.eye(3)
        residual = np.linalg.solve(A, force[..., None])[..., 0]
        # the cameras agree on where the landmark is; it is the landmark that moves on the body
        covariance = np.linalg.inv(A) + jitter[:, None, None] ** 2 * np.eye(3)
        add_landmarks(system, self.landmarks, body.frames, rest, np.linalg.inv(covariance), residual)
        system.cost += cost


def add_landmarks(
    system: NormalEquations,
    landmarks: Landmarks,
    frames: Frames,
    rest: Float[np.ndarray, "frames landmarks 3"],
    information: Float[np.ndarray, "frames landmarks 3 3"],
    residual: Float[np.ndarray, "frames landmarks 3"],
) -> None:
    """Adds distances in space with their inverse covariances; landmarks without information are left out."""
    p = landmarks.points
    for t in range(len(rest)):
        A, b = landmark_block(
            rest[t], p.carriers, p.weights, p.directions, information[t], residual[t], frames.R[t], frames.R_parent[t],
            frames.t[t], frames.joints[t], frames.d_t[t], _PARENTS,
        )  # fmt: skip
        system.add_block(t, A, b)
