"""Kills a batch, or one of its workers, at random moments, and runs the same command again.

Usage: python scripts/batch_kill_trials.py [--trials 6] [--sessions 3] [--until clouds] [--seed 0] [--folder FOLDER]

Two kinds, in turn: `program` is kill -9 of the batch, `worker` of one of its processes; then the batch itself must do
the worker's task again and end well. A trial is good when in the end every session is as one that nobody disturbed,
nothing that was whole was redone, nothing is left over, and no process outlived the batch. Exits with 1 where one is
not.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import tyro

from scripts.faults.program import Program
from scripts.faults.stage_trial import (
    damaged,
    differences,
    fingerprints,
    seconds_until_gone,
    stamps,
    until_stage,
    wait_and_kill,
)
from scripts.stage_kill_trials import OPTIONS, prepared

KINDS = ("program", "worker")
WORKERS = 2
FIRST = "masks"
"""The stage before which the sessions stand."""


def main(trials: int = 6, sessions: int = 3, until: str = "clouds", seed: int = 0, folder: Path | None = None) -> int:
    """Runs the trials and prints them.

    Args:
        trials: How many, the kinds in turn.
        sessions: Of the batch.
        until: Its last stage.
        seed: Of the moments.
        folder: Where the sessions are made.
    """
    rng, failed, cpu_s = np.random.default_rng(seed), 0, 0.0
    with tempfile.TemporaryDirectory() as scratch:
        place = folder or Path(scratch)
        reference = prepared(place / "reference", until)
        expected = fingerprints(reference)
        for number in range(-1, trials):  # the first, undisturbed, tells how long it takes
            kind = "nobody" if number < 0 else KINDS[number % len(KINDS)]
            after = float(rng.uniform(0.2, 0.9)) * cpu_s
            said, used, late = _trial(reference, place, sessions, until, kind, after, expected, rng)
            cpu_s = cpu_s or used
            failed += bool(said)
            over = "over before it was killed " if late else ""
            print(f"{number:3d} {kind:<8} {after:6.2f} cpu s of {cpu_s:.2f} {over}{'; '.join(said)}", flush=True)
    print(f"{failed} of {trials} trials failed")
    return 1 if failed else 0


def _trial(
    reference: Path,
    place: Path,
    sessions: int,
    until: str,
    kind: str,
    after: float,
    expected: dict[str, str],
    rng: np.random.Generator,
) -> tuple[list[str], float, bool]:
    """What is wrong, the processor seconds of the disturbed run, and whether that was over before it was disturbed."""
    folders = [until_stage(reference, place / f"take{number}", FIRST) for number in range(sessions)]
    words = ["reconstruct", *map(str, folders), "--workers", str(WORKERS), "--until", until, "--option", *OPTIONS]
    child = Program(words)
    late = False
    if kind == "nobody":
        child.wait()
    else:
        late = wait_and_kill(child, kind, after, rng)
    _, problems = seconds_until_gone(child)
    if kind != "program" and child.returncode:
        problems.append(f"the batch ended with {child.returncode}: {child.said.strip()[-300:]}")
    then = [stamps(folder) for folder in folders]
    problems += [
        f"{folder.name}: {name} calls itself whole and is not" for folder in folders for name in damaged(folder)
    ]
    again = Program(words)
    if again.wait():
        problems.append(f"the second run ended with {again.returncode}: {again.said.strip()[-300:]}")
    for folder, whole in zip(folders, then, strict=True):
        problems += [f"{folder.name}: {what}" for what in differences(folder, expected, whole)]
    return problems, child.cpu_s, late


if __name__ == "__main__":
    sys.exit(tyro.cli(main, description=__doc__))
