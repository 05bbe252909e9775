"""How well a fitted body agrees with what was measured, frame by frame, and which frames not to trust."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from body.model import BodyModel
from geometry.cloud import PointCloud
from geometry.rays import RayScene
from registration.body_track import GOOD, BodyTrack
from registration.fit.landmarks import Landmarks
from registration.fit.state import FitState

if TYPE_CHECKING:
    from registration.fit.clip import ClipKeypoints

MIN_LANDMARKS = 8
"""A frame with fewer triangulated landmarks is said to have few."""
HIGH_RESIDUAL = 3.0
"""A frame whose residual is this many times the clip's median is flagged."""
HIGH_SURFACE_MM = 30.0
REPORTED_POINTS = 4000


def report(
    model: BodyModel,
    landmarks: Landmarks,
    keypoints: ClipKeypoints,
    state: FitState,
    clouds: Sequence[PointCloud | None] | None,
) -> BodyTrack:
    """The track with its residuals and flags."""
    parameters = state.parameters()
    posed_joints = np.empty((len(keypoints), 24, 3))
    surface = np.full(len(keypoints), np.nan)
    for start in range(0, len(keypoints), 32):
        part = slice(start, min(start + 32, len(keypoints)))
        posed = model.pose(parameters[part])
        posed_joints[part] = posed.joints
        for t in range(part.start, part.stop):
            cloud = None if clouds is None else clouds[t]
            if cloud is not None and len(cloud):
                some = cloud.points[:: max(1, len(cloud) // REPORTED_POINTS)]
                surface[t] = 1000 * RayScene(posed.vertices[t - start], model.faces).closest(some).distance.mean()
    points = landmark_points(landmarks, state)
    pixels = residual_px(points, landmarks, keypoints)
    return BodyTrack(
        parameters=parameters,
        joints=posed_joints,
        instants=keypoints.instants,
        time_us=keypoints.time_us,
        keypoint_px=_frame_median(pixels),
        surface_mm=surface,
        flags=_flags(landmarks, keypoints, _frame_median(pixels), surface, clouds),
        model=model.name,
        model_sha256=model.sha256,
        landmark_names=landmarks.names,
        landmarks=points,
    )


def landmark_points(landmarks: Landmarks, state: FitState) -> Float[np.ndarray, "frames landmarks 3"]:
    """Where the detector should see its landmarks on the fitted body, with the offsets, in the world."""
    return landmarks.positions(state)


def residual_px(
    p: Float[np.ndarray, "frames landmarks 3"], landmarks: Landmarks, keypoints: ClipKeypoints
) -> Float[np.ndarray, "frames cameras landmarks"]:
    """Distance of each believed detection from the body's landmark; NaN for the others."""
    out = np.full(keypoints.q[:, :, landmarks.index].shape[:-1], np.nan)
    for c, camera in enumerate(keypoints.cameras):
        distance = np.linalg.norm(keypoints.q[:, c, landmarks.index] - camera.project(p), axis=-1)
        out[:, c] = np.where(keypoints.used[:, c, landmarks.index], distance, np.nan)
    return out


def _frame_median(pixels: Float[np.ndarray, "frames cameras landmarks"]) -> Float[np.ndarray, "frames"]:
    return np.array([np.median(known) if len(known := p[np.isfinite(p)]) else np.nan for p in pixels])


def _flags(
    landmarks: Landmarks,
    keypoints: ClipKeypoints,
    pixels: Float[np.ndarray, "frames"],
    surface: Float[np.ndarray, "frames"],
    clouds: Sequence[PointCloud | None] | None,
) -> np.ndarray:
    """Reasons for each frame, joined; empty for a good one."""
    seen = np.isfinite(keypoints.p_world[:, landmarks.index]).all(-1).sum(1)
    views = keypoints.used[:, :, landmarks.index].any(2).sum(1)
    typical_px = np.nanmedian(pixels) if np.isfinite(pixels).any() else np.inf
    flags = []
    for t in range(len(keypoints)):
        cloud = clouds is not None and clouds[t] is not None
        reasons = []
        if seen[t] == 0 and not cloud:
            reasons.append("interpolated: no keypoints")
        elif seen[t] < MIN_LANDMARKS:
            reasons.append(f"few keypoints ({seen[t]})")
        elif len(keypoints.cameras) > 2 and views[t] < 3:
            reasons.append(f"few cameras ({views[t]})")
        if clouds is not None and not cloud:
            reasons.append("no cloud")
        if pixels[t] > HIGH_RESIDUAL * typical_px:
            reasons.append(f"keypoints {pixels[t]:.0f} px off")
        if surface[t] > HIGH_SURFACE_MM:
            reasons.append(f"surface {surface[t]:.0f} mm off")
        flags.append("; ".join(reasons) or GOOD)
    return np.array(flags, dtype=np.str_)
