"""The process that reads the inputs of one importer: it is expected to die, and then the driver starts another.

Usage: python -m fuzzing.victim IMPORTER CORPUS SCRATCH FIRST COUNT
For each input it writes a line with its number before it is read and an `Outcome` after.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any, TextIO

from fuzzing import memory
from fuzzing.catalogue import importer_named
from fuzzing.faults.chosen import damage
from fuzzing.importer import Importer
from fuzzing.outcome import HANG_S, LIMIT_BYTES, MEMORY_BYTES, Outcome
from fuzzing.watching import Watch

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Reads inputs FIRST to FIRST + COUNT."""
    name, corpus, scratch = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    first, count = int(sys.argv[4]), int(sys.argv[5])
    tell = os.fdopen(os.dup(1), "w", buffering=1)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    victim = Victim(importer_named(name), corpus, scratch)
    victim.warm_up()
    memory.limit(LIMIT_BYTES)
    for number in range(first, first + count):
        victim.read(number, tell)


class Victim:
    """Reads one input after another, each in a scratch folder of its own."""

    def __init__(self, importer: Importer, corpus: Path, scratch: Path) -> None:
        from humanrig.expected_errors import expected_errors

        self.importer, self.scratch = importer, scratch
        self.seeds = sorted(corpus.iterdir())
        self.expected = expected_errors()
        self.canary = (scratch / "canary").resolve()
        self.watch = Watch((scratch / "work", Path(os.environ.get("HUMANRIG_CACHE", scratch))))

    def warm_up(self) -> None:
        """Reads every whole file: what is loaded once is loaded now. Raises what the reader raises."""
        for seed in self.seeds:
            self.importer.read(self._copy(seed), self._empty("to"))

    def made(self, number: int) -> tuple[Path, str]:
        """Makes input `number`: where it lies, and its fault."""
        import numpy as np

        rng = np.random.default_rng([number, len(self.importer.name), sum(self.importer.name.encode())])
        seed = self.seeds[int(rng.integers(len(self.seeds)))]
        (self._empty("../canary") / "secret.txt").write_text("secret")
        path = self._copy(seed)
        return path, damage(path, rng, canary=self.canary, others=self.seeds, hidden=self.importer.hidden)

    def read(self, number: int, tell: TextIO) -> None:
        """Makes input `number`, reads it, and tells both."""
        path, fault = self.made(number)
        to, cwd = self._empty("to"), self._empty("cwd")
        os.chdir(cwd)
        tell.write(json.dumps({"number": number, "fault": fault}) + "\n")
        before, begun = memory.begin(), time.process_time()
        what, said = self._outcome(path, to)
        seconds, taken = time.process_time() - begun, memory.peak() - before
        if what in ("read", "refused"):
            if left := self._left(cwd):
                what, said = "outside", left
            if taken > MEMORY_BYTES:
                what = "memory"
            elif seconds > HANG_S:
                what = "hang"  # it ended before anybody looked
        outcome = Outcome(number=number, fault=fault, what=what, seconds=round(seconds, 4), bytes=taken, said=said)
        tell.write(outcome.line() + "\n")

    def _outcome(self, path: Path, to: Path) -> tuple[str, str]:
        self.watch.forget()
        self.watch.awake = True
        try:
            self.importer.read(path, to)
            what, said = "read", ""
        except self.expected as error:
            what, said = "refused", f"{type(error).__name__}: {error}"[:600]
        except BaseException as error:
            what, said = "traceback", _place(error)
        finally:
            self.watch.awake = False
        for kind, happened in self.watch.found:
            return kind, happened
        return what, said

    def _left(self, cwd: Path) -> str:
        if list(cwd.iterdir()):
            return f"wrote {next(cwd.iterdir()).name} where the program was started"
        there = [path.name for path in self.canary.iterdir()]
        return "" if there == ["secret.txt"] else f"the canary holds {there[:5]}"

    def _copy(self, seed: Path) -> Path:
        path = self._empty("from") / seed.name
        shutil.copytree(seed, path) if seed.is_dir() else shutil.copyfile(seed, path)
        return path

    def _empty(self, name: str) -> Path:
        folder = self.scratch / "work" / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder.resolve()


def _place(error: BaseException) -> str:
    """The error and the last lines of ours that it went through."""
    frames: list[Any] = [f for f in traceback.extract_tb(error.__traceback__) if str(ROOT) in f.filename]
    ours = [f"{Path(f.filename).relative_to(ROOT)}:{f.lineno}" for f in frames if ".venv" not in f.filename]
    return f"{type(error).__name__}: {str(error)[:200]} at {' < '.join(reversed(ours[-4:]))}"


if __name__ == "__main__":
    main()
