"""A process of the local executor: takes tasks from a pipe, one after the other, until its parent is gone."""

from __future__ import annotations

import multiprocessing
import signal
import sys
import threading
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from capture.worker_process import end_with_parent


def start_worker(parent: Connection, words: str) -> None:
    """Works until the parent is gone or ends it. The parent alone answers Ctrl-C. words: where it prints to."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    end_with_parent()
    multiprocessing.current_process().daemon = False  # what a task does may start processes of its own
    from humanrig.executors.last_words import MOST_BYTES, forget, speak_into
    from humanrig.executors.performing import perform

    aside = speak_into(words)
    speaking = threading.Lock()  # threads of a task may tell at once

    def tell(done: int, total: int) -> None:
        with speaking:
            if aside:
                forget(MOST_BYTES)
            parent.send(("progress", (done, total)))

    with suppress(EOFError, OSError):
        while True:
            call, arguments = parent.recv()
            if aside:
                forget()
            done = perform(call, arguments, tell)
            with speaking:
                parent.send(("performed", done))
            if done.exhausted:
                sys.exit(1)


def _leave(*_: Any) -> None:
    """SIGTERM: whatever runs is left as by an error, so that it clears up."""
    sys.exit(1)
