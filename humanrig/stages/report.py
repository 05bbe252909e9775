"""The stage `report`: one page with everything that tells whether a session can be trusted."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from humanrig.report.page import Look, write_report
from humanrig.stage import Stage, StageContext


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class ReportConfig:
    """Options of the stage."""

    instants: int = Field(default=5, ge=1)
    """Instants at which the bodies are shown on every camera."""
    picture_height: int = Field(default=540, ge=120)
    """Height of each picture, pixels."""


def run(context: StageContext) -> dict[str, Any]:
    """Writes index.html and overlays.jpg; returns what evaluation measured."""
    look = Look(instants=context.config.instants, height=context.config.picture_height)
    return write_report(context.session, context.output, look, context.progress) or {}


STAGE = Stage(
    name="report", folder="report", needs=("calibrate", "clouds", "keypoints", "register", "mesh", "texture"),
    config=ReportConfig, run=run, version=2,
)  # fmt: skip
