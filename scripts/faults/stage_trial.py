"""One trial: a reconstruction meets a fault in a stage, the same command runs again, and nothing may differ."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from humanrig import manifest
from humanrig.pipeline import STAGES, load_stage
from humanrig.trust import failures
from scripts.faults.program import Program
from scripts.synthesis_kill_trials import session_of

KILLS: Final = ("change", "program", "all", "worker")
"""change: the program dies as by kill -9 at a random change that it makes to the session's folder; program: at a random
moment; all: every one of its processes at once; worker: one of its processes, or the program where it has none."""
REFUSALS: Final = ("full", "readonly", "size", "memory")
"""full, readonly: the disk refuses a random change; size: no file may grow beyond so many bytes; memory: no more of it
than so many MB. The program must end by itself, in a sentence."""
KINDS: Final = (*KILLS, *REFUSALS)
TICKS: Final = os.sysconf("SC_CLK_TCK")
MOST_ALIVE_S: Final = 20.0
"""Within this all processes of a killed program must be gone; see synthesis_kill_trials.py."""
NOT_COMPARED: Final = ("report",)
"""Stages whose files hold the times of the run."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """One disturbed run."""

    stage: str
    kind: str
    after: float
    """Processor seconds that it had used, which a loaded machine does not change; number of the change; bytes; MB."""
    whole: bool
    """Whether the stage's result was whole when the program was gone."""
    gone_s: float
    """Until the last process was gone."""
    cpu_s: float
    """Processor seconds of the run that came to its end: the second, or the first where that was over before."""
    problem: str = ""
    late: bool = False
    """The run was over before: nothing was tried."""


def fingerprints(session: Path) -> dict[str, str]:
    """SHA-256 of every file that a stage left, by path, without what holds times."""
    found = {}
    for name in STAGES:
        folder = session / load_stage(name).folder
        done = manifest.read(folder)
        if done is not None and name not in NOT_COMPARED:
            found |= {f"{folder.name}/{path}": digest for path, (_, digest) in manifest.hash_outputs(folder).items()}
    return found


def left_over(session: Path) -> list[str]:
    """Hidden and half-written files below a session."""
    hidden = [p for p in session.iterdir() if p.name.startswith(".")]
    halves = [p for p in session.rglob("*.partial*")]
    return sorted({p.relative_to(session).as_posix() for p in (*hidden, *halves)})


def until_stage(reference: Path, folder: Path, stage: str) -> Path:
    """A copy of a finished session in which `stage` and all after it have not run, and nothing waits in the cache."""
    later = {load_stage(name).folder for name in STAGES[STAGES.index(stage) :]}
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for entry in reference.iterdir():
        if entry.name in later or entry.name == "cache" or entry.name.startswith("."):
            continue
        if entry.is_dir():  # nothing is changed in place: a linked file is as good as a copied one
            shutil.copytree(entry, folder / entry.name, copy_function=os.link)
        else:
            shutil.copy2(entry, folder / entry.name)
    return folder


def stamps(session: Path) -> dict[str, int]:
    """When each stage's manifest was written, nanoseconds."""
    return {p.parent.name: p.stat().st_mtime_ns for p in session.glob("*/manifest.json")}


def damaged(session: Path) -> list[str]:
    """Stages that have a manifest, and not what it says."""
    folders = [path.parent for path in session.glob("*/manifest.json")]
    return sorted(f.name for f in folders if (done := manifest.read(f)) is not None and done.changed(f))


def trial(
    words: Sequence[str],
    folder: Path,
    stage: str,
    kind: str,
    after: float,
    expected: dict[str, str],
    rng: np.random.Generator,
) -> Trial:
    """Runs `humanrig WORDS` in a session that is prepared up to the stage, kills it, runs it again and compares."""
    before = stamps(folder)
    fault = "die" if kind == "change" else kind if kind in REFUSALS else "none"
    child = Program(words, fault if fault == "none" else f"{fault}@{round(after)}", folder)
    late = _wait(child) if kind in REFUSALS else wait_and_kill(child, kind, after, rng)
    gone_s, problems = seconds_until_gone(child)
    if kind in REFUSALS and not late:
        problems += _refused_badly(child.wait(), child.said)
        tidy = kind != "memory"  # without memory nothing can be looked for and removed; the next run does it
        told = [name for name in left_over(folder) if name.startswith(".lease") or name == failures.NAME]
        problems += [f"left {name} at once" for name in left_over(folder) if tidy and name not in told]
    problems += [f"{name} calls itself whole and is not" for name in damaged(folder)]
    then = stamps(folder)
    whole = load_stage(stage).folder in then
    again = Program(words)
    if again.wait():
        problems.append(f"the second run ended with {again.returncode}: {again.said.strip()[-300:]}")
    problems += differences(folder, expected, {**before, **then})
    return Trial(
        stage=stage,
        kind=kind,
        after=after,
        whole=whole,
        gone_s=gone_s,
        cpu_s=child.cpu_s if late else again.cpu_s,
        problem="; ".join(problems),
        late=late,
    )


def seconds_until_gone(child: Program) -> tuple[float, list[str]]:
    """Until the last process of an ended program was gone, and what is wrong with that."""
    begun = time.monotonic()
    while session_of(child.pid) and time.monotonic() - begun < MOST_ALIVE_S:
        time.sleep(0.02)
    left = session_of(child.pid)
    return time.monotonic() - begun, [f"{len(left)} processes outlived the program"] if left else []


def differences(folder: Path, expected: dict[str, str], whole: dict[str, int]) -> list[str]:
    """What tells a session from one that nobody disturbed; `whole` are stages that were so, with their `stamps`."""
    now, found = stamps(folder), fingerprints(folder)
    problems = [f"{name} was whole and was redone" for name, stamp in whole.items() if now.get(name) != stamp]
    wanted = {name: digest for name, digest in expected.items() if name.split("/")[0] in now}
    differs = [name for name in sorted(wanted.keys() | found) if wanted.get(name) != found.get(name)]
    problems += [f"{len(differs)} files differ, such as {differs[0]}"] if differs else []
    return problems + [f"left {name}" for name in left_over(folder)]


def _wait(child: Program) -> bool:
    """Returns when the program has ended; whether the fault did not touch it."""
    return child.wait() == 0


def _refused_badly(code: int, said: str) -> list[str]:
    """What is wrong with how a program ended that could not go on."""
    if "Traceback" in said:
        return [f"a traceback: {said.strip().splitlines()[-1]}"]
    if code != 1 or "humanrig: " not in said:
        return [f"ended with {code} and said: {said.strip()[-200:]}"]
    return []


def wait_and_kill(child: Program, kind: str, after: float, rng: np.random.Generator) -> bool:
    """Returns when the program is dead; whether it was over before."""
    if kind == "change":
        return child.wait() != -signal.SIGKILL
    while child.poll() is None and _cpu_s(child.pid) < after:
        time.sleep(0.005)
    late = child.poll() is not None
    members = [pid for pid in session_of(child.pid) if pid != child.pid]
    if kind == "worker" and members:
        _kill([int(rng.choice(members))])
        child.wait()
        return late
    _kill([*members, child.pid] if kind == "all" else [child.pid])
    child.wait()
    return late


def _cpu_s(leader: int) -> float:
    """That a program and its processes have used by now."""
    total = 0
    for pid in session_of(leader):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def _kill(pids: Sequence[int]) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue  # it ended in between
