"""What a fault is: a function of a file's bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import numpy as np

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Means:
    """What a fault may use."""

    rng: np.random.Generator
    canary: Path
    """A folder that no reader may touch: hostile paths point there."""
    other: bytes
    """Of another whole file of the same importer."""

    def below(self, count: int) -> int:
        """A whole number from 0 on."""
        return int(self.rng.integers(max(1, count)))

    def place(self, size: int) -> int:
        """Of a byte: half of them within the head, where most formats say what follows, and some at the very end."""
        kind = self.rng.random()
        if kind < 0.5:
            return self.below(min(size, 512))
        return size - 1 - self.below(min(size, 128)) if kind < 0.65 else self.below(size)

    def one(self, values: Sequence[T]) -> T:
        """Of some."""
        return values[self.below(len(values))]


Fault = Callable[[bytes, Means], bytes | None]
"""The damaged bytes; None where these bytes cannot have that fault."""
HOSTILE_WORDS: Final = (
    "", " ", "\0", "a\0b", "\x1b[2J\x1b[31m", "\x07\x08\x7f\r", "\u202egnp.exe", "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>", "{{7*7}}", "%s%n%s", "../../../../etc/passwd", "/etc/passwd", "..", ".", "/",
    "C:\\Windows", "a/b", "a\\b", "CON", "-rf", "--help", "$(touch ran)", "`touch ran`", "; touch ran", "|touch ran",
    "file:///etc/passwd", "http://127.0.0.1:9/x", "data:;base64,AAAA", "x" * 300, "y" * 70_000, "é" * 200, "[bold]x",
    "nan", "inf", "-1", "1e999", "true", "null", "\ud800",
)  # fmt: skip
"""Names and texts that somebody might put into a file. A NUL and half of a surrogate pair cannot be everywhere."""
HOSTILE_NUMBERS: Final = (
    "0", "-0", "-1", "1", "NaN", "nan", ".nan", "Infinity", "-Infinity", "inf", "-.inf", "1e308", "-1e308", "1e-320",
    "1e400", "255", "256", "32768", "65535", "65536", "2147483647", "2147483648", "-2147483649", "4294967295",
    "4294967296", "9223372036854775807", "9223372036854775808", "-9223372036854775809", "18446744073709551616",
    "1" + "0" * 400,
    "9" * 5000, "0.1", "1e-9", "1e9", "1e18", "100000000", "true", "\"x\"", "[]", "{}", "", "0x7fffffff", "1_000",
)  # fmt: skip
"""Numbers as text; not all are numbers in all formats."""
