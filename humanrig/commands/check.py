"""`humanrig check`: whether a session is whole."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from humanrig.terminal import print_json

if TYPE_CHECKING:
    from capture.checking import Finding
    from capture.session import Session
    from humanrig.manifest import Manifest


def check(session: Annotated[Positional[Path], arg(metavar="SESSION")], json: bool = False) -> int:
    """Look for what is missing or damaged in a session: files, frames, clocks, cameras, stages.

    Exit code 0: whole; 1: something is wrong.

    Args:
        session: The session's folder.
        json: Print the findings as JSON.
    """
    from capture.checking import check_session
    from capture.session import Session
    from humanrig.pipeline import completed

    opened = Session.open(session)
    done = completed(opened)
    findings = [*check_session(opened), *_changed_outputs(opened, done)]
    stages = [name for name, _ in done]
    bad = [f for f in findings if f.level == "error"]
    if json:
        rows = [{"level": f.level, "where": f.where, "text": f.text} for f in findings]
        print_json({"findings": rows, "stages": stages, "whole": not bad})
        return 1 if bad else 0
    for finding in findings:
        print(f"{finding.level:<8} {finding.where:<28} {finding.text}")
    print(f"stages done: {' '.join(stages) or 'none'}")
    print("whole" if not bad else f"{len(bad)} of {len(findings)} findings are errors")
    return 1 if bad else 0


def _changed_outputs(session: Session, done: Sequence[tuple[str, Manifest]]) -> list[Finding]:
    """One finding for each stage whose files are not those that it wrote."""
    from capture.checking import Finding
    from humanrig.pipeline import load_stage

    findings = []
    for name, manifest in done:
        folder = load_stage(name).folder
        changed = manifest.changed(session.path(folder))
        if changed:
            more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
            text = f"{changed[0]}{more} missing or not as stage '{name}' wrote it; run the stage again: --from {name}"
            findings.append(Finding(level="error", where=f"{folder}/", text=text))
    return findings
