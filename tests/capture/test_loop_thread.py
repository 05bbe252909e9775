"""An event loop in a thread, and names that must differ."""

import asyncio
import threading
import time

import pytest

from capture.doubled_names import doubled_name
from capture.loop_thread import LoopThread


def test_results_and_errors_come_back():
    async def double(value):
        await asyncio.sleep(0)
        return 2 * value

    async def fail():
        raise OSError("no such port")

    thread = LoopThread("a loop")
    thread.start()
    assert thread.run(double(4)) == 8
    with pytest.raises(OSError, match="no such port"):
        thread.run(fail())
    thread.end()
    assert "a loop" not in [t.name for t in threading.enumerate()]


def test_what_takes_too_long_is_cancelled_and_the_thread_ends():
    seen = []

    async def wait():
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    thread = LoopThread("a loop", timeout_s=0.05)
    thread.start()
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        thread.run(wait())
    thread.end()
    assert time.monotonic() - begun < 2
    assert seen == ["cancelled"]


def test_end_cancels_what_is_left_and_may_come_twice():
    seen = []

    async def forever():
        try:
            await asyncio.sleep(60)
        finally:
            seen.append("ended")

    async def leave():
        task = asyncio.create_task(forever())
        await asyncio.sleep(0)
        return task

    thread = LoopThread("a loop")
    thread.start()
    task = thread.run(leave())
    thread.end()
    thread.end()
    assert task.cancelled()
    assert seen == ["ended"]
    LoopThread("never begun").end()


def test_a_doubled_name_is_found():
    assert doubled_name(["b", "a", "b", "c", "a"]) == "a"
    assert doubled_name(iter(["a", "b"])) is None
    assert doubled_name([]) is None
