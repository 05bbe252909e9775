"""The program `humanrig` with a fault, forked from this process, which has loaded its libraries: seconds sooner."""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import resource
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from humanrig.cli import expected_errors, main
from humanrig.pipeline import STAGES
from scripts.faults.at_change import AtChange, die, failing

AT_CHANGE: Final = {"die": die, "full": failing(errno.ENOSPC), "readonly": failing(errno.EROFS)}
"""die@N: as by kill -9, at the n-th change to the folder; full@N, readonly@N: the disk refuses the n-th change."""
LIMITS: Final = {"size": resource.RLIMIT_FSIZE, "memory": resource.RLIMIT_AS}
"""size@BYTES: no file may become larger, which every library that writes feels as a full disk; memory@MB: more address
space than that, beside what the libraries take, is refused."""


class Program:
    """A running `humanrig WORDS`, the leader of a session of processes."""

    def __init__(self, words: Sequence[str], fault: str = "none", folder: Path | None = None) -> None:
        """Starts it; `folder` is the one whose changes are counted."""
        self.returncode: int | None = None
        self._used: resource.struct_rusage | None = None
        for name in STAGES:  # loaded before the fork, and once
            importlib.import_module(f"humanrig.stages.{name}")
        expected_errors()
        heard, told = os.pipe()  # not a file, which would be bounded too
        self.pid = os.fork()
        if self.pid == 0:
            code = 99
            try:
                os.setsid()
                os.dup2(told, 1)
                os.dup2(told, 2)
                sys.stdout = sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)
                _arm(fault, folder)
                code = main(words)
            except BaseException:
                import traceback

                with contextlib.suppress(Exception):
                    traceback.print_exc()
            finally:
                os._exit(code)

        os.close(told)
        self._said: list[bytes] = []
        self._listening = threading.Thread(target=self._listen, args=(heard,), daemon=True)
        self._listening.start()

    def _listen(self, heard: int) -> None:
        with os.fdopen(heard, "rb") as pipe:
            while piece := pipe.read1(65536):
                self._said.append(piece)

    @property
    def said(self) -> str:
        """Everything that it and its processes said; after their end."""
        self._listening.join(5.0)
        return b"".join(self._said).decode(errors="replace")

    @property
    def cpu_s(self) -> float:
        """Processor seconds that it used, with its processes; after its end."""
        assert self._used is not None
        return self._used.ru_utime + self._used.ru_stime

    def poll(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        if self.returncode is None:
            pid, status, used = os.wait4(self.pid, os.WNOHANG)
            if pid:
                self.returncode, self._used = os.waitstatus_to_exitcode(status), used
        return self.returncode

    def wait(self) -> int:
        """Its exit code, when it has ended."""
        while self.poll() is None:
            time.sleep(0.005)
        assert self.returncode is not None
        return self.returncode


def _arm(fault: str, folder: Path | None) -> None:
    kind, _, value = fault.partition("@")
    if kind in AT_CHANGE and folder is not None:
        AtChange(folder, int(value), AT_CHANGE[kind]).arm()
    elif kind in LIMITS:
        bound = int(value)
        if kind == "memory":
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            bound = (bound << 20) + pages * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(LIMITS[kind], (bound, bound))
