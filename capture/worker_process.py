"""A worker process that does not outlive the process it works for."""

from __future__ import annotations

import multiprocessing
import os
import threading


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
