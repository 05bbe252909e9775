"""The stage `calibrate`: checked cameras of every image stream, from a solved rig, a user's file or the recording."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from calibration.given import write_calibration
from humanrig.calibrating.chosen import RIG_FILE, chosen_calibration
from humanrig.stage import Stage, StageContext


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class CalibrateConfig:
    """Options of the stage."""

    file: Path | None = None
    """Calibration to use instead of any other, in one of the formats that `humanrig calibration convert` reads."""


def run(context: StageContext) -> dict[str, Any]:
    """Writes cameras.json; returns which cameras these are, their source and what is doubtful about them.

    The order is: the option, this session's rig_calibration/, the linked take's, what the recording brought. Devices
    whose place is not known, such as a hand-held phone, get no camera.
    """
    chosen = chosen_calibration(context.session, context.config.file, context.without)
    write_calibration(context.output / "cameras.json", chosen.rig)
    context.progress(1, 1)
    return {
        "cameras": len(chosen.rig.cameras),
        "chosen": chosen.chosen,
        "source": chosen.rig.source,
        "left_out": list(chosen.left_out),
        "warnings": [*chosen.warnings, *(f"{v.subject}: {v.text}" for v in chosen.rig.doubts)],
    }


STAGE = Stage(
    name="calibrate", folder="calibration", needs=(), config=CalibrateConfig, run=run, files=(RIG_FILE,), version=2
)
