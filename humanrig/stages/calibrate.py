"""The stage `calibrate`: checked cameras of every image stream, from the recording or from a user's file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from calibration.given import given_calibration, write_calibration
from capture.session import RECORDED_CAMERAS
from geometry.camera_files.cameras_json import read_camera_file
from humanrig.stage import Stage, StageContext


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class CalibrateConfig:
    """Options of the stage."""

    file: Path | None = None
    """Calibration to use instead of the recording's: our cameras.json, Qualisys .qca.txt or aniposelib .toml."""


def run(context: StageContext) -> dict[str, Any]:
    """Writes cameras.json; returns its source and what is doubtful about it."""
    session = context.session
    recorded = session.path(*RECORDED_CAMERAS)
    sizes = {
        name: (stream.width, stream.height)
        for name, stream in session.streams.items()
        if stream.kind in ("color", "depth") and stream.width is not None and stream.height is not None
    }
    rig = given_calibration(sizes, read_camera_file(recorded) if recorded.is_file() else None, context.config.file)
    write_calibration(context.output / "cameras.json", rig)
    context.progress(1, 1)
    return {
        "cameras": len(rig.cameras),
        "source": rig.source,
        "warnings": [f"{v.subject}: {v.text}" for v in rig.doubts],
    }


STAGE = Stage(name="calibrate", folder="calibration", needs=(), config=CalibrateConfig, run=run)
