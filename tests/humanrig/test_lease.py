"""A session has one holder, who is known, who may die, and whose clock may be wrong."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from humanrig import lease
from humanrig.errors import HumanrigError
from humanrig.lease import held

PROGRAM = """
import sys, time
from pathlib import Path
from humanrig.lease import held
with held(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another program that holds tmp_path."""
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def elsewhere(folder: Path, *, beats_ago_s: float) -> Path:
    """A lease of another machine, last heard of so long ago."""
    path = folder / lease.NAME
    path.write_text(json.dumps({"host": "far", "kernel": "another", "pid": 1, "begun": "1", "since": "", "token": "t"}))
    os.utime(path, (time.time() - beats_ago_s,) * 2)
    return path


def test_a_holder_is_named_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with held(tmp_path), pytest.raises(HumanrigError, match=rf"another humanrig .*process {os.getpid()} on"):
        held(tmp_path).__enter__()
    assert list(tmp_path.iterdir()) == []
    with held(tmp_path):
        pass


def test_it_may_be_waited_for(tmp_path: Path) -> None:
    first = held(tmp_path)
    first.__enter__()
    threading.Timer(0.3, lambda: first.__exit__(None, None, None)).start()
    with held(tmp_path, wait_s=10.0):
        pass


def test_a_killed_holder_has_let_go_at_once(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    with pytest.raises(HumanrigError, match=f"process {other.pid} on"):
        held(tmp_path).__enter__()
    other.kill()
    other.wait()
    with held(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_stopped_holder_still_holds_and_is_said_to_be_stopped(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    other.send_signal(signal.SIGSTOP)
    until = time.monotonic() + 10
    while "T" not in Path(f"/proc/{other.pid}/stat").read_text().rpartition(")")[2].split()[0]:
        assert time.monotonic() < until
    with pytest.raises(HumanrigError, match=f"stopped; .*kill -CONT {other.pid}"):
        held(tmp_path).__enter__()


def test_a_number_of_a_process_that_came_again_is_no_holder(tmp_path: Path) -> None:
    mine = asdict(lease.Holder.this())
    (tmp_path / lease.NAME).write_text(json.dumps({**mine, "begun": "1"}))
    with held(tmp_path):
        pass


def test_a_holder_on_another_machine_is_believed_until_it_expires(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "WATCH_S", 0.3)
    elsewhere(tmp_path, beats_ago_s=0.5 * lease.EXPIRY_S)
    with pytest.raises(HumanrigError, match="process 1 on far"):
        held(tmp_path).__enter__()
    elsewhere(tmp_path, beats_ago_s=2 * lease.EXPIRY_S)
    with held(tmp_path):
        pass


@pytest.mark.parametrize("jump_s", [86400.0, -86400.0])
def test_a_holder_that_beats_is_not_taken_for_dead_when_clocks_jump(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump_s: float
) -> None:
    monkeypatch.setattr(lease, "WATCH_S", 5.0)
    path = elsewhere(tmp_path, beats_ago_s=jump_s)
    threading.Timer(0.3, lambda: os.utime(path)).start()
    with pytest.raises(HumanrigError, match="on far"):
        held(tmp_path).__enter__()


def test_beats_move_the_lease(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "BEAT_S", 0.02)
    with held(tmp_path):
        path = tmp_path / lease.NAME
        os.utime(path, (1.0, 1.0))
        until = time.monotonic() + 10
        while path.stat().st_mtime < 2:
            assert time.monotonic() < until
            time.sleep(0.01)


def test_one_that_was_taken_over_may_not_write_and_leaves_the_other_alone(tmp_path: Path) -> None:
    with held(tmp_path) as mine:
        mine.check()
        path = elsewhere(tmp_path, beats_ago_s=0.0)
        with pytest.raises(HumanrigError, match=r"took .* over"):
            mine.check()
    assert json.loads(path.read_text())["host"] == "far"


def test_a_lease_removed_by_hand_is_made_again(tmp_path: Path) -> None:
    with held(tmp_path) as mine:
        (tmp_path / lease.NAME).unlink()
        mine.check()
        with pytest.raises(HumanrigError, match="another humanrig"):
            held(tmp_path).__enter__()


@pytest.mark.parametrize("text", ["", "{", "[]", "\x00" * 9, '{"pid": 1}'])
def test_a_lease_that_was_cut_off_expires(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(lease, "WATCH_S", 0.1)
    path = tmp_path / lease.NAME
    path.write_text(text)
    with pytest.raises(HumanrigError, match="another humanrig"):
        held(tmp_path).__enter__()
    os.utime(path, (time.time() - 2 * lease.EXPIRY_S,) * 2)
    with held(tmp_path):
        pass


def test_of_many_at_once_one_holds(tmp_path: Path) -> None:
    inside, most = 0, 0
    lock = threading.Lock()

    def work() -> None:
        nonlocal inside, most
        with held(tmp_path, wait_s=20.0):
            with lock:
                inside += 1
                most = max(most, inside)
            time.sleep(0.01)
            with lock:
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (inside, most) == (0, 1)


def test_what_took_a_dead_lease_s_place_is_left(tmp_path: Path) -> None:
    late = lease.Lease(tmp_path)
    dead = lease._Seen(text="dead", mtime_ns=0)
    with held(tmp_path) as quick:
        late._remove(dead)  # it had looked before the quick one removed the dead lease and took it
        quick.check()


def _killed(work: Callable[[], None]) -> None:
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def test_killed_while_it_is_taken_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for call in ("write", "link"):
        with monkeypatch.context() as patched:
            patched.setattr(os, call, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
            _killed(lambda: held(tmp_path).__enter__() and None)
        assert list(tmp_path.iterdir()) == []
        with held(tmp_path):  # at once: nothing has to expire
            pass


def test_a_disk_that_takes_half_of_it_leaves_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = os.write

    def full(descriptor: int, data: bytes) -> int:
        if len(data) < 100:
            raise OSError(errno.ENOSPC, "No space left on device")
        return whole(descriptor, data[:70])

    monkeypatch.setattr(os, "write", full)
    for unnamed in (True, False):
        if not unnamed:
            monkeypatch.setattr(lease, "_create_whole", _no_unnamed_files)
        with pytest.raises(OSError, match="No space"):
            held(tmp_path).__enter__()
        assert list(tmp_path.iterdir()) == []


def _no_unnamed_files(path: Path, data: bytes) -> bool:
    raise OSError(errno.EOPNOTSUPP, "as a network's file system says")


def test_without_unnamed_files_it_works_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "_create_whole", _no_unnamed_files)
    with held(tmp_path), pytest.raises(HumanrigError, match="another humanrig"):
        held(tmp_path).__enter__()
    assert list(tmp_path.iterdir()) == []
