"""A fitted body over a clip, with how well it fits and how sure it is, and its file body/personNN.npz."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int64, Shaped

from body.parameters import BodyParameters
from geometry.npz_files import DAMAGED, read_npz
from registration.errors import RegistrationError

GOOD = ""
"""The flag of a frame that nothing is wrong with."""
FORMAT = 2
"""Of the file. 1 had neither standard deviations nor parts; it is still read."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TrackSigma:
    """How sure a fit is: standard deviations that hold the truth as often as they say (docs/uncertainty.md)."""

    joint_covariance: Float[np.ndarray, "frames 24 3 3"]
    """Of each joint's place in the world, m²."""
    vertex_sigma: Float[np.ndarray, "frames chosen"]
    """Of some vertices, metres along one axis (the root of the mean variance of the three)."""
    vertices: Int64[np.ndarray, "chosen"]
    """Which vertices they are, spread evenly over the skin."""
    pose_sigma: Float[np.ndarray, "frames 75"]
    """Of a small turn of each joint about the axes of its parent (radians), then of the translation (metres)."""
    betas_covariance: Float[np.ndarray, "shapes shapes"]

    @property
    def joint_sigma(self) -> Float[np.ndarray, "frames 24"]:
        """Metres along one axis: the root of the mean variance of the three."""
        return np.sqrt(np.trace(self.joint_covariance, axis1=-2, axis2=-1) / 3)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TrackParts:
    """How well each part of the body fits and how much of it was seen (registration/fit/parts.py)."""

    names: tuple[str, ...]
    residual_mm: Float[np.ndarray, "frames parts"]
    """Mean distance of the cloud's points that are nearest to the part; NaN where there are none."""
    coverage: Float[np.ndarray, "frames parts"]
    """Share of the part's surface, as far as a camera sees it, that has points; NaN where no camera sees it."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BodyTrack:
    """One person's body at every instant."""

    parameters: BodyParameters
    joints: Float[np.ndarray, "frames 24 3"]
    """World, metres."""
    instants: Int64[np.ndarray, "frames"]
    time_us: Int64[np.ndarray, "frames"]
    keypoint_px: Float[np.ndarray, "frames"]
    """Median distance of the detected keypoints from the body's, over all cameras used; NaN without detections."""
    surface_mm: Float[np.ndarray, "frames"]
    """Mean distance of the cloud's points from the body; NaN without a cloud."""
    flags: Shaped[np.ndarray, "frames"]
    """Why a frame should not be trusted, reasons joined by `; `; empty for a good frame."""
    model: str
    model_sha256: str
    landmark_names: tuple[str, ...] = ()
    landmarks: Float[np.ndarray, "frames landmarks 3"] | None = None
    """Where the detector should see its keypoints on this body, world, metres: joints and skin points, moved by the
    offset that was found for this person. Their projections are what is compared with detections."""
    sigma: TrackSigma | None = None
    """None in files of format 1, and where the fit kept no equations."""
    parts: TrackParts | None = None
    """None in files of format 1, and for a fit without clouds."""

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.instants)

    def write(self, path: Path) -> None:
        """Writes the file."""
        p = self.parameters
        np.savez_compressed(
            path,
            format=np.int64(FORMAT),
            betas=p.betas, child=np.float64(p.child), global_orient=p.global_orient, body_pose=p.body_pose,
            transl=p.transl, joints=self.joints, instants=self.instants, time_us=self.time_us,
            keypoint_px=self.keypoint_px, surface_mm=self.surface_mm, flags=self.flags.astype(np.str_),
            model=np.str_(self.model), model_sha256=np.str_(self.model_sha256),
            landmark_names=np.array(self.landmark_names, np.str_),
            landmarks=np.zeros((len(self), 0, 3)) if self.landmarks is None else self.landmarks,
            **_sigma_arrays(self.sigma), **_part_arrays(self.parts),
        )  # fmt: skip


def read_body_track(path: Path) -> BodyTrack:
    """The track of a file. Raises RegistrationError when it is missing, damaged or without a needed array."""
    try:
        a = read_npz(path)
        parameters = BodyParameters(
            betas=a["betas"],
            global_orient=a["global_orient"],
            body_pose=a["body_pose"],
            transl=a["transl"],
            child=float(a["child"]),
        )
        frames = len(parameters)
        return BodyTrack(
            parameters=parameters,
            joints=a["joints"],
            instants=a["instants"].astype(np.int64),
            time_us=a["time_us"].astype(np.int64),
            keypoint_px=a.get("keypoint_px", np.full(frames, np.nan)),
            surface_mm=a.get("surface_mm", np.full(frames, np.nan)),
            flags=a.get("flags", np.full(frames, GOOD)),
            model=str(a["model"]),
            model_sha256=str(a["model_sha256"]),
            landmark_names=tuple(str(name) for name in a.get("landmark_names", ())),
            landmarks=a.get("landmarks"),
            sigma=_read_sigma(a),
            parts=_read_parts(a),
        )
    except FileNotFoundError:
        raise RegistrationError(f"{path} is missing; run: humanrig reconstruct SESSION --only register") from None
    except DAMAGED as error:
        raise RegistrationError(f"{path} is not a fitted body ({error}); run the stage register again") from None


def _sigma_arrays(sigma: TrackSigma | None) -> dict[str, Any]:
    if sigma is None:
        return {}
    return {
        "joint_sigma": sigma.joint_sigma.astype(np.float32),
        "joint_covariance": sigma.joint_covariance.astype(np.float32),
        "vertex_sigma": sigma.vertex_sigma.astype(np.float32),
        "vertex_sigma_vertices": sigma.vertices,
        "pose_sigma": sigma.pose_sigma.astype(np.float32),
        "betas_covariance": sigma.betas_covariance,
    }


def _part_arrays(parts: TrackParts | None) -> dict[str, Any]:
    if parts is None:
        return {}
    return {
        "part_names": np.array(parts.names, np.str_),
        "part_residual_mm": parts.residual_mm.astype(np.float32),
        "part_coverage": parts.coverage.astype(np.float32),
    }


def _read_sigma(a: dict[str, np.ndarray]) -> TrackSigma | None:
    if "joint_covariance" not in a:
        return None
    return TrackSigma(
        joint_covariance=a["joint_covariance"].astype(np.float64),
        vertex_sigma=a["vertex_sigma"].astype(np.float64),
        vertices=a["vertex_sigma_vertices"].astype(np.int64),
        pose_sigma=a["pose_sigma"].astype(np.float64),
        betas_covariance=a["betas_covariance"],
    )


def _read_parts(a: dict[str, np.ndarray]) -> TrackParts | None:
    if "part_names" not in a:
        return None
    return TrackParts(
        names=tuple(str(name) for name in a["part_names"]),
        residual_mm=a["part_residual_mm"].astype(np.float64),
        coverage=a["part_coverage"].astype(np.float64),
    )
