"""One pool for every stage: the same results here and apart, and a sentence when a process ends by itself."""

import os
import signal
from functools import partial

import pytest

from capture.worker_pool import processes_for, worker_pool


class Adder:
    """Adds to what it was made with; counts its calls."""

    def __init__(self, start: int) -> None:
        self.start, self.calls = start, 0

    def add(self, value: int) -> tuple[int, int]:
        self.calls += 1
        return self.start + value, os.getpid()

    def refuse(self, value: int) -> int:
        raise ValueError(f"no {value}")

    def end(self, value: int) -> int:
        if value == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return value


def trouble(count: int) -> RuntimeError:
    return RuntimeError(f"one of {count} ended")


def test_how_many_processes() -> None:
    here = len(os.sched_getaffinity(0))
    assert processes_for(3, None, few=4) == 1
    assert processes_for(100, None, few=4) == here
    assert processes_for(100, 5, few=4) == 5
    assert processes_for(3, 5, few=4) == 3
    assert processes_for(0, None, few=4) == 1


def test_one_process_is_this_one_and_keeps_its_worker() -> None:
    mine = Adder(10)
    with worker_pool(partial(Adder, 99), 1, here=mine, trouble=trouble) as pool:
        assert list(pool.each("add", [1, 2])) == [(11, os.getpid()), (12, os.getpid())]
        assert list(pool.each("add", [3])) == [(13, os.getpid())]
    assert mine.calls == 3


def test_several_processes_give_the_same_and_an_error_comes_back_as_it_is() -> None:
    with worker_pool(partial(Adder, 10), 2, here=Adder(99), trouble=trouble) as pool:
        found = list(pool.each("add", range(6)))
        with pytest.raises(ValueError, match="no 1"):
            list(pool.each("refuse", [1]))
        with pytest.raises(RuntimeError, match="one of 2 ended"):
            list(pool.each("end", range(4)))
    assert sorted(value for value, _ in found) == [10, 11, 12, 13, 14, 15]
    assert os.getpid() not in {process for _, process in found}
