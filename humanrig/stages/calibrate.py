"""The stage `calibrate`: checked cameras of every image stream, from the recording or from a user's file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from calibration.given import given_calibration, write_calibration
from calibration.rig import device_of
from capture.session import RECORDED_CAMERAS
from geometry.camera_files.any_format import read_any_cameras
from geometry.camera_files.cameras_json import read_camera_file
from humanrig.stage import Stage, StageContext


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class CalibrateConfig:
    """Options of the stage."""

    file: Path | None = None
    """Calibration to use instead of the recording's: our cameras.json, Qualisys .qca.txt or aniposelib .toml."""


def run(context: StageContext) -> dict[str, Any]:
    """Writes cameras.json; returns its source and what is doubtful about it.

    Devices that are left out and whose place is not known, such as a hand-held phone, get no camera.
    """
    session = context.session
    path = session.path(*RECORDED_CAMERAS)
    recorded = read_camera_file(path) if path.is_file() else None
    file = context.config.file
    named = set() if file is None else {device_of(name) for name in read_any_cameras(file)}
    placed = set(recorded.cameras) - recorded.unplaced if recorded is not None else set()

    def left_out(name: str) -> bool:
        return device_of(name) in context.without - named and name not in placed

    if recorded is not None:
        kept = {name: camera for name, camera in recorded.cameras.items() if not left_out(name)}
        unplaced = frozenset(name for name in recorded.unplaced if not left_out(name))
        recorded = replace(recorded, cameras=kept, unplaced=unplaced)
    sizes = {
        name: (stream.width, stream.height)
        for name, stream in session.streams.items()
        if stream.kind in ("color", "depth") and stream.width is not None and stream.height is not None
        if not left_out(name)
    }
    rig = given_calibration(sizes, recorded, file)
    write_calibration(context.output / "cameras.json", rig)
    context.progress(1, 1)
    return {
        "cameras": len(rig.cameras),
        "source": rig.source,
        "warnings": [f"{v.subject}: {v.text}" for v in rig.doubts],
    }


STAGE = Stage(name="calibrate", folder="calibration", needs=(), config=CalibrateConfig, run=run)
