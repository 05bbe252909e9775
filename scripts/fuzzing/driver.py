"""Has inputs of one importer read by a process, watches it, and starts another where it dies or hangs."""

from __future__ import annotations

import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from fuzzing.outcome import HANG_S, STUCK_S, Outcome

SCRIPTS = Path(__file__).resolve().parents[1]
POLL_S = 0.5
START_S = 240.0
"""Until the first input: libraries are loaded, kernels compiled, and the whole files read."""
TICK = os.sysconf("SC_CLK_TCK")


class CannotStart(RuntimeError):
    """The reader does not read its own whole files."""


def outcomes(name: str, corpus: Path, first: int, count: int) -> Iterator[Outcome]:
    """Of inputs `first` to `first + count`, in order. Raises CannotStart where the whole files cannot be read."""
    at, end = first, first + count
    while at < end:
        scratch = Path(tempfile.mkdtemp(prefix=f"fuzz-{name}-"))
        try:
            for outcome in _one_process(name, corpus, scratch, at, end - at):
                yield outcome
                at = outcome.number + 1
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def _one_process(name: str, corpus: Path, scratch: Path, first: int, count: int) -> Iterator[Outcome]:
    """Until it has read all or ends; the input at which it ends has an outcome."""
    command = [sys.executable, "-X", "faulthandler", "-m", "fuzzing.victim", name, str(corpus), str(scratch)]
    with (scratch / "errors.txt").open("w+") as errors:
        child = subprocess.Popen(
            [*command, str(first), str(count)],
            stdout=subprocess.PIPE,
            stderr=errors,
            stdin=subprocess.DEVNULL,
            env=_environment(),
            cwd=SCRIPTS,
        )
        try:
            yield from _followed(child, name, errors.name)
        finally:
            child.kill()
            child.wait()


def _followed(child: subprocess.Popen[bytes], name: str, errors: str) -> Iterator[Outcome]:
    assert child.stdout is not None
    lines, begun = _Lines(child.stdout.fileno()), None
    since, spent, last = time.monotonic(), 0.0, 0.0
    while True:
        for text in lines.read():
            told = json.loads(text)
            if "what" in told:
                yield Outcome(**told)
                begun = None
            else:
                begun, since, spent, last = told, time.monotonic(), _processor_s(child.pid), 0.0
        if lines.ended:
            code = child.wait()
            if begun is not None:
                yield _died(begun, code, Path(errors).read_text(errors="replace"))
            elif code:
                raise CannotStart(f"{name}: {Path(errors).read_text(errors='replace')[-3000:]}")
            return
        if begun is None and time.monotonic() - since > START_S:
            raise CannotStart(f"{name} read nothing within {START_S:.0f} s")
        if begun is not None:
            used = _processor_s(child.pid) - spent
            if used > last:
                last, since = used, time.monotonic()
            if used > HANG_S or time.monotonic() - since > STUCK_S:
                child.send_signal(signal.SIGABRT)
                time.sleep(0.3)
                said = Path(errors).read_text(errors="replace")
                yield Outcome(number=begun["number"], fault=begun["fault"], what="hang", seconds=used, said=_tail(said))
                return


def _died(begun: dict[str, object], code: int, said: str) -> Outcome:
    name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    number = int(str(begun["number"]))
    return Outcome(number=number, fault=str(begun["fault"]), what="crash", said=f"{name}: {_tail(said)}")


def _tail(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if "File" in line or "rror" in line]
    return " < ".join(lines[:8])[:900]


class _Lines:
    """Lines of a pipe, as they come."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor, self._rest, self.ended = descriptor, b"", False
        self._selector = selectors.DefaultSelector()
        self._selector.register(descriptor, selectors.EVENT_READ)

    def read(self) -> list[str]:
        """Whole lines that came within POLL_S."""
        if not self._selector.select(POLL_S):
            return []
        data = os.read(self._descriptor, 1 << 16)
        self.ended = not data
        *whole, self._rest = (self._rest + data).split(b"\n")
        return [line.decode() for line in whole]


def _processor_s(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICK


def _environment() -> dict[str, str]:
    places = [str(SCRIPTS), str(SCRIPTS.parent), os.environ.get("PYTHONPATH", "")]
    fixed = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, places))}
    return {**os.environ, **fixed}
