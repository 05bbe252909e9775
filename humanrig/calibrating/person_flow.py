"""A rig without a board: cameras placed by the keypoints of a person of known height who moves before them."""

from __future__ import annotations

import os
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any

import numpy as np
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from calibration.bootstrap.keypoints import Keypoints
from calibration.bootstrap.metric import Height
from calibration.bootstrap.people import keypoints_of_subject
from calibration.bootstrap.solve import solve_bootstrap
from calibration.calibration_files import write_rig
from calibration.errors import CalibrationError
from capture.session import Session
from humanrig import pipeline
from humanrig.calibrating.factory import factory_rig
from humanrig.calibrating.flow import FOLDER, Calibrated, Report
from humanrig.calibrating.links import RESULT
from humanrig.calibrating.solve_figures import plain
from humanrig.stage import Stage, StageContext
from humanrig.stages.keypoints import make_detector
from registration.keypoints.blazepose import BlazePose
from registration.keypoints.detections import detections_of_streams
from registration.keypoints.observations import Observations, gather
from registration.keypoints.sets import BLAZEPOSE_NAMES

FACE = ("nose", "eye", "ear", "mouth")
"""A detector guesses these where it sees the back of a head, and a published recording's faces are blurred: with them
the cameras of the real person are 1.06 degrees off the motion capture's, without 0.81."""
INSTANTS = 240
"""Most that are searched for the person; the solve takes a hundred of them."""


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class PersonConfig:
    """What the cameras are placed by."""

    height_m: Annotated[float, Field(gt=0.5, lt=2.6)]
    """The person's stature."""


def calibrate_by_person(
    session: Session,
    height_m: float,
    *,
    again: bool = False,
    workers: int | None = None,
    on_progress: Report | None = None,
) -> Calibrated:
    """Places the colour cameras of a session by the person in it; skipped where nothing changed, unless `again`.

    Lenses are the recorded ones. Raises CalibrationError when a lens is missing or nothing ties the cameras, and
    RegistrationError when nobody is seen.
    """
    Height(m=height_m)
    report = on_progress or (lambda name, done, total: None)
    pipeline.reconstruct(session, pipeline.Request(until="sync"), on_stage=report)
    run = partial(_run, report=report, workers=workers)
    stage = Stage(name="rig_calibration", folder=FOLDER, needs=("sync",), config=PersonConfig, run=run, version=2)
    outcome = pipeline.run_alone(session, stage, {"height_m": height_m}, again=again)
    return Calibrated(session=session, skipped=outcome.skipped, seconds=outcome.seconds, figures=outcome.figures)


def _run(context: StageContext, *, report: Report, workers: int | None) -> dict[str, Any]:
    session = context.session
    streams = [name for name in session.of_kind("color") if context.uses(name)]
    factory = factory_rig(session, frozenset(streams))
    if missing := sorted(set(streams) - factory.cameras.keys()):
        raise CalibrationError(
            f"no lens is known of {', '.join(missing)}; calibrate with a board, or import the session with its cameras"
        )
    keypoints = _keypoints(session, streams, workers, report)
    found = solve_bootstrap(keypoints, factory.cameras, scale=Height(m=context.config.height_m))
    write_rig(context.output / RESULT[1], found.calibration)
    covariance = found.calibration.covariance
    sigma = {n: np.sqrt(np.diag(covariance.of(n))) for n in covariance.cameras} if covariance else {}
    return plain(
        {
            "cameras": {
                name: {
                    "rms_px": found.residual_px.get(name),
                    "sigma_mm": 1000 * float(np.linalg.norm(sigma[name][3:])) if name in sigma else None,
                    "sigma_deg": float(np.rad2deg(np.linalg.norm(sigma[name][:3]))) if name in sigma else None,
                }
                for name in found.calibration.cameras
            },
            "unsolved": found.unsolved,
            "held_out": {},
            "source": found.calibration.source,
            "verdicts": [asdict(verdict) for verdict in found.calibration.verdicts],
        }
    )


def _keypoints(session: Session, streams: list[str], workers: int | None, report: Report) -> Keypoints:
    """Of the person who is to place the cameras, in pictures spread over the session."""
    instants = session.instants()
    chosen = [instants[k] for k in sorted({*np.linspace(0, len(instants) - 1, INSTANTS).astype(int).tolist()})]
    rows = {stream: [instant.index.get(stream, -1) for instant in chosen] for stream in streams}
    first = make_detector()
    detections = detections_of_streams(
        session,
        {stream: sorted({index for index in some if index >= 0}) for stream, some in rows.items()},
        lambda: BlazePose(first.detector, first.landmarks, first.options),
        workers or os.cpu_count() or 1,
        partial(report, "keypoints"),
    )
    return subject_of(gather(detections, rows))


def subject_of(seen: Observations) -> Keypoints:
    """The keypoints of one person, in each camera the one who is large, surely seen and does not jump; not the face."""
    person = keypoints_of_subject(BLAZEPOSE_NAMES, tuple(seen.streams), seen.q, seen.visibility, seen.sigma_px)
    return person.without(*FACE)
