"""The stage `register`: an SMPL-format body for every instant, from keypoints and, where there is depth, clouds."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from body.loading import load_body_model
from geometry.cloud import PointCloud
from humanrig.stage import Stage, StageContext
from registration.clouds.files import cloud_path, read_cloud, read_cloud_cameras
from registration.errors import RegistrationError
from registration.fit.clip import ClipKeypoints, Fit, fit_clip
from registration.fit.config import FitConfig
from registration.keypoints.track import read_track

PERSON = "person00.npz"


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class RegisterConfig(FitConfig):
    """Options of the stage."""

    surface: bool = True
    """Use the clouds, where the session has them."""


def run(context: StageContext) -> dict[str, Any]:
    """Writes person00.npz; returns residuals and the flagged frames. HUMANRIG_BODY_MODEL names another body model."""
    config = context.config
    model = load_body_model()
    keypoints = _keypoints(context)
    clouds = _clouds(context) if config.surface else None
    fit = fit_clip(model, keypoints, clouds, config, context.progress)
    fit.track.write(context.output / PERSON)
    return figures(fit, clouds is not None)


def figures(fit: Fit, with_clouds: bool) -> dict[str, Any]:
    """What the manifest keeps of a fit."""
    track = fit.track
    flagged = {int(i): str(f) for i, f in zip(track.instants, track.flags) if f}
    return {
        "frames": len(track),
        "flagged": flagged,
        "keypoint_px_median": _rounded(float(np.nanmedian(track.keypoint_px)))
        if np.isfinite(track.keypoint_px).any()
        else None,
        "surface_mm_mean": _rounded(float(np.nanmean(track.surface_mm))) if with_clouds else None,
        "betas": [_rounded(float(beta)) for beta in track.parameters.betas],
        "landmark_offsets_mm": {
            name: [_rounded(1000 * float(x)) for x in offset] for name, offset in zip(fit.landmarks, fit.state.offsets)
        },
        "model": track.model,
    }


def _keypoints(context: StageContext) -> ClipKeypoints:
    session = context.session
    track = read_track(session.path("keypoints", PERSON))
    calibrated = session.cameras()
    rows = {int(instant): row for row, instant in enumerate(track.instants)}
    missing = [instant for instant in context.instants if instant not in rows]
    if missing:
        raise RegistrationError(
            f"keypoints/{PERSON} has no instant {missing[0]}; run the stage keypoints for the same --frames"
        )
    use = [c for c, stream in enumerate(track.streams) if context.uses(stream)]
    at = [rows[instant] for instant in context.instants]
    times = {instant.instant: instant.time_us for instant in session.instants()}
    return ClipKeypoints(
        names=track.names,
        cameras=[calibrated[track.streams[c]] for c in use],
        p_world=track.p_world[at],
        sigma=track.sigma[at],
        q=track.q[at][:, use].astype(np.float64),
        confidence=np.nan_to_num(track.confidence[at][:, use].astype(np.float64)),
        used=track.used[at][:, use],
        time_us=np.array([times[instant] for instant in context.instants], np.int64),
        instants=np.array(context.instants, np.int64),
    )


def _clouds(context: StageContext) -> list[PointCloud | None] | None:
    """The clouds of the instants; None for a session without depth."""
    folder = context.session.path("clouds")
    if not read_cloud_cameras(folder):
        return None
    paths = [cloud_path(folder, instant) for instant in context.instants]
    return [read_cloud(path) if path.is_file() else None for path in paths]


def _rounded(value: float) -> float:
    return round(float(value), 3)


STAGE = Stage(
    name="register",
    folder="body",
    needs=("sync", "calibrate", "clouds", "keypoints"),
    config=RegisterConfig,
    run=run,
    reads_body_model=True,
)
