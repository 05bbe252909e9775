"""The stage runner dies, or its disk fails, at every single change that it makes to a session: nothing is lost."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from capture.session import Session
from humanrig import lease, manifest, pipeline
from humanrig.errors import HumanrigError
from humanrig.pipeline import Request, reconstruct
from humanrig.stage import Stage, StageContext

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.faults.at_change import AtChange, die, failing

NAMES = ("sync", "calibrate")
FIRST, SECOND = Request(), Request(configs={"sync": {"number": 2}})


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Config:
    number: int = 1


class Stages:
    """Two stages, the second reading the first; a log outside the session says which ran to its end."""

    def __init__(self, log: Path) -> None:
        self.log = log

    def stage(self, name: str) -> Stage:
        needs = NAMES[: NAMES.index(name)][-1:]
        return Stage(name=name, folder=name, needs=needs, config=Config, run=lambda context: self.run(name, context))

    def run(self, name: str, context: StageContext) -> dict:
        before = NAMES[: NAMES.index(name)][-1:]
        read = "".join((context.session.folder / folder / "value.txt").read_text() for folder in before)
        (context.output / "value.txt").write_text(f"{name} {context.config.number} {read}")
        (context.output / "more").mkdir()
        (context.output / "more" / "value.bin").write_bytes(bytes(3000))
        with self.log.open("a") as file:
            file.write(f"{name}\n")
        return {"number": context.config.number}

    def ran(self) -> list[str]:
        names = self.log.read_text().split() if self.log.is_file() else []
        self.log.unlink(missing_ok=True)
        return names


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Stages:
    made = Stages(tmp_path / "log")
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # matters when power fails, not when a process dies
    monkeypatch.setattr(pipeline, "STAGES", NAMES)
    monkeypatch.setattr(pipeline, "load_stage", made.stage)
    return made


def session_at(folder: Path) -> Session:
    made = Session.create(folder, streams=[], origin="test", id="take")
    (folder / "recording").mkdir()
    (folder / "recording" / "rig.mcap").write_bytes(b"frames")
    return made


def outputs(folder: Path) -> dict[str, bytes]:
    """Every file that counts; manifests hold the time of the run."""
    files = [p for p in folder.rglob("*") if p.is_file() and p.name not in ("manifest.json", "session.toml")]
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in files}


def left_over(folder: Path) -> list[str]:
    """What a run should not leave."""
    known = {"session.toml", "recording", *NAMES}
    return sorted(p.name for p in folder.iterdir() if p.name not in known) + [
        p.name for p in folder.rglob("*.partial*") if p.parent != folder
    ]


def in_child(work: Callable[[], int]) -> int:
    """The exit status of a forked process that does the work, negative for a signal."""
    child = os.fork()
    if child == 0:
        code = 99
        try:
            code = work()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def run(folder: Path, request: Request, at: int, fault: Callable[[str], None]) -> int:
    """0: all went well; 1: an error that the command line says in a sentence. Any other error is not caught."""
    AtChange(folder, at, fault).arm()
    try:
        reconstruct(Session.open(folder), request)
    except (OSError, HumanrigError):
        return 1
    return 0


def damaged(folder: Path) -> list[str]:
    """Stages whose manifest says that they are whole while they are not."""
    found = []
    for name in NAMES:
        there = folder / name
        if (there / "manifest.json").is_file():
            done = manifest.read(there)
            assert done is not None
            found += [name] if done.changed(there) else []
    return found


def changes(stages: Stages, folder: Path, request: Request) -> int:
    """How many changes a run makes that nobody disturbs."""
    file = folder.with_suffix(".count")

    def work() -> int:
        counting = AtChange(folder, 0, die)
        counting.arm()
        reconstruct(Session.open(folder), request)
        file.write_text(str(counting.count))
        return 0

    assert in_child(work) == 0
    stages.ran()
    return int(file.read_text())


@pytest.fixture(params=[pytest.param("fresh", marks=pytest.mark.slow), "again"])
def start(request: pytest.FixtureRequest, stages: Stages, tmp_path: Path) -> tuple[Path, Request, dict[str, bytes]]:
    """A session, what is asked of it, and what has to come out: of a new one, or of one that is done otherwise."""
    begin = session_at(tmp_path / "begin")
    wanted = FIRST
    if request.param == "again":
        reconstruct(begin, FIRST)
        wanted = SECOND
    expected = tmp_path / "expected" / "take"
    shutil.copytree(begin.folder, expected)
    reconstruct(Session.open(expected), wanted)
    stages.ran()
    return begin.folder, wanted, outputs(expected)


def test_killed_at_every_change(stages: Stages, start: tuple, tmp_path: Path) -> None:
    begin, request, expected = start
    count = changes(stages, shutil.copytree(begin, tmp_path / "counted"), request)
    assert count > 20
    redone = []
    for at in range(1, count + 1):
        folder = shutil.copytree(begin, tmp_path / "take")

        assert in_child(partial(run, folder, request, at, die)) == -signal.SIGKILL, f"change {at} of {count} never came"
        first = stages.ran()
        assert damaged(folder) == []
        session = Session.open(folder)
        pipeline_result = reconstruct(session, request)
        again = stages.ran()
        assert [o.stage for o in pipeline_result if not o.skipped] == again
        redone += sorted(set(first[:-1]) & set(again))
        assert outputs(folder) == expected, f"killed at change {at}"
        assert left_over(folder) == [], f"killed at change {at}"
        assert all(o.skipped for o in reconstruct(session, request))
        shutil.rmtree(folder)
    assert redone == []  # a stage that had ended before the next one began is whole


@pytest.mark.parametrize(
    "number", [errno.ENOSPC, *(pytest.param(n, marks=pytest.mark.slow) for n in (errno.EIO, errno.EROFS, errno.EACCES))]
)
def test_disk_fails_at_every_change(stages: Stages, start: tuple, tmp_path: Path, number: int) -> None:
    begin, request, expected = start
    count = changes(stages, shutil.copytree(begin, tmp_path / "counted"), request)
    for at in range(1, count + 1):
        folder = shutil.copytree(begin, tmp_path / "take")
        code = in_child(partial(run, folder, request, at, failing(number)))
        assert code in (0, 1), f"change {at}: not an error that is told in a sentence"
        stages.ran()
        assert damaged(folder) == []
        if code == 0:  # what could not be removed is nobody's: no result, and a lease whose holder is gone
            shown = {name: data for name, data in outputs(folder).items() if not name.startswith(".")}
            assert shown == expected, f"change {at} failed and was passed over"
        reconstruct(Session.open(folder), request)
        stages.ran()
        assert outputs(folder) == expected
        assert left_over(folder) == [], f"error at change {at}"
        shutil.rmtree(folder)


def test_a_stopped_holder_writes_nothing_into_what_another_made(
    stages: Stages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody on another machine is stopped in the middle of a stage for so long that his lease expires."""
    session = session_at(tmp_path / "take")
    whole = stages.run
    stopped: list[StageContext] = []

    def run(name: str, context: StageContext) -> dict:
        if stopped:
            return whole(name, context)
        stopped.append(context)
        (context.output / "half.txt").write_text("half")
        (session.folder / lease.NAME).unlink()  # as the other one does who finds it expired
        reconstruct(Session.open(session.folder), FIRST)
        stopped.append(context)
        return whole(name, context)  # he wakes up, and goes on writing where he was

    monkeypatch.setattr(stages, "run", run)
    with pytest.raises((HumanrigError, OSError)) as refused:
        reconstruct(session, SECOND)
    assert "Traceback" not in str(refused.value)
    assert len(stopped) == 2
    assert damaged(session.folder) == []
    assert outputs(session.folder)["sync/value.txt"] == b"sync 1 "
    assert "sync/half.txt" not in outputs(session.folder)
    assert [o.skipped for o in reconstruct(session, FIRST)] == [True, True]
    assert left_over(session.folder) == []  # nor the note that he failed, which is over
