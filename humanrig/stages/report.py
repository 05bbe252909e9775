"""The stage `report`: overlays, residual plots and a 3D view that open without a server."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from humanrig.report.page import write_report
from humanrig.results import Results
from humanrig.stage import Stage, StageContext


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class ReportConfig:
    """Options of the stage."""

    instants: int = Field(default=5, ge=1)
    """Rows of the overlay sheet."""
    scene_instants: int = Field(default=12, ge=1)
    """Steps of the 3D view's slider."""
    picture_height: int = Field(default=540, ge=120)
    """Height of each overlay, pixels."""


def run(context: StageContext) -> dict[str, Any]:
    """Writes index.html, overlays.jpg and plotly.min.js; returns what evaluation measured."""
    config = context.config
    return write_report(
        Results(context.session),
        context.output,
        overlays=config.instants,
        scene_steps=config.scene_instants,
        picture_height=config.picture_height,
        progress=context.progress,
    )


STAGE = Stage(
    name="report", folder="report", needs=("calibrate", "clouds", "keypoints", "register", "mesh", "texture"),
    config=ReportConfig, run=run,
)  # fmt: skip
