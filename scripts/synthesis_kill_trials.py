"""Kills `humanrig synthesize` at random moments, runs it again, and compares with a run that nobody disturbed.

Usage: python scripts/synthesis_kill_trials.py [--trials 20] [--people 6] [--workers 2] [--seed 0] [--folder FOLDER]
Five kinds, in turn: `program` kills the program with -9, `worker` one of its processes, `all` every process at once;
`term` and `int` ask it to end. After each, the same command runs to its end. A trial is good when the tables' checksum,
every byte of every shard and the manifest are those of the undisturbed run, no hidden file is left, and no process
outlived the one that was ended. Exits with 1 where one is not.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
KINDS: Final = ("program", "worker", "all", "term", "int")
SIGNALS: Final = {"program": signal.SIGKILL, "term": signal.SIGTERM, "int": signal.SIGINT}
LATEST: Final = 0.8
"""Runs are disturbed within this share of the time that one takes; one that was over before is tried again, earlier."""
MOST_ALIVE_S: Final = 20.0
"""Within this all processes of an ended program must be gone: one that is just starting loads libraries first, which
takes 1 s, and ten times that on a busy machine."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """One disturbed run."""

    kind: str
    after_s: float
    shards_before: int
    """Passes over shards that were finished when it was ended."""
    code: int
    """How the program ended."""
    ended_s: float
    """Until the last of its processes was gone."""
    problem: str
    """Empty when all is well."""
    late: bool = False
    """The run was over before: nothing was tried."""


def state(folder: Path) -> dict[str, str]:
    """What has to be the same: the tables' checksum, all bytes of the shards, the manifest."""
    files = [path for path in (folder / "shards").glob("*") if path.suffix in (".tar", ".parquet")]
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    manifest = (folder / "manifest.json").read_bytes()
    return {**found, "manifest": hashlib.sha256(manifest).hexdigest(), "table": json.loads(manifest)["table_sha256"]}


def trial(
    command: Sequence[str],
    folder: Path,
    kind: str,
    after_s: float,
    expected: dict[str, str],
    rng: np.random.Generator,
) -> Trial:
    """Starts the command in `folder`, disturbs it after so long, runs it again and compares."""
    child = subprocess.Popen(
        command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
    time.sleep(after_s)
    over = child.poll() is not None
    shards = len(list((folder / "shards").glob("[!.]*.json")))
    begun = time.monotonic()
    _disturb(child, kind, rng)
    _, said = child.communicate()
    while kind != "worker" and session_of(child.pid) and time.monotonic() - begun < MOST_ALIVE_S:
        time.sleep(0.05)
    ended_s = time.monotonic() - begun
    problems = []
    if kind != "worker" and (left := session_of(child.pid)):
        problems.append(f"{len(left)} processes outlived the program")
    if "Traceback" in said:
        problems.append(f"a traceback: {said.strip().splitlines()[-1]}")
    if kind in ("term", "int") and (left := _hidden(folder)):
        problems.append(f"left {left}")
    again = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    if again.returncode:
        problems.append(f"the second run ended with {again.returncode}: {again.stderr.strip()[-300:]}")
    else:
        now = state(folder)
        problems += [f"{name} differs" for name in sorted(now.keys() | expected) if now.get(name) != expected.get(name)]
        problems += [f"left {left}" for left in _hidden(folder)]
    return Trial(
        kind=kind,
        after_s=after_s,
        shards_before=shards,
        code=child.returncode,
        ended_s=ended_s,
        problem="; ".join(problems),
        late=over,
    )


def session_of(leader: int) -> list[int]:
    """Processes that belong to a program that was started as the leader of a session."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == leader and fields[0] != "Z":
            found.append(int(entry.name))
    return found


def _disturb(child: subprocess.Popen, kind: str, rng: np.random.Generator) -> None:
    if kind in SIGNALS:
        child.send_signal(SIGNALS[kind])
        return
    for pid in _chosen(child.pid, kind, rng):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue  # it ended in between


def _chosen(leader: int, kind: str, rng: np.random.Generator) -> list[int]:
    members = session_of(leader)
    if kind == "all":
        return members
    workers = [pid for pid in members if pid != leader and b"spawn_main" in _words(pid)]
    return [int(rng.choice(workers))] if workers else []


def _words(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _hidden(folder: Path) -> list[str]:
    """Half-written files, except in the cache, which may be deleted at any time."""
    found = [path.relative_to(folder) for path in folder.rglob(".*.part*")]
    return [str(path) for path in found if path.parts[0] != "cache"]


def main() -> int:
    """Runs the trials and prints them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--people", type=int, default=6)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where the data sets are made; a temporary folder by default")
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # shells let what they start in the background ignore it
    rng = np.random.default_rng(options.seed)
    words = [*("--people", str(options.people)), *("--views", "2"), *("--frames", "2"), *("--appearances", "2")]
    words += [*("--size", "160", "120"), *("--shard-pictures", "8"), *("--workers", str(options.workers))]
    words += ["--passes", "images", "labels", "clouds", "--no-report"]
    bad = 0
    with tempfile.TemporaryDirectory(dir=options.folder) as scratch:
        made = [_undisturbed(Path(scratch) / name, words) for name in ("unbroken", "unbroken_again")]
        expected, whole_s = made[-1]
        if made[0][0] != expected:
            print("two undisturbed runs differ: no trial can say anything")
            return 1
        print(f"undisturbed: {whole_s:.1f} s, {len(expected) - 2} files of shards, table {expected['table'][:12]}")
        for number in range(options.trials):
            folder, kind = Path(scratch) / f"set{number:03d}", KINDS[number % len(KINDS)]
            found, latest_s = None, LATEST * whole_s
            while found is None or found.late:
                command, after_s = _command(folder, words), float(rng.uniform(0.5, latest_s))
                found = trial(command, folder, kind, after_s, expected, rng)
                shutil.rmtree(folder, ignore_errors=True)
                latest_s = 0.8 * after_s
            bad += bool(found.problem)
            print(
                f"{number:3d} {found.kind:<8} after {found.after_s:5.1f} s, {found.shards_before:2d} passes done, "
                f"ended with {found.code} in {found.ended_s:.1f} s: {found.problem or 'the same'}",
                flush=True,
            )
    print(f"{options.trials - bad} of {options.trials} the same as the undisturbed run")
    return 1 if bad else 0


def _undisturbed(folder: Path, words: list[str]) -> tuple[dict[str, str], float]:
    """What a run makes, and how long it takes. The first compiles kernels, which later ones find."""
    begun = time.monotonic()
    subprocess.run(_command(folder, words), check=True, cwd=ROOT)
    return state(folder), time.monotonic() - begun


def _command(folder: Path, words: list[str]) -> list[str]:
    return [sys.executable, "-m", "humanrig.cli", "synthesize", str(folder), *words]


if __name__ == "__main__":
    sys.exit(main())
