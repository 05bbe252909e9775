"""An event loop in a thread of its own: a server that a program without a loop starts and ends."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
LAST_S = 2.0
"""What is still under way when the loop ends may take so long to notice that it was cancelled."""


class LoopThread:
    """Runs coroutines for other threads, from `start` to `end`."""

    def __init__(self, name: str, *, timeout_s: float = 20.0) -> None:
        """`timeout_s` is how long a caller waits for a coroutine."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._timeout_s = timeout_s

    def start(self) -> None:
        """Once."""
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """What the coroutine returns or raises. Raises TimeoutError, and cancels it, when it takes too long."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result(self._timeout_s)
        except TimeoutError:
            future.cancel()
            raise

    def end(self) -> None:
        """Cancels what is under way and ends the thread; does nothing when it has ended or never begun."""
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._cancel_all(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        if not self._loop.is_closed():
            self._loop.close()

    async def _cancel_all(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        if others:
            await asyncio.wait(others, timeout=LAST_S)
