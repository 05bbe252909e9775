"""What a session says of its own reconstruction: the manifests of its stages, read so that nothing in them can hurt."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from capture.session import Session
from humanrig import manifest
from humanrig.errors import HumanrigError
from humanrig.manifest import Manifest
from humanrig.pipeline import STAGES, load_stage
from humanrig.results import read_arrays
from humanrig.stage import Stage
from humanrig.trust.failures import Failure, last_failure

JUDGED = tuple(name for name in STAGES if name != "report")
"""The report shows the others' results and has none of its own."""


@dataclass(frozen=True, kw_only=True)
class BodyPart:
    """A part of a fitted body over the clip; NaN where no camera saw it."""

    name: str
    residual_mm: float
    """Mean distance of its points from it."""
    coverage: float
    """Share of what depth cameras could see of it that has points."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What the finished stages left, and what is wrong with the rest."""

    session: Session
    done: dict[str, Manifest] = field(default_factory=dict)
    """Stages whose result is there, by name, in order."""
    missing: tuple[str, ...] = ()
    """Stages that never finished, in order."""
    damaged: dict[str, str] = field(default_factory=dict)
    """Stages whose manifest or files are not what was written: what is wrong, in words."""
    parts: dict[str, tuple[BodyPart, ...]] = field(default_factory=dict)
    """Of each fitted person whose fit tells, the parts of the body."""
    failure: Failure | None = None
    """What ended one of the stages, which has no newer result."""
    stale: dict[str, str] = field(default_factory=dict)
    """Stages that read a result which has been made anew since: the stage that was redone."""

    def figure(self, stage: str, *keys: str) -> float | None:
        """A number of a stage's figures; None where it is not there, or no finite number."""
        return number(self.value(stage, *keys))

    def value(self, stage: str, *keys: str) -> Any:
        """Anything of a stage's figures; None where it is not there."""
        found: Any = self.done[stage].figures if stage in self.done else None
        for key in keys:
            found = found.get(key) if isinstance(found, Mapping) else None
        return found

    def numbers(self, stage: str, *keys: str) -> dict[str, float]:
        """The finite numbers below a key, by name."""
        found = self.value(stage, *keys)
        entries = found.items() if isinstance(found, Mapping) else ()
        return {str(name): known for name, value in entries if (known := number(value)) is not None}

    def entries(self, stage: str, key: str) -> list[Mapping[str, Any]]:
        """The records of a list of a stage's figures."""
        found = self.value(stage, key)
        return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []

    def words(self, stage: str, key: str) -> list[str]:
        """The texts of a list of a stage's figures."""
        found = self.value(stage, key)
        return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


def gather(session: Session, until: str | None = None) -> Evidence:
    """Reads every stage's manifest and looks whether its files are there; stages after `until` are not looked at.

    Raises nothing for a damaged session.
    """
    done: dict[str, Manifest] = {}
    missing: list[str] = []
    damaged: dict[str, str] = {}
    stale: dict[str, str] = {}
    digests: dict[str, str] = {}
    asked = JUDGED[: STAGES.index(until) + 1] if until else JUDGED
    for name in asked:
        stage = load_stage(name)
        try:
            found = _sound(session.path(stage.folder))
        except HumanrigError as error:
            damaged[name] = str(error)
            continue
        if found is None:
            missing.append(name)
            continue
        done[name], digests[name] = found, found.digest
        if redone := _redone(stage, found, digests):
            stale[name] = redone
    parts: dict[str, tuple[BodyPart, ...]] = {}
    if "register" in done:
        try:
            parts = _parts(session)
        except HumanrigError as error:
            del done["register"]
            damaged["register"] = str(error)
    failure = last_failure(session.folder)
    return Evidence(
        session=session,
        done=done,
        missing=tuple(missing),
        damaged=damaged,
        stale=stale,
        parts=parts,
        failure=failure if failure is not None and failure.stage in asked else None,
    )


def number(value: Any) -> float | None:
    """A finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        known = float(value)
    except OverflowError:
        return None
    return known if math.isfinite(known) else None


def _sound(folder: Path) -> Manifest | None:
    """A stage's manifest where all of its files are there; None where it has not run. Raises HumanrigError."""
    try:
        found = manifest.read(folder)
        whole = found is None or found.intact(folder)
    except OSError as error:
        raise HumanrigError(f"{folder} cannot be read ({error.strerror or error})") from None
    if not whole:
        raise HumanrigError(
            f"{folder.name}/ lacks files that were written, or they are cut short; delete {folder.name}/ to redo the "
            "stage"
        )
    return found


def _parts(session: Session) -> dict[str, tuple[BodyPart, ...]]:
    """Raises HumanrigError for a body's file that cannot be read."""
    found = {}
    for path in sorted(session.path("body").glob("person[0-9][0-9].npz")):
        body = read_arrays(path)
        values = [body.get(key, np.zeros((0, 0))) for key in ("part_residual_mm", "part_coverage")]
        names = np.atleast_1d(body.get("part_names", np.zeros(0))).tolist()
        if not names or any(v.ndim != 2 or v.shape[1] != len(names) or v.dtype.kind != "f" for v in values):
            continue
        residual, coverage = (mean_over_time(v) for v in values)
        found[path.stem] = tuple(
            BodyPart(name=str(name), residual_mm=float(r), coverage=float(c))
            for name, r, c in zip(names, residual, coverage, strict=True)
        )
    return found


def mean_over_time(values: np.ndarray) -> np.ndarray:
    """Mean of what is known of each column; NaN for a column of which nothing is."""
    known = np.isfinite(values)
    total = np.where(known, values, 0.0).sum(0)
    return np.where(known.any(0), total / np.maximum(known.sum(0), 1), np.nan)


def _redone(stage: Stage, found: Manifest, digests: Mapping[str, str]) -> str:
    """The first stage whose present result is not the one that was read; empty where all are."""
    changed = (need for need in stage.needs if need in digests and found.inputs.get(need) != digests[need])
    return next(changed, "")
