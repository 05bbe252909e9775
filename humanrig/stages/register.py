"""The stage `register`: an SMPL-format body of every person at every instant, from keypoints and clouds."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from body.loading import load_body_model
from body.model import BodyModel
from humanrig.registering.inputs import (
    depth_cameras,
    has_clouds,
    made_clouds,
    number_of,
    people_asked_for,
    people_of,
    person_keypoints,
    seen_at_all,
)
from humanrig.registering.outlines import person_outlines
from humanrig.registering.person_clouds import PersonClouds
from humanrig.registering.point_start import OFF, PointStart, load_estimate, point_start
from humanrig.registering.shape_file import read_shape
from humanrig.registering.telling import figures, warnings, with_cloud_flags
from humanrig.stage import Stage, StageContext
from registration.errors import RegistrationError
from registration.fit.clip import fit_clip
from registration.fit.config import FitConfig


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class RegisterConfig(FitConfig):
    """Options of the stage."""

    surface: bool = True
    """Use the clouds, where the session has them."""
    shape: Path | None = None
    """What is known of person00's shape: a file that `humanrig register --shape-from` made."""
    point_start: str = "S"
    """Network that finds bodies in the clouds of instants whose keypoints show no trunk: a size that comes with the
    program, or a file of weights; `off`: such instants are interpolated."""
    point_device: str = "cpu"
    """Where torch runs that network, such as `cuda`; the fit itself runs on the processor."""


def run(context: StageContext) -> dict[str, Any]:
    """Writes personNN.npz; returns residuals and flagged frames, person00's at the top, everybody's in `people`.

    HUMANRIG_BODY_MODEL names another body model. A person who cannot be fitted is named in the warnings. Raises
    RegistrationError when nobody can be.
    """
    model = load_body_model()
    people = people_of(context)
    told: dict[str, dict[str, Any]] = {}
    failed: dict[str, str] = {}
    for number, person in enumerate(people):

        def progress(done: int, total: int, before: int = number) -> None:
            context.progress(before * total + done, len(people) * total)

        try:
            told[person] = _fit(context, model, person, progress)
        except RegistrationError as error:
            failed[person] = str(error)
    if not told:
        raise RegistrationError("; ".join(failed.values()))
    first = next(iter(told.values()))
    return {**first, "people": told, "warnings": warnings(told, failed, people_asked_for(context))}


def _fit(context: StageContext, model: BodyModel, person: str, progress: Any) -> dict[str, Any]:
    config = context.config
    keypoints = person_keypoints(context, person)
    clouds = None
    if config.surface and has_clouds(context):
        clouds = PersonClouds(context.session.path("clouds"), context.instants, number_of(person))
    if not seen_at_all(keypoints, clouds):
        raise RegistrationError(
            f"{person}: no keypoints and no points at any of the {len(keypoints)} instants from "
            f"{keypoints.instants[0]} to {keypoints.instants[-1]}; choose others with --frames"
        )
    begin = time.perf_counter()
    known = None if config.shape is None or number_of(person) else read_shape(config.shape, model).prior
    outlines = person_outlines(context, number_of(person)) if config.terms.get("silhouettes") else []
    found = PointStart(start=None)
    if clouds is not None and config.point_start != OFF:
        network = (config.point_start, config.point_device)
        found = point_start(keypoints, clouds, made_clouds(context), lambda: load_estimate(*network))
    cameras = depth_cameras(context)
    fit = fit_clip(model, keypoints, clouds, config, progress, cameras, known, outlines, found.start)
    seconds = time.perf_counter() - begin
    track = with_cloud_flags(fit.track, clouds)
    track.write(context.output / f"{person}.npz")
    told = figures(fit, track, with_clouds=clouds is not None, seconds=seconds)
    return {**told, "point_start": int(found.start.known.sum()) if found.start else 0, "trouble": found.trouble}


STAGE = Stage(
    name="register",
    folder="body",
    needs=("sync", "calibrate", "clouds", "keypoints"),
    config=RegisterConfig,
    run=run,
    reads_body_model=True,
)
