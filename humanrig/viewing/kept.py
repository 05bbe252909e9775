"""What was read or made for an instant, kept while there is room for it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")
LIMIT_BYTES = 400 << 20
"""Clouds, surfaces, textures and pictures of one viewer together."""


class Kept:
    """Values by key, at most so many bytes; those used longest ago go first."""

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        """Empty."""
        self._limit = limit_bytes
        self._values: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._lock = threading.Lock()
        self.bytes = 0
        """What is kept now."""

    def get(self, key: Hashable, make: Callable[[], T], size: Callable[[T], int]) -> T:
        """The value of a key, made where it is not kept. What `make` raises is raised and not kept."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key][0]
        value = make()
        with self._lock:
            if key not in self._values:
                self._values[key] = (value, size(value))
                self.bytes += self._values[key][1]
            while self.bytes > self._limit and len(self._values) > 1:
                _, (_, freed) = self._values.popitem(last=False)
                self.bytes -= freed
        return value
