"""Fits the bodies of one take, in a copy, with its session's own calibration, and measures them against the truth."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from humanrig import manifest
from humanrig.cli import expected_errors
from humanrig.errors import HumanrigError
from registration_trials.cases import Case
from registration_trials.copies import copy_take
from registration_trials.variants import VARIANTS, Variant, apply, marked

FIGURES = "figures.json"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What came out for one take in one variant."""

    case: str
    row: str
    variant: str
    error: str | None
    """The sentence in which it ended, where it did."""
    figures: dict[str, Any]
    """Of `humanrig evaluate`."""
    registered: dict[str, Any]
    """Figures of the stage register."""
    clouds: dict[str, Any]
    """Figures of the stage clouds."""
    seconds: dict[str, float]
    """Of each stage, on this machine as busy as it was."""


def measure(
    folder: Path, work: Path, case: Case, variant_name: str, configs: Mapping[str, Mapping[str, Any]] | None = None
) -> Measured:
    """Runs what is missing, and says what came out; an expected error is a result, too."""
    from capture.session import Session

    variant = VARIANTS[variant_name]
    name = case.name if variant.name == "base" else f"{case.name}__{variant.name}"
    copy = copy_take(folder / case.name, work / name)
    path = copy / FIGURES
    try:
        shape_take = None
        if variant.known_shape:
            shape_take = copy_take(standing_take(folder, case), work / standing_take(folder, case).name)
        digest = _reconstruct(Session.open(copy), case, variant, configs or {}, shape_take)
    except expected_errors() as error:
        return Measured(
            case=case.name, row=case.row, variant=variant.name, error=str(error), figures={}, registered={}, clouds={},
            seconds={},
        )  # fmt: skip
    if path.is_file():
        kept = json.loads(path.read_text())
        if kept["body"] == digest:
            return Measured(**kept["measured"])
    found = _evaluated(copy, case, variant)
    path.write_text(json.dumps({"body": digest, "measured": asdict(found)}, indent=1))
    return found


def standing_take(folder: Path, case: Case) -> Path:
    """The take of the row `shape` in which the case's first person stands. Raises HumanrigError where there is none."""
    found = sorted(folder.glob(f"{case.split}_shape_{case.subjects[0]}_*")) if case.subjects else []
    if not found:
        raise HumanrigError(f"{folder} has no take of the row shape with the person of {case.name}")
    return found[0]


def _reconstruct(
    session: Any, case: Case, variant: Variant, configs: Mapping[str, Mapping[str, Any]], shape_take: Path | None
) -> str:
    """Runs the stages up to register; returns what the bodies depend on and are."""
    from humanrig import pipeline
    from humanrig.registering.options import set_shape

    chosen: dict[str, dict[str, Any]] = {stage: dict(values) for stage, values in configs.items()}
    for stage, key, value in variant.options:
        chosen.setdefault(stage, {})[key] = value
    people = len(case.subjects)
    for stage in ("masks", "keypoints") if people > 1 else ():
        if "people" in pipeline.load_stage(stage).config.__dataclass_fields__:
            chosen.setdefault(stage, {}).setdefault("people", people)
    without = variant.without(session)
    if variant.after is not None:
        if not marked(session, variant).exists():
            pipeline.reconstruct(session, pipeline.Request(until=variant.after, configs=chosen, without=without))
        apply(variant, session)
    if shape_take is not None:
        set_shape(session, chosen, shape_take, None, None)
    pipeline.reconstruct(session, pipeline.Request(until="register", configs=chosen, without=without))
    done = manifest.read(session.path("body"))
    clouds = manifest.read(session.path("clouds"))
    assert done is not None
    assert clouds is not None
    return f"{done.digest} {clouds.digest}"


def _evaluated(copy: Path, case: Case, variant: Variant) -> Measured:
    from humanrig.evaluation import evaluate_session

    stages = {name: manifest.read(copy / folder) for name, folder in _FOLDERS.items()}
    return Measured(
        case=case.name,
        row=case.row,
        variant=variant.name,
        error=None,
        figures=evaluate_session(copy),
        registered=stages["register"].figures if stages["register"] else {},
        clouds=stages["clouds"].figures if stages["clouds"] else {},
        seconds={name: done.seconds for name, done in stages.items() if done is not None},
    )


_FOLDERS = {"masks": "masks", "clouds": "clouds", "keypoints": "keypoints", "register": "body"}
