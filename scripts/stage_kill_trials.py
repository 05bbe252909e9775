"""Kills `humanrig reconstruct` in every stage, at random points, and runs the same command again.

Usage: python scripts/stage_kill_trials.py [--trials 50] [--stages clouds mesh …] [--seed 0] [--folder FOLDER]
           [--kinds change program all worker full readonly size memory] [--into FILE.json]

A small simulated session is reconstructed once, undisturbed. Each trial takes a copy of it in which one stage and all
after it have not run, kills the program in that stage, and gives the same command again. A trial is good when the
second run ends well, every file is that of the undisturbed run, nothing that was whole was redone, nothing half-written
was taken for whole, no hidden or partial file is left, and no process outlived the program. Exits with 1 where one is
not.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import tyro

from humanrig.pipeline import STAGES
from scripts.endurance.long_take import long_take
from scripts.faults.program import Program
from scripts.faults.stage_trial import KILLS, Trial, fingerprints, trial, until_stage

OPTIONS = ("mesh.faces=1000", "texture.size=128", "texture.polish=false")
POOLS = ("clouds", "mesh", "texture")
"""Stages that work in several processes."""
INSTANTS = 4
LATEST = 0.97
"""Programs are killed within this share of the processor time that the command takes undisturbed."""
USUAL_CPU_S = 6.0
"""That, before it is known."""
MOST_CHANGES = 24
"""Of a stage on so small a take, and of what the program does around it."""
BOUNDS = {"size": (64.0, 30_000.0), "memory": (4.0, 400.0)}
"""Bytes of a file; MB of address space that may be added."""
TRIES = 4
"""Of a trial whose command was over before it was killed, each time earlier."""


def main(
    trials: int = 50,
    stages: tuple[str, ...] = STAGES,
    kinds: tuple[str, ...] = KILLS,
    seed: int = 0,
    folder: Path | None = None,
    into: Path | None = None,
) -> int:
    """Runs the trials and prints them.

    Args:
        trials: How many, over the stages and kinds in turn.
        stages: In which to kill.
        kinds: How. Those that are no kills refuse the program a change, the size of a file, or memory.
        seed: Of the moments.
        folder: Where the sessions are made; the undisturbed one is kept there for the next time.
        into: A JSON file for the trials.
    """
    rng, done = np.random.default_rng(seed), []
    with tempfile.TemporaryDirectory() as scratch:
        place = folder or Path(scratch)
        reference = prepared(place / "reference")
        expected = fingerprints(reference)
        cpu_s: dict[str, float] = {}
        for number in range(trials):
            stage, kind = stages[number % len(stages)], kinds[(number // len(stages)) % len(kinds)]
            one = disturbed(reference, place / "killed", stage, kind, expected, cpu_s, rng)
            done.append(one)
            print(_line(number, one), flush=True)
            if into is not None:
                into.write_text(json.dumps([asdict(t) for t in done], indent=1))
    print(f"{sum(bool(t.problem) for t in done)} of {len(done)} trials failed, {sum(t.late for t in done)} were late")
    return 1 if any(t.problem for t in done) else 0


def prepared(folder: Path, until: str | None = None) -> Path:
    """The undisturbed session, reconstructed up to a stage or to the end; made unless it is there."""
    long_take(folder, cameras=3, rate_hz=2.0, instants=INSTANTS, piece=INSTANTS, seed=3)
    undisturbed = Program(words_of(folder, until))
    if undisturbed.wait():
        raise SystemExit(f"the undisturbed run failed: {undisturbed.said[-500:]}")
    return folder


def words_of(session: Path, stage: str | None = None, workers: int = 1) -> list[str]:
    """The command that is killed and given again."""
    until = [] if stage is None else ["--until", stage]
    pools = [f"{name}.workers={workers}" for name in (*POOLS, "masks", "keypoints")]
    return ["reconstruct", str(session), *until, "--option", *OPTIONS, *pools]


def disturbed(
    reference: Path,
    folder: Path,
    stage: str,
    kind: str,
    expected: dict[str, str],
    cpu_s: dict[str, float],
    rng: np.random.Generator,
) -> Trial:
    """A trial that was not over before its fault came, if that can be had; `cpu_s` learns what the stages take."""
    words = words_of(folder, stage, 2 if kind in ("all", "worker") and stage in POOLS else 1)
    share = LATEST
    found: Trial | None = None
    for _ in range(TRIES):
        until_stage(reference, folder, stage)
        if kind in ("change", "full", "readonly"):
            after = float(rng.integers(1, max(2, round(share * MOST_CHANGES))))
        elif kind in BOUNDS:
            least, most = BOUNDS[kind]
            after = float(least * (share * most / least) ** rng.uniform())
        else:
            after = float(rng.uniform(0.1, share)) * cpu_s.get(stage, USUAL_CPU_S)
        found = trial(words, folder, stage, kind, after, expected, rng)
        if found.late or not found.whole:
            cpu_s[stage] = min(found.cpu_s, cpu_s.get(stage, found.cpu_s))
        if not found.late or found.problem:
            break
        share *= 0.6
    assert found is not None
    return found


def _line(number: int, t: Trial) -> str:
    unit = {"size": "bytes", "memory": "MB"}.get(t.kind, "cpu s")
    when = f"change {t.after:.0f}" if t.kind in ("change", "full", "readonly") else f"{t.after:.4g} {unit}"
    whole = "whole" if t.whole else "not whole"
    late = ", over before it was killed" if t.late else ""
    return f"{number:3d} {t.stage:<10} {t.kind:<8} {when:<11} {whole:<9} gone in {t.gone_s:.2f} s{late} {t.problem}"


if __name__ == "__main__":
    sys.exit(tyro.cli(main, description=__doc__))
