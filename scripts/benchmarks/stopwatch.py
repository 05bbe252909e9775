"""How long named steps take inside code that runs as it is: their functions are wrapped by timers."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any


class Stopwatch:
    """Seconds by step; a step inside another is not counted twice."""

    def __init__(self) -> None:
        """Starts with nothing measured."""
        self.seconds: dict[str, float] = defaultdict(float)
        self._inner = [0.0]

    def watch(self, owner: Any, function: str, step: str) -> None:
        """Replaces a module's or a class's function by one that is timed as a part of `step`."""
        timed = self._timed(getattr(owner, function), step)
        setattr(owner, function, timed)

    def clear(self) -> None:
        """Forgets what was measured."""
        self.seconds.clear()

    def _timed(self, function: Callable[..., Any], step: str) -> Callable[..., Any]:
        def run(*args: Any, **options: Any) -> Any:
            self._inner.append(0.0)
            start = time.perf_counter()
            try:
                return function(*args, **options)
            finally:
                passed = time.perf_counter() - start
                self.seconds[step] += passed - self._inner.pop()
                self._inner[-1] += passed

        return run
