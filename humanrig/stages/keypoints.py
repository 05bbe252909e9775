"""The stage `keypoints`: the subject's keypoints in every colour camera and in space."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from capture.session import Session
from humanrig.stage import Stage, StageContext
from humanrig.wheel_assets import blazepose_weights
from registration.errors import RegistrationError
from registration.keypoints.association import AssociationOptions
from registration.keypoints.blazepose import BlazePose, BlazePoseOptions
from registration.keypoints.detections import detections_of_streams
from registration.keypoints.figures import keypoint_figures
from registration.keypoints.observations import gather
from registration.keypoints.temporal import TemporalOptions
from registration.keypoints.track import write_track
from registration.keypoints.tracking import TrackOptions, track_subject
from registration.keypoints.triangulation import TriangulationOptions


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class KeypointsConfig:
    """Options of the stage."""

    max_residual: float = 5.0
    """Sigmas from which a view is not used for a joint. A sigma is about 7 px for a person of 700 px."""
    same_cost: float = 0.5
    """How different a person may look from the subject in space, 0 to 1, and still be the subject."""
    max_gap_s: float = 0.25
    """Gaps in a joint's track up to this are interpolated; set 0 for none."""
    workers: int = 0
    """Streams that are searched at the same time; 0: one for each core."""


def make_detector() -> BlazePose:
    """BlazePose with the weights that ship in a wheel, fetched when first needed; one for every stage."""
    return BlazePose(*blazepose_weights(), BlazePoseOptions())


def color_indices(session: Session, context: StageContext) -> dict[str, list[int]]:
    """Colour streams in use → index of their frame at each of the context's instants, -1 for a hole."""
    streams = [stream for stream in session.of_kind("color") if context.uses(stream)]
    wanted = set(context.instants)
    chosen = [instant for instant in session.instants() if instant.instant in wanted]
    return {stream: [instant.index.get(stream, -1) for instant in chosen] for stream in streams}


def run(context: StageContext) -> dict[str, Any]:
    """Writes person00.npz; returns figures (docs/keypoints.md). Raises RegistrationError as `track_subject` does."""
    session, config = context.session, context.config
    rows = color_indices(session, context)
    calibrated = session.cameras()
    for stream in rows:
        if stream not in calibrated:
            raise RegistrationError(
                f"calibration/cameras.json has no camera '{stream}'; add it and run the stage calibrate again, "
                f"or leave it out: --without {stream.split('/', maxsplit=1)[0]}"
            )
    if len(rows) < 2:
        raise RegistrationError(
            f"{session.folder}: keypoints in space need at least 2 colour streams, {len(rows)} in use"
            + (f" ({', '.join(rows)})" if rows else "")
            + "; record with more cameras or leave fewer out"
        )
    first = make_detector()  # fetches the weights before the threads
    detections = detections_of_streams(
        session,
        {stream: sorted({index for index in some if index >= 0}) for stream, some in rows.items()},
        lambda: BlazePose(first.detector, first.landmarks, first.options),
        config.workers or os.cpu_count() or 1,
        context.progress,
    )
    times = {instant.instant: instant.time_us for instant in session.instants()}
    time_s = np.array([times[instant] for instant in context.instants], np.float64) * 1e-6
    cameras = [calibrated[stream] for stream in rows]
    options = TrackOptions(
        association=AssociationOptions(same_cost=config.same_cost),
        triangulation=TriangulationOptions(max_residual=config.max_residual),
        temporal=TemporalOptions(max_gap_s=config.max_gap_s),
    )
    track, flipped = track_subject(cameras, gather(detections, rows), context.instants, time_s, options=options)
    write_track(track, context.output / "person00.npz")
    figures = keypoint_figures(track, cameras, flipped)
    blind = [name for name, camera in figures["cameras"].items() if camera["instants_seen"] == 0]
    return {
        **figures,
        "warnings": [f"{name} saw nobody; leave it out, or check that it looked at the person" for name in blind],
    }


STAGE = Stage(name="keypoints", folder="keypoints", needs=("sync", "calibrate"), config=KeypointsConfig, run=run)
