"""A process of the local executor: takes tasks from a pipe, one after the other, until its parent is gone."""

from __future__ import annotations

import multiprocessing
import signal
import sys
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from capture.worker_process import end_with_parent


def start_worker(parent: Connection) -> None:
    """Works until the parent is gone or ends it. The parent alone answers Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    end_with_parent()
    multiprocessing.current_process().daemon = False  # what a task does may start processes of its own
    from humanrig.executors.performing import perform

    with suppress(EOFError, OSError):
        while True:
            call, arguments = parent.recv()
            done = perform(call, arguments, lambda done, total: parent.send(("progress", (done, total))))
            parent.send(("performed", done))
            if done.exhausted:
                sys.exit(1)


def _leave(*_: Any) -> None:
    """SIGTERM: whatever runs is left as by an error, so that it clears up."""
    sys.exit(1)
