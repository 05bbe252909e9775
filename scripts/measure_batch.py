"""Reconstructs simulated sessions as a batch, by one worker, by two and over Ray: time, efficiency, equal outputs.

Usage: python scripts/measure_batch.py [--sessions 20] [--cameras 4] [--seconds 1] [--rate 10] [--folder FOLDER]
                                       [--runs local1 local2 ray2 killed resumed] [--until STAGE] [--json FILE]

`localN`, `rayN`: all sessions by N workers. `killed`: two workers, one of which gets SIGKILL in mid-run. `resumed`: the
whole program gets SIGKILL in mid-run, and the same command is given again. Every run works on copies of the same
recordings. Efficiency is the wall time of `local1` over N times that of the run. Overhead is what the workers spent on
anything but stages, over the stages' seconds. Outputs are compared by the hashes in the manifests; the report, which
shows how long stages took, is left out. Exits with 1 when outputs differ or something whole was redone.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from humanrig import manifest
from humanrig.pipeline import STAGES

RUNS = ("local1", "local2", "ray2", "killed", "resumed")
COMPARED = tuple(stage for stage in STAGES if stage != "report")
KILL_AT = 0.4
"""Share of all stages that is done when something is killed."""
Whole = dict[tuple[str, str], dict[str, list[Any]]]
"""(session, stage) → path → bytes and SHA-256."""


@dataclass(kw_only=True)
class Run:
    """One way to do all sessions."""

    name: str
    workers: int
    wall_s: float
    stage_s: float
    """What the stages took, by their own measure."""
    task_s: float
    """What the tasks of stages took: with opening the session, the lease and the manifests."""
    overhead: float
    """(workers x wall - stages) / stages: with the start of the processes, and with those that wait for the last."""
    task_overhead: float
    """(tasks - stages) / stages."""
    efficiency: float | None = None
    deaths: int = 0
    killed_at: int = 0
    """Stages that were whole when something was killed."""
    redone: list[str] = field(default_factory=list)
    """Of these, what was done again."""
    differ: list[str] = field(default_factory=list)
    """Outputs that are not those of the first run."""
    failed: list[str] = field(default_factory=list)


def simulate(folder: Path, options: argparse.Namespace) -> None:
    """The recordings; those that are there already are kept."""
    for number in range(options.sessions):
        session = folder / f"take{number:02d}"
        if (session / "session.toml").exists():
            continue
        shutil.rmtree(session, ignore_errors=True)
        words = ["--cameras", options.cameras, "--seconds", options.seconds, "--rate", options.rate, "--seed", number]
        words += [
            "--depth-mode",
            "NFOV_2X2BINNED",
            "--outfit",
            "casual",
            "--clip",
            ("walk", "a_pose", "punch")[number % 3],
        ]
        subprocess.run([*_program(), "simulate", str(session), *map(str, words)], check=True, capture_output=True)


def copy(recorded: Path, to: Path) -> None:
    """The recordings without anything that was made of them; frames are linked, not copied."""
    for session in sorted(recorded.iterdir()):
        for path in [session / "session.toml", *(session / "recording").rglob("*")]:
            if path.is_file():
                target = to / session.name / path.relative_to(session)
                target.parent.mkdir(parents=True, exist_ok=True)
                os.link(path, target)


def whole(folder: Path) -> Whole:
    """What is finished."""
    read = {path: json.loads(path.read_text()) for path in folder.glob(f"*/*/{manifest.NAME}")}
    found = {(path.parent.parent.name, values["stage"]): values["outputs"] for path, values in read.items()}
    return {key: outputs for key, outputs in found.items() if key[1] in STAGES}


def command(folder: Path, name: str, until: str) -> tuple[list[str], int]:
    """The words of a run, and its workers."""
    kind, workers = (name[:-1], int(name[-1])) if name[-1].isdecimal() else ("local", 2)
    words = ["--executor", kind, "--workers", str(workers), "--until", until, "--json"]
    return [*_program(), "reconstruct", str(folder), *words], workers


def run(folder: Path, name: str, until: str) -> Run:
    """Does all sessions in one of the ways."""
    words, workers = command(folder, name, until)
    stages = len(list(folder.iterdir())) * (STAGES.index(until) + 1)
    begin = time.monotonic()
    program = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
    before: Whole = {}
    if name in ("killed", "resumed"):
        while len(before := whole(folder)) < KILL_AT * stages:
            time.sleep(0.05)
            if program.poll() is not None:
                raise SystemExit(f"{name}: the batch ended with {program.returncode} before anything was killed")
        victims = _children(program.pid)[-1:] if name == "killed" else [program.pid]
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        if name == "resumed":
            program.wait()
            _await_end(program.pid)
            before = whole(folder)
            begin = time.monotonic()
            program = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    said, _ = program.communicate()
    wall_s = time.monotonic() - begin
    if not said:
        raise SystemExit(f"{name}: the batch ended with {program.returncode} and said nothing")
    return _measured(name, workers, wall_s, json.loads(said), before)


def _measured(name: str, workers: int, wall_s: float, said: dict[str, Any], before: Whole) -> Run:
    done = [
        (Path(session).name, stage, values)
        for session, result in said["sessions"].items()
        for stage, values in result["stages"].items()
    ]
    ran = [values for _, _, values in done if not values["skipped"]]
    stage_s, task_s = (sum(values[key] for values in ran) for key in ("seconds", "task_seconds"))
    again = (
        [(session, stage) for session, stage, values in done if not values["skipped"]]
        if name == "resumed"
        else [(session, stage) for session, stage, values in done if values["deaths"] and (session, stage) in before]
    )
    return Run(
        name=name,
        workers=workers,
        wall_s=round(wall_s, 2),
        stage_s=round(stage_s, 2),
        task_s=round(task_s, 2),
        overhead=round((workers * wall_s - stage_s) / stage_s, 4),
        task_overhead=round((task_s - stage_s) / stage_s, 4),
        deaths=len(said["deaths"]),
        killed_at=len(before),
        redone=[f"{session}/{stage}" for session, stage in again if (session, stage) in before],
        failed=[f"{session}: {one['error']}" for session, one in said["sessions"].items() if one["state"] != "done"],
    )


def differing(first: Whole, other: Whole) -> list[str]:
    """Stages and files whose contents are not the same."""
    found = [f"{key[0]}/{key[1]} is missing" for key in first if key not in other and key[1] in COMPARED]
    for key in sorted(first.keys() & other.keys()):
        mine, theirs = first[key], other[key]
        paths = sorted(path for path in mine.keys() | theirs.keys() if mine.get(path) != theirs.get(path))
        found += [f"{key[0]}/{key[1]}/{path}" for path in paths] if key[1] in COMPARED else []
    return found


def _program() -> Sequence[str]:
    return [sys.executable, "-m", "humanrig.cli"]


def _children(pid: int) -> list[int]:
    """Worker processes: children of a process that is no helper of multiprocessing."""
    pids = map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    return [pid for pid in pids if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def _await_end(group: int) -> None:
    """The workers end by themselves when their parent is gone."""
    while True:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)


def lines(runs: Sequence[Run]) -> list[str]:
    """A table for docs/batch.md."""
    head = "| run | wall s | stages s | efficiency | overhead | of tasks | died | whole at the kill | redone | differ |"
    rows = [
        f"| {r.name} | {r.wall_s:.0f} | {r.stage_s:.0f} | "
        f"{'' if r.efficiency is None else f'{100 * r.efficiency:.0f} %'} | {100 * r.overhead:.1f} % | "
        f"{100 * r.task_overhead:.1f} % | {r.deaths} | {r.killed_at or ''} | {len(r.redone)} | {len(r.differ)} |"
        for r in runs
    ]
    return [head, "|---" * 10 + "|", *rows]


def main() -> int:
    """Runs all and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--cameras", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--rate", type=float, default=10.0)
    parser.add_argument("--folder", type=Path, help="where the sessions are made and kept; a temporary one by default")
    parser.add_argument("--runs", nargs="+", choices=RUNS, default=RUNS)
    parser.add_argument("--until", choices=STAGES, default=STAGES[-1], help="for a quick look")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    runs: list[Run] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        simulate(folder / "recorded", options)
        first: Whole = {}
        for name in options.runs:
            sessions = folder / name
            shutil.rmtree(sessions, ignore_errors=True)
            copy(folder / "recorded", sessions)
            one = run(sessions, name, options.until)
            made = whole(sessions)
            first = first or made
            one.differ = differing(first, made)
            alone = next((former.wall_s for former in runs if former.name == "local1"), None)
            if alone is not None and name not in ("killed", "resumed"):
                one.efficiency = round(alone / (one.workers * one.wall_s), 4)
            runs.append(one)
            print(json.dumps(asdict(one)), file=sys.stderr, flush=True)
    print("\n".join(lines(runs)))
    if options.json:
        options.json.write_text(json.dumps([asdict(one) for one in runs], indent=1))
    return 1 if any(one.redone or one.differ or one.failed for one in runs) else 0


if __name__ == "__main__":
    sys.exit(main())
