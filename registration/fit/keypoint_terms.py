"""What keypoints say about a body: points in the world, and pixels in all cameras."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int64

from body.joints import PARENTS
from geometry.camera import Camera
from registration.fit import robust as fit_robust
from registration.fit.accumulate import landmark_block
from registration.fit.clip_keypoints import ClipKeypoints
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
class RayDepth:
    """How far along its ray a landmark is, from the depth beside one camera; NaN where it is not known."""

    p_world: Float[np.ndarray, "frames landmarks 3"]
    v_world: Float[np.ndarray, "frames landmarks 3"]
    """Unit directions of the rays."""
    sigma_m: Float[np.ndarray, "frames landmarks"]
    """Along the ray."""

    @classmethod
    def of(cls, keypoints: ClipKeypoints, index: Int64[np.ndarray, "landmarks"]) -> RayDepth | None:
        """Of the keypoints with these numbers; None where no keypoint has a depth."""
        if keypoints.depth_sigma is None or not np.isfinite(keypoints.depth_sigma[:, index]).any():
            return None
        p, sigma = np.asarray(keypoints.p_world[:, index], np.float64), keypoints.depth_sigma[:, index]
        one = keypoints.used[:, :, index].argmax(1)
        v = p - np.stack([camera.center for camera in keypoints.cameras])[one]
        return cls(p_world=p, v_world=v / np.linalg.norm(v, axis=-1, keepdims=True), sigma_m=sigma)

    def weights(
        self, p: Float[np.ndarray, "frames landmarks 3"], kernel: float
    ) -> tuple[
        Float[np.ndarray, "frames landmarks"],
        Float[np.ndarray, "frames landmarks"],
        Float[np.ndarray, "frames landmarks 3 3"],
    ]:
        """Squared distance along the ray in sigmas, robust weight in 1/m² and the ray's square; 0 where unknown."""
        known = np.isfinite(self.sigma_m) & np.isfinite(self.p_world).all(-1)
        v = np.where(known[..., None], self.v_world, 0.0)
        apart = (v * np.where(known[..., None], self.p_world - p, 0.0)).sum(-1)
        sigma2 = np.where(known, self.sigma_m, 1.0) ** 2
        squared = apart**2 / sigma2
        w = np.where(known, fit_robust.weight(squared, kernel) / sigma2, 0.0)
        return squared, w, v[..., :, None] * v[..., None, :]


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
    depth: RayDepth | None = None
    """Of landmarks that one camera sees alone; None: of none."""

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
        if self.depth is not None:
            squared, w, vv = self.depth.weights(p, self.kernel)
            information += w[..., None, None] * vv
            known = w > 0
            apart = np.where(known[..., None], self.depth.p_world - p, 0.0)
            force += w[..., None] * (vv @ apart[..., None])[..., 0]
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
