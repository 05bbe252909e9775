"""Does one task in this process and says how that ended: what the workers of every executor share."""

from __future__ import annotations

import importlib
import json
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from humanrig.executors.executor import Tell

LEAST_BETWEEN_S = 0.2
"""Progress that comes faster is not told: it would cost more than it says."""


@dataclass(frozen=True, kw_only=True)
class Performed:
    """How a task ended in a process that lived on; the fields are those of `executor.Ended`."""

    seconds: float
    value: Any = None
    error: str = ""
    trouble: str = ""
    exhausted: str = ""
    """The process ran out of memory: it is to be replaced, and the task may be given again."""


def perform(call: str, arguments: Mapping[str, Any], tell: Tell) -> Performed:
    """Calls `package.module:function` with (tell, **arguments). Every `Exception` becomes a part of the result."""
    begin = time.perf_counter()

    def passed() -> float:
        return round(time.perf_counter() - begin, 3)

    try:
        value = _function(call)(_seldom(tell), **arguments)
        json.dumps(value)
        return Performed(seconds=passed(), value=value)
    except Exception as error:
        from humanrig.expected_errors import expected_errors, in_words
        from humanrig.out_of_memory import is_out_of_memory

        if is_out_of_memory(error):
            return Performed(seconds=passed(), exhausted=f"it ran out of memory ({error or 'MemoryError'})")
        if isinstance(error, expected_errors()):
            return Performed(seconds=passed(), error=in_words(error))
        return Performed(seconds=passed(), trouble=traceback.format_exc())


def _function(call: str) -> Any:
    module, _, name = call.partition(":")
    return getattr(importlib.import_module(module), name)


def _seldom(tell: Tell) -> Tell:
    told = -LEAST_BETWEEN_S

    def pass_on(done: int, total: int) -> None:
        nonlocal told
        now = time.monotonic()
        if now - told >= LEAST_BETWEEN_S or done == total:
            told = now
            tell(done, total)

    return pass_on
