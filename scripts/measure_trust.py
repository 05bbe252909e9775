"""Puts faults into sound takes and shows whether the verdict ranks them, beside the errors that the truth tells.

    python scripts/measure_trust.py TAKE [TAKE ...] --work FOLDER [--frames A:B] [--until mesh] [--faults NAME ...]

A TAKE is a simulated session. Copies are kept in FOLDER, and what is done there is not done again.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from registration_trials.copies import changed_by_hand, copy_take
from trust_trials.faults import FAULTS, Fault, faulty_device

from capture.session import Session
from humanrig.cli import expected_errors
from humanrig.evaluation import evaluate_session
from humanrig.pipeline import STAGES, Request, reconstruct
from humanrig.trust.judge import cameras_to_fix, judge

MARK = ".fault"


def measure(take: Path, fault: Fault, work: Path, until: str, frames: tuple[int, int] | None) -> dict[str, Any]:
    """Reconstructs the take with the fault in it; the verdict, and the error of the bodies."""
    session = Session.open(copy_take(take, work / f"{take.name}_{fault.name}"))
    mark = session.path(MARK)
    if fault.recording is not None and not mark.exists():
        fault.recording(session)
        mark.touch()
        session = Session.open(session.folder)
    without, configs = fault.without(session), fault.options(session.folder)
    if fault.after is not None and fault.change is not None and not mark.exists():
        reconstruct(session, Request(until=fault.after, frames=frames, without=without, configs=configs))
        fault.change(session)
        changed_by_hand(session, fault.after)
        mark.touch()
    trouble = ""
    try:
        reconstruct(session, Request(until=until, frames=frames, without=without, configs=configs))
    except expected_errors() as error:
        trouble = str(error)
    verdict = judge(session, until=until)
    return {
        "fault": fault.name,
        "text": fault.text,
        "word": verdict.word,
        "score": verdict.score,
        "line": verdict.line,
        "blamed": next(iter(cameras_to_fix(verdict.reasons)), ""),
        "faulty": faulty_device(session) if fault.blames else "",
        "reasons": [[r.cost, r.stage, r.text] for r in verdict.reasons],
        "trouble": trouble,
        **_errors(session),
    }


def _errors(session: Session) -> dict[str, float | None]:
    try:
        found = evaluate_session(session.folder, clouds=False)
    except expected_errors():
        return {"pve_mm": None, "mpjpe_mm": None}
    return {key: found[key] and found[key]["mean"] for key in ("pve_mm", "mpjpe_mm")}


def table(rows: list[dict[str, Any]]) -> str:
    """The rows for docs/report.md."""
    lines = ["| what is wrong | verdict | score | PVE mm | blamed | the heaviest reason |", "|---|---|---|---|---|---|"]
    for row in rows:
        blamed = row["blamed"] + ("" if not row["faulty"] else " ✓" if row["blamed"] == row["faulty"] else " ✗")
        pve = "–" if row["pve_mm"] is None else f"{row['pve_mm']:.1f}"
        first = row["reasons"][0][2] if row["reasons"] else ""
        lines.append(f"| {row['text']} | {row['word']} | {row['score']:.2f} | {pve} | {blamed} | {first} |")
    return "\n".join(lines)


def main() -> None:
    """Measures every fault in every take."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("takes", nargs="+", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--frames", default="")
    parser.add_argument("--until", default="mesh", choices=STAGES)
    parser.add_argument("--faults", nargs="+", default=list(FAULTS), choices=list(FAULTS))
    options = parser.parse_args()
    first, _, last = options.frames.partition(":")
    frames = (int(first), int(last)) if last else None
    options.work.mkdir(parents=True, exist_ok=True)
    rows = []
    for take in options.takes:
        for name in options.faults:
            row = measure(take, FAULTS[name], options.work, options.until, frames)
            rows.append(row)
            print(json.dumps(row), flush=True)
    print(table(sorted(rows, key=lambda row: -row["score"])))


if __name__ == "__main__":
    main()
