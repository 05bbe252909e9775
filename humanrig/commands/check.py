"""`humanrig check`: whether a session is whole."""

from __future__ import annotations

from pathlib import Path

from tyro.conf import Positional

from humanrig.terminal import print_json


def check(session: Positional[Path], json: bool = False) -> int:
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
    findings = check_session(opened)
    stages = [name for name, _ in completed(opened)]
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
