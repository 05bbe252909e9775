"""The bodies of a clip as a file: the arrays of body/personNN.npz (docs/conventions.md), and what an estimator adds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int64
from scipy.spatial.transform import Rotation

from body.joint_orientations import parent_rotations
from body.joints import JOINT_COUNT
from body.model import BodyModel
from body.parameters import BodyParameters
from hps.points.clip_bodies import ClipEstimate
from hps.points.unknowns import TURNS, pose_covariance, turned
from registration.body_track import BodyTrack, TrackSigma


def write_bodies(
    path: Path,
    clip: ClipEstimate,
    model: BodyModel,
    instants: Int64[np.ndarray, "clouds"],
    time_us: Int64[np.ndarray, "clouds"],
    weights: str,
    *,
    keypoint_px: Float[np.ndarray, "frames"] | None = None,
    more: Mapping[str, np.ndarray | np.str_] | None = None,
) -> None:
    """Writes the file whole or not at all; instants and times are those of all clouds or pictures, refused ones
    included. keypoint_px: of the frames that have a body, where it was found in keypoints. more: arrays beside these.

    Beside what a fitted body has: `confidence` (T,), `parameter_covariance` (T,85,85), `point_landmarks` (T,88,3) and
    `point_landmark_sigma` (T,88), `refused` (R,) instants without a body and `refused_reasons` (R,), and `weights`, of
    the network.
    """
    estimate = clip.estimate
    shapes = len(estimate.parameters.betas)
    track = BodyTrack(
        parameters=estimate.parameters,
        joints=estimate.joints,
        instants=instants[clip.frames],
        time_us=time_us[clip.frames],
        keypoint_px=np.full(len(clip.frames), np.nan) if keypoint_px is None else keypoint_px,
        surface_mm=clip.residual_mm,
        flags=np.array(estimate.reasons, np.str_),
        model=model.name,
        model_sha256=model.sha256,
        sigma=TrackSigma(
            joint_covariance=estimate.joint_covariance,
            vertex_sigma=np.zeros((len(clip.frames), 0)),
            vertices=np.zeros(0, np.int64),
            pose_sigma=pose_sigma(estimate.parameters, estimate.parameter_covariance),
            betas_covariance=estimate.parameter_covariance[:, TURNS : TURNS + shapes, TURNS : TURNS + shapes][0],
        ),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part.npz")
    track.write(part)
    with np.load(part) as stored:
        arrays = {name: stored[name] for name in stored.files}
    refused = sorted(clip.refused)
    arrays |= {
        "confidence": estimate.confidence,
        "parameter_covariance": estimate.parameter_covariance.astype(np.float32),
        "point_landmarks": estimate.landmarks.astype(np.float32),
        "point_landmark_sigma": estimate.landmark_sigma.astype(np.float32),
        "refused": instants[refused] if refused else np.zeros(0, np.int64),
        "refused_reasons": np.array([clip.refused[row] for row in refused], np.str_),
        "weights": np.str_(weights),
        **(more or {}),
    }
    np.savez_compressed(part, **arrays)
    part.replace(path)


def pose_sigma(
    parameters: BodyParameters, covariance: Float[np.ndarray, "frames unknowns unknowns"]
) -> Float[np.ndarray, "frames 75"]:
    """Of a small turn of each joint about the axes of its parent, then of the translation."""
    turns = np.concatenate([parameters.global_orient, parameters.body_pose], 1).reshape(-1, 3)
    R_parent = parent_rotations(Rotation.from_rotvec(turns).as_matrix().reshape(-1, JOINT_COUNT, 3, 3))
    own = turned(pose_covariance(covariance), R_parent.swapaxes(-1, -2))
    return np.sqrt(np.maximum(np.diagonal(own, axis1=1, axis2=2), 0))
