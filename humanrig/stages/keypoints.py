"""The stage `keypoints`: everybody's keypoints in every colour camera and in space."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from capture.session import Session
from humanrig.stage import Ahead, Stage, StageContext
from humanrig.stages.keypoint_depth import surfaces
from humanrig.wheel_assets import blazepose_weights
from registration.errors import RegistrationError
from registration.keypoints.association import AssociationOptions
from registration.keypoints.blazepose import BlazePose, BlazePoseOptions
from registration.keypoints.confidence import BLAZEPOSE_NOISE, DetectorNoise, noise_of_model
from registration.keypoints.detections import PART, detections_of_part, detections_of_streams, parts_of
from registration.keypoints.detector import Detector
from registration.keypoints.figures import keypoint_figures
from registration.keypoints.observations import gather
from registration.keypoints.onnx_description import description_path
from registration.keypoints.onnx_pose import OnnxPose
from registration.keypoints.temporal import TemporalOptions
from registration.keypoints.track import write_track
from registration.keypoints.tracking import TrackOptions, track_people
from registration.keypoints.triangulation import TriangulationOptions
from registration.masks.people_files import FILE, read_people_track

MOSTLY = 0.5
"""Share of lifted joints from which a track is said to be lifted."""


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class KeypointsConfig:
    """Options of the stage."""

    detector: Path | None = None
    """An ONNX pose model; without one BlazePose. A file of the same name with .toml describes it (docs/keypoints.md).
    """
    description: Path | None = None
    """That file; found by itself."""
    people: int | None = None
    """How many people are followed; 0: everybody. By default those whom the masks number, or one."""
    max_residual: float = 5.0
    """Sigmas from which a view is not used for a joint. A sigma is about 7 px for a person of 700 px."""
    same_cost: float = 0.5
    """How different a person may look from one in space, 0 to 1, and still be the same."""
    max_gap_s: float = 0.25
    """Gaps in a joint's track up to this are interpolated; set 0 for none."""
    bones: bool = True
    """Bones keep the length that they have over the clip."""
    smooth: bool = True
    """Noise is taken out over time, as far as the clip's own motion allows."""
    workers: int = 0
    """Streams that are searched at the same time; 0: one for each core."""

    def __post_init__(self) -> None:
        """Makes the description an input of the stage, so that a change of it is seen."""
        if self.detector is not None and self.description is None and description_path(self.detector).is_file():
            object.__setattr__(self, "description", description_path(self.detector))


def make_detector() -> BlazePose:
    """BlazePose with the weights that ship in a wheel, fetched when first needed; one for every stage."""
    return BlazePose(*blazepose_weights(), BlazePoseOptions())


def color_indices(session: Session, context: StageContext, instants: list[int]) -> dict[str, list[int]]:
    """Colour streams in use → index of their frame at each of the instants, -1 for a hole."""
    streams = [stream for stream in session.of_kind("color") if context.uses(stream)]
    wanted = set(instants)
    chosen = [instant for instant in session.instants() if instant.instant in wanted]
    return {stream: [instant.index.get(stream, -1) for instant in chosen] for stream in streams}


def run(context: StageContext) -> dict[str, Any]:
    """Writes personNN.npz; returns figures (docs/keypoints.md). Raises RegistrationError as `track_people` does."""
    session, config = context.session, context.config
    rows = color_indices(session, context, context.instants)
    calibrated = session.cameras()
    _check(session, rows, calibrated)
    beside = surfaces(context, list(rows), calibrated)
    if len(rows) < 2 and (not rows or beside is None):
        raise RegistrationError(
            f"{session.folder}: keypoints in space need at least 2 colour streams, or 1 with a depth camera beside it; "
            f"{len(rows)} in use"
            + (f" ({', '.join(rows)})" if rows else "")
            + "; record with more cameras or leave fewer out"
        )
    make, noise = _detectors(config)
    first = make()  # fetches the weights before the threads
    detections = detections_of_streams(
        session,
        {stream: _searched(some) for stream, some in rows.items()},
        make,
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
        bones=config.bones,
        smooth=config.smooth,
    )
    centers = _numbered_by_masks(context)
    count = config.people if config.people is not None else 1 if centers is None else centers.shape[1]
    followed = track_people(
        cameras,
        gather(detections, rows, noise, first.keypoints, least=min(2, len(rows))),
        context.instants,
        time_s,
        first.keypoints,
        options,
        count=count,
        centers=centers,
        surfaces=beside,
    )
    figures = []
    for number, (track, flipped) in enumerate(followed):
        write_track(track, context.output / f"person{number:02d}.npz")
        figures.append(keypoint_figures(track, cameras, flipped))
    return {**figures[0], "people": len(followed), "others": figures[1:], "warnings": _warnings(figures)}


def ahead(context: StageContext) -> None:
    """Searches the pictures of some instants, which `run` then finds in the cache: those parts of each stream
    (`registration.keypoints.detections.PART`) that begin among them."""
    session = context.session
    make, _ = _detectors(context.config)
    mine = color_indices(session, context, context.instants)
    parts = [
        (stream, part)
        for stream, some in color_indices(session, context, context.everything).items()
        for part in parts_of(_searched(some))
        if set(part.frames[:1]) & set(mine[stream])
    ]
    for done, (stream, part) in enumerate(parts, start=1):
        detections_of_part(session, stream, make(), part)
        context.progress(done, len(parts))


def _searched(rows: list[int]) -> list[int]:
    """The frames of a stream that are looked at, each once."""
    return sorted({index for index in rows if index >= 0})


def _check(session: Session, rows: dict[str, list[int]], calibrated: dict[str, Any]) -> None:
    for stream in rows:
        if stream not in calibrated:
            raise RegistrationError(
                f"calibration/cameras.json has no camera '{stream}'; add it and run the stage calibrate again, "
                f"or leave it out: --without {stream.split('/', maxsplit=1)[0]}"
            )


def _detectors(config: KeypointsConfig) -> tuple[Callable[[], Detector], DetectorNoise]:
    """What makes one detector for each stream, and how far its keypoints are off."""
    if config.detector is None:
        first = make_detector()
        return lambda: BlazePose(first.detector, first.landmarks, first.options), BLAZEPOSE_NOISE
    path = config.detector
    boxes, _ = blazepose_weights()
    model = OnnxPose(path, boxes).model
    return lambda: OnnxPose(path, boxes), noise_of_model(model.sigma)


def _numbered_by_masks(context: StageContext) -> np.ndarray | None:
    """(instants, people, 3) where the masks found everybody, of the context's instants; None without depth."""
    track = read_people_track(context.session.path("masks", FILE))
    if track is None or not track.count:
        return None
    centers = np.full((len(context.instants), track.count, 3), np.nan)
    row = {int(instant): n for n, instant in enumerate(track.instants)}
    for t, instant in enumerate(context.instants):
        if instant in row:
            centers[t] = track.center[row[instant]]
    return centers if np.isfinite(centers).any() else None


def _warnings(figures: list[dict[str, Any]]) -> list[str]:
    first = figures[0]["cameras"]
    blind = [name for name, camera in first.items() if camera["instants_seen"] == 0]
    warnings = [f"{name} saw nobody; leave it out, or check that it looked at the person" for name in blind]
    for number, some in enumerate(figures):
        if some["joints_seen"] == 0:
            warnings.append(
                f"person{number:02d} is in the masks, but no two colour cameras saw the person in the same place: "
                "no keypoints"
            )
        elif some["instants_lost"]:
            warnings.append(
                f"person{number:02d} has no keypoints at {some['instants_lost']} of {some['instants']} instants"
            )
        if some["joints_lifted"] > MOSTLY * some["joints_seen"]:
            warnings.append(
                f"person{number:02d}: {some['joints_lifted']:.0%} of the joints are seen by one camera alone and known "
                "by its depth: to centimetres, and nothing of what is hidden from it"
            )
    return warnings


STAGE = Stage(
    name="keypoints",
    folder="keypoints",
    needs=("sync", "calibrate", "masks"),
    config=KeypointsConfig,
    run=run,
    ahead=Ahead(run=ahead, instants=PART),
    version=3,
)
