"""Motions whose truth is known, and the bodies that single clouds of them might give: wrong by their own covariance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from body.joint_orientations import parent_rotations
from body.joints import JOINT_INDEX
from body.loading import load_body_model
from body.skinning import Skinning
from hps.points.landmarks import landmarks_of
from hps.points.sequence.bodies import FrameBodies
from registration.fit.posing import PosedClip
from registration.fit.priors import pose_spread
from registration.fit.rest import RestBody
from registration.fit.rotations import exponential
from registration.fit.state import FitState

SHAPES = 10


@dataclass(frozen=True, kw_only=True)
class NoisyClip:
    truth: FitState
    joints: np.ndarray
    bodies: FrameBodies


def swinging(frames: int, rate_hz: float, seed: int = 0) -> FitState:
    """Somebody who walks on with swinging arms, legs and trunk: accelerations up to 20 rad/s²."""
    rng = np.random.default_rng(seed)
    time = np.arange(frames) / rate_hz
    angles = np.zeros((frames, 24, 3))
    angles[:, 0] = [np.pi / 2, 0, 0]
    for name, axis, size in (
        ("left_shoulder", 0, 0.6), ("right_shoulder", 0, -0.6), ("left_hip", 0, -0.5), ("right_hip", 0, 0.5),
        ("left_elbow", 1, -0.5), ("right_elbow", 1, 0.5), ("left_knee", 0, 0.5), ("right_knee", 0, 0.5),
        ("spine2", 1, 0.2), ("neck", 1, 0.3),
    ):  # fmt: skip
        phase = rng.uniform(0, 2 * np.pi)
        angles[:, JOINT_INDEX[name], axis] += size * (1 + np.sin(2 * np.pi * 0.9 * time + phase))
    transl = np.stack([0.8 * time, 0.02 * np.sin(2 * np.pi * time), np.full(frames, 1.0)], 1)
    return FitState(
        rotations=exponential(angles), transl=transl, betas=rng.normal(size=SHAPES), offsets=np.zeros((0, 3)),
        child=0.1, fits_child=True,
    )  # fmt: skip


def noisy_clip(
    truth: FitState, rate_hz: float, seed: int = 0, sigma_m: float = 0.03, lasting: float = 0.0
) -> NoisyClip:
    """The means and covariances of fits to 88 landmarks that err by `sigma_m` each, with a prior on the shape.

    lasting: share of the errors' variance that stays from frame to frame.
    """
    model, rng = load_body_model(), np.random.default_rng(seed)
    rest = RestBody.of(model, SHAPES, fit_child=True)
    body = PosedClip(truth, rest)
    information, prior = _information(body, landmarks_of(model).markers, sigma_m), _prior()
    covariance = np.linalg.inv(information + prior)
    T, unknowns = covariance.shape[:2]
    root = np.linalg.cholesky(information + 1e-6 * np.eye(unknowns))
    white, kept = rng.normal(size=(T, unknowns)), rng.normal(size=unknowns)
    said = (root @ (np.sqrt(1 - lasting) * white + np.sqrt(lasting) * kept)[..., None])[..., 0]
    unlike = np.r_[np.zeros(72), truth.betas, truth.child, np.zeros(3)]
    error = (covariance @ (said - prior @ unlike)[..., None])[..., 0]
    R_parent = parent_rotations(truth.rotations)
    turn = (R_parent.swapaxes(-1, -2) @ error[:, :72].reshape(T, 24, 3, 1))[..., 0]
    bodies = FrameBodies(
        rotations=exponential(turn) @ truth.rotations,
        betas=truth.betas + error[:, 72:82],
        child=truth.child + error[:, 82],
        transl=truth.transl + error[:, 83:],
        covariance=covariance,
        time_s=np.arange(T) / rate_hz,
        seen=np.ones(T, bool),
    )
    return NoisyClip(truth=truth, joints=body.joints.copy(), bodies=bodies)


def joints_of(bodies: FrameBodies) -> np.ndarray:
    """Of the single frames, each with its own shape: (frames, 24, 3)."""
    skinning = Skinning(load_body_model(), torch.float64, vertex_subset=np.array([0]))
    tensors = (torch.from_numpy(getattr(bodies, name)) for name in ("betas", "rotations", "transl", "child"))
    return skinning.pose(*tensors)[1].numpy()


def joint_errors_mm(bodies: FrameBodies, joints: np.ndarray) -> np.ndarray:
    """(frames, 24)."""
    return 1e3 * np.linalg.norm(joints_of(bodies) - joints, axis=-1)


def _prior() -> np.ndarray:
    """Precision of pose (about the truth) and shape (about the mean person)."""
    return np.diag(1 / np.r_[pose_spread().ravel(), np.full(SHAPES, 1.2), 0.4, np.full(3, 1e3)] ** 2)


def _information(body: PosedClip, markers: np.ndarray, sigma_m: float) -> np.ndarray:
    """Of landmarks, about turns about the frame's axes, betas, child and translation."""
    found = []
    order = np.r_[:72, 75 : 75 + SHAPES + 1, 72:75]
    for t in range(len(body)):
        rows = []
        for axis in np.eye(3):
            for what, many in ((body.joint_rows, np.arange(24)), (body.vertex_rows, markers)):
                rows.append(what(np.full(len(many), t), many, np.tile(axis, (len(many), 1))))
        J = np.concatenate(rows)[:, order]
        turns = J[:, :72].reshape(-1, 24, 3)  # about the parent's axes: R_parent takes them to the frame's
        J[:, :72] = np.einsum("rjk,jik->rji", turns, body.frames.R_parent[t]).reshape(-1, 72)
        found.append(J.T @ J / sigma_m**2)
    return np.array(found)
