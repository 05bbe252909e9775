"""Processor time of the threads of this process, by the first words of their names, also of those that have ended."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from pathlib import Path

SAMPLE_S = 0.1


class ThreadTimes:
    """Samples what Linux counts for each thread; use it as a context manager around the work."""

    def __init__(self) -> None:
        """Nothing is sampled yet."""
        self._quit = threading.Event()
        self._first: dict[int, float] = {}
        self._last: dict[int, tuple[str, float]] = {}
        self._thread = threading.Thread(target=self._sample_often, name="thread times", daemon=True)

    def by_name(self, *prefixes: str) -> dict[str, float]:
        """Seconds of all threads whose name begins so; of the others under `other`."""
        sums: dict[str, float] = defaultdict(float)
        for ident, (name, seconds) in self._last.items():
            prefix = next((p for p in prefixes if name.startswith(p)), "other")
            sums[prefix] += seconds - self._first[ident]
        return dict(sums)

    def _sample_often(self) -> None:
        while not self._quit.wait(SAMPLE_S):
            self._sample()

    def _sample(self) -> None:
        for thread in threading.enumerate():
            ident = thread.native_id
            if ident is None:
                continue
            try:
                text = Path(f"/proc/self/task/{ident}/schedstat").read_text()
            except OSError:  # it has ended meanwhile
                continue
            seconds = 1e-9 * int(text.split()[0])
            new = ident not in self._first
            self._first.setdefault(ident, seconds if thread is threading.main_thread() else 0.0)
            if new or seconds >= self._last[ident][1]:
                self._last[ident] = (thread.name, seconds)

    def __enter__(self) -> ThreadTimes:
        """Begins to sample."""
        self._sample()
        self.begun_s = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Ends it."""
        self._sample()
        self._quit.set()
        self._thread.join()
        self.seconds = time.monotonic() - self.begun_s
