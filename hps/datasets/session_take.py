"""A session opened as a data set: its cameras, instants and people, with the true or the fitted bodies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Float

from body.parameters import BodyParameters
from calibration.depth_correction import DepthCorrection
from calibration.given import read_calibration
from capture.frame_sets import Instant
from capture.session import CALIBRATED_CAMERAS, Session
from geometry.camera import Camera
from geometry.camera_files.cameras_json import read_camera_file
from hps.evaluation.files.npz_files import read_npz
from registration.body_track import BodyTrack, read_body_track

TRUTHS: Final = {"best": ("body", "truth/body"), "truth": ("truth/body",), "body": ("body",), "none": ()}
"""Where bodies come from, the later place before the earlier: as they were simulated, or as they were fitted."""
SENSORS: Final = {"kinect": "kinect", "realsense": "realsense", "iphone": "iphone"}
"""By a word in a device's model or name: `azure-kinect`, `virtual Azure Kinect`, `Intel RealSense D455`."""


@dataclass(frozen=True, kw_only=True)
class Take:
    """A session opened, with its people."""

    session: Session
    cameras: dict[str, Camera]
    corrections: dict[str, DepthCorrection]
    """Of depth, by stream."""
    is_upright: bool
    """Whether the world's z is up."""
    instants: dict[int, Instant]
    people: dict[int, BodyTrack | None]
    """By number; None for somebody without a body."""
    known: dict[int, str]
    """How the body is known: `true` or `fitted`."""
    subjects: dict[int, str]


@lru_cache(maxsize=8)
def take_of(folder: str, truth: str) -> Take:
    """Opens a session. Raises CaptureError, GeometryError and RegistrationError for what is missing or damaged."""
    session = Session.open(Path(folder))
    people: dict[int, BodyTrack | None] = {}
    subjects: dict[int, str] = {}
    known: dict[int, str] = {}
    own = session.info.subject or session.info.id
    for place in TRUTHS[truth]:
        for path in sorted(session.path(*place.split("/")).glob("person[0-9][0-9].npz")):
            number = int(path.stem[-2:])
            people[number] = read_body_track(path)
            known[number] = "fitted" if place == "body" else "true"
            named = read_npz(path, ("subject",)).get("subject")
            subjects[number] = "" if named is None else str(named)
    if not people:
        people[0] = None
    for number in people:
        subjects[number] = subjects.get(number) or (own if number == 0 else f"{own}_person{number:02d}")
    path = session.path(*CALIBRATED_CAMERAS)
    cameras = session.cameras()
    return Take(
        session=session,
        cameras=cameras,
        corrections=read_calibration(path).depth_corrections,
        is_upright=read_camera_file(path).is_upright,
        instants={instant.instant: instant for instant in session.instants()},
        people=people,
        known=known,
        subjects=subjects,
    )


def sensor_of(session: Session, stream: str) -> str:
    """kinect, realsense, iphone, or the device's model."""
    name = session.stream(stream).device
    model = session.devices[name].model if name in session.devices else ""
    words = f"{model} {name}".lower()
    return next((kind for word, kind in SENSORS.items() if word in words), model or "depth")


def body_at_instant(
    track: BodyTrack | None, instant: int
) -> tuple[BodyParameters | None, Float[np.ndarray, "24 3"] | None, str, str]:
    """Parameters, joints, model and flags of an instant; nothing where nobody knows."""
    if track is None:
        return None, None, "", ""
    rows = np.flatnonzero(track.instants == instant)
    if not len(rows):
        return None, None, track.model, ""
    row = int(rows[0])
    joints = np.asarray(track.joints[row], np.float64)
    return track.parameters[slice(row, row + 1)], joints, track.model, str(track.flags[row])
