"""How a take was calibrated before: a session that refers to it does not undo what was said then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from pydantic import TypeAdapter, ValidationError

from capture.board_file import BOARD_FILE
from capture.session import Session
from humanrig import manifest
from humanrig.calibrating.links import RESULT
from humanrig.calibrating.settings import RigCalibrationConfig


def former_config(take: Session) -> RigCalibrationConfig | None:
    """The options of the take's calibration; None where it has none, or one by a person.

    Raises HumanrigError when its manifest is damaged.
    """
    done = manifest.read(take.path(RESULT[0]))
    if done is None or "board" not in done.config:
        return None
    try:
        return TypeAdapter(RigCalibrationConfig).validate_python(done.config)
    except ValidationError:  # written by an older program, with other options
        return None


def as_before(take: Session, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options, those that are at their default as the take was calibrated with; with its board where the take
    itself does not describe one, or described another one then.

    Raises HumanrigError when its manifest is damaged.
    """
    former = former_config(take)
    if former is None:
        return dict(options)
    usual = RigCalibrationConfig()
    names = [field.name for field in fields(RigCalibrationConfig) if field.name in options]
    kept = {name: getattr(former, name) for name in names if options[name] == getattr(usual, name)}
    if options.get("refine") == "geometry":
        kept.pop("refine_with", None)
    if former.board_from != "/".join(BOARD_FILE):
        kept |= {"board": former.board, "board_from": former.board_from}
    return {**options, **kept}
