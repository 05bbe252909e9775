"""Errors that nobody worded for users: files that are not what was written, or a fault of this program."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

from humanrig.pipeline import load_stage
from humanrig.trust.evidence import Evidence

MISREAD = (KeyError, ValueError, IndexError, TypeError)
"""What is raised where a file can be read and holds something else than the program writes."""
_PACKAGE = str(Path(__file__).parents[1])
_LONGEST = 200


def misread(error: Exception, evidence: Sequence[Evidence] = ()) -> str:
    """A sentence that tells the one from the other: outputs whose contents changed since they were written are named.

    Where none has, the error is told with its place in the program, for this is where to look.
    """
    what = f"{type(error).__name__}: {str(error).partition(chr(10))[0][:_LONGEST]}"
    if changed := next(_changed(evidence), ""):
        return f"{changed} is not what was written ({what}); run its stage again"
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(_PACKAGE)]
    place = f", {Path(ours[-1].filename).name} line {ours[-1].lineno}" if ours else ""
    return (
        f"its files are not what this version of humanrig writes, or this program is at fault ({what}{place}); run the "
        "stage again, and report it where it stays"
    )


def _changed(evidence: Sequence[Evidence]) -> Iterator[str]:
    """Outputs of finished stages that are not what their manifests say."""
    for one in evidence:
        for stage, done in one.done.items():
            folder = load_stage(stage).folder
            try:
                yield from (f"{folder}/{name}" for name in done.changed(one.session.path(folder)))
            except OSError:
                yield folder
