"""The shape of a person from a scan, or from a take of standing still: run when another fit asks for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from body.loading import load_body_model
from body.model import BodyModel
from humanrig.registering.person_clouds import PersonClouds
from humanrig.registering.shape_file import FILE, FOLDER, write_shape
from humanrig.registering.still_frames import still_sources
from humanrig.stage import Stage, StageContext
from registration.body_track import read_body_track
from registration.shape.estimate import ShapeEstimate, fit_shape
from registration.shape.scans import shape_of_scan


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class TakeConfig:
    """Options of a shape from a take."""

    betas: int = Field(default=16, ge=1)
    """Shape coefficients, as many as the fit that will use them has."""


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class ScanConfig(TakeConfig):
    """Options of a shape from a scan."""

    scan: Path
    """A mesh or cloud, .obj or .ply, of any scanner."""
    unit: Literal["m", "cm", "mm"] | None = None
    """Of the scan; needed where its numbers are no height of a person in metres."""
    up: Literal["x", "y", "z", "-x", "-y", "-z"] | None = None
    """Which of the scan's axes points up; found, where it is not said."""


def from_scan(context: StageContext) -> dict[str, Any]:
    """Writes person00.npz. Raises RegistrationError that says what is wrong with the scan."""
    model, config = load_body_model(), context.config
    estimate = shape_of_scan(model, config.scan, config.betas, config.unit, config.up)
    return _written(context, model, estimate)


def from_take(context: StageContext) -> dict[str, Any]:
    """Writes person00.npz. Raises RegistrationError where the person never stands still or half of them is missing."""
    model, session = load_body_model(), context.session
    track = read_body_track(session.path("body", FILE))
    clouds = PersonClouds(session.path("clouds"), track.instants.tolist())
    estimate = fit_shape(model, still_sources(track, clouds, str(session.folder)), context.config.betas)
    return _written(context, model, estimate)


def _written(context: StageContext, model: BodyModel, estimate: ShapeEstimate) -> dict[str, Any]:
    write_shape(estimate, model, context.output / FILE)
    context.progress(1, 1)
    return {
        "verdict": estimate.verdict,
        "height_m": round(estimate.height_m, 4),
        "height_sigma_m": round(estimate.height_sigma_m, 4),
        "betas": [round(float(beta), 3) for beta in estimate.betas],
        "child": round(estimate.child, 3),
        "residual_mm": {name: round(value, 2) for name, value in estimate.residual_mm.items()},
        "sources": list(estimate.sources),
        "notes": list(estimate.notes),
        "warnings": list(estimate.warnings),
    }


FROM_SCAN = Stage(
    name="shape", folder=FOLDER, needs=(), config=ScanConfig, run=from_scan, reads_body_model=True
)  # fmt: skip
FROM_TAKE = Stage(
    name="shape", folder=FOLDER, needs=("sync", "clouds", "register"), config=TakeConfig, run=from_take,
    reads_body_model=True,
)  # fmt: skip
