"""The first lines of a process that makes shards: light, so that it watches its parent before anything is loaded."""

from __future__ import annotations

import signal
from multiprocessing.connection import Connection

from capture.worker_process import end_with_parent


def start_worker(parent: Connection) -> None:
    """Takes its orders from the parent and works; ends in silence when the parent is gone. The parent alone answers
    Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
    try:
        orders = parent.recv()  # loads the modules that the orders are of
    except (EOFError, OSError):
        return
    from hps.synthesis.production.worker import run_worker

    run_worker(parent, *orders)
