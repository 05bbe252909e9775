"""A worker process that does not outlive the process it works for, and how one ended."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from multiprocessing.process import BaseProcess


def end_with_parent() -> None:
    """Ends this worker as soon as its parent is gone, however that ended. Without it the workers of a killed process
    wait for work that nobody sends. Does nothing in a process that has no parent."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, name="end with parent", daemon=True).start()


def how_it_ended(process: BaseProcess) -> str:
    """How a process ended by itself: `signal 9 (SIGKILL)` or `exit code 1`."""
    code = process.exitcode
    if code is not None and code < 0:
        return f"signal {-code} ({signal.Signals(-code).name})"
    return f"exit code {code}"
