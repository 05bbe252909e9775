"""The last failure of a session, kept beside its stages until the failed one succeeds: a report can then tell it."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from geometry.told_values import json_of

NAME = ".failed.json"
LONGEST = 2000
"""Characters of the sentence that are kept."""
_MOST_BYTES = 12 * LONGEST + 1000
"""A character is twelve bytes of JSON at most."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """What ended a stage."""

    stage: str
    sentence: str


def note_failure(folder: Path, stage: str, error: BaseException) -> None:
    """Keeps why a stage of a session failed. A disk that cannot take it is passed over: the error itself counts."""
    sentence = (str(error) or type(error).__name__)[:LONGEST]
    temporary = folder / f"{NAME}.{os.getpid()}"
    with contextlib.suppress(OSError):
        try:
            temporary.write_text(json.dumps({"stage": stage, "sentence": sentence}))
            temporary.replace(folder / NAME)
        finally:
            temporary.unlink(missing_ok=True)


def forget_failure(folder: Path, stage: str) -> None:
    """A stage succeeded: what it failed by before is of no interest."""
    failure = last_failure(folder)
    if failure is not None and failure.stage == stage:
        with contextlib.suppress(OSError):
            (folder / NAME).unlink(missing_ok=True)


def last_failure(folder: Path) -> Failure | None:
    """The failure that is kept; None where there is none, or the note is damaged."""
    try:
        with (folder / NAME).open("rb") as file:
            values = json_of(file.read(_MOST_BYTES))
        return Failure(stage=str(values["stage"]), sentence=str(values["sentence"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None
