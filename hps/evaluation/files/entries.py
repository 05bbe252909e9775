"""The entries of a file's dictionary, each checked when it is asked for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from hps.errors import HpsError

Shape = tuple[int | None, ...]
"""None: any length."""


@dataclass(frozen=True, slots=True)
class Entries:
    """What a file holds, by name. Every error begins with `where`."""

    where: str
    content: Mapping[str, Any]

    def __contains__(self, name: str) -> bool:
        """Whether there is such an entry, and it holds something."""
        return self.content.get(name) is not None

    def value(self, *names: str) -> Any:
        """The first of some spellings that is there. Raises HpsError where none is."""
        for name in names:
            if name in self:
                return self.content[name]
        there = ", ".join(sorted(map(str, self.content))[:20]) or "nothing"
        raise HpsError(f"{self.where} has no {' or '.join(names)}; it has {there}")

    def within(self, name: str) -> Entries:
        """The entries of a dictionary within. Raises HpsError where it is none."""
        value = self.value(name)
        if not isinstance(value, Mapping):
            raise HpsError(f"{self.where}: {name} is a {type(value).__name__}, a dictionary was expected")
        return Entries(f"{self.where}: {name}", value)

    def items(self, name: str, count: int | None = None) -> list[Any]:
        """A list, of `count` entries where that is given. Raises HpsError for anything else."""
        value = self.value(name)
        if not isinstance(value, (list, tuple, np.ndarray)) or (isinstance(value, np.ndarray) and value.ndim == 0):
            raise HpsError(f"{self.where}: {name} is a {type(value).__name__}, a list was expected")
        if count is not None and len(value) != count:
            raise HpsError(f"{self.where}: {name} has {len(value)} entries, {count} were expected")
        return list(value)

    def texts(self, name: str, count: int) -> tuple[str, ...]:
        """A list of texts. Raises HpsError for another length."""
        return tuple(text_of(value) for value in self.items(name, count))

    def text(self, name: str, otherwise: str | None = None) -> str:
        """One text. Raises HpsError where there is none and nothing is said instead."""
        if name not in self and otherwise is not None:
            return otherwise
        return text_of(self.value(name))

    def number(self, name: str, otherwise: float | None = None) -> float:
        """One number. Raises HpsError where there is none and nothing is said instead."""
        if name not in self and otherwise is not None:
            return otherwise
        return float(numbers_of(self.value(name), f"{self.where}: {name}").reshape(-1)[:1].sum())

    def array(self, *names: str, shape: Shape | None = None) -> Float[np.ndarray, "..."]:
        """Numbers in float64, of a shape. Raises HpsError for anything else."""
        value = self.value(*names)
        name = next(name for name in names if name in self)
        return shaped(numbers_of(value, f"{self.where}: {name}"), shape, f"{self.where}: {name}")

    def rows(self, *names: str, count: int) -> Float[np.ndarray, "count columns"]:
        """Numbers of each of some rows, whatever shape a row has. Raises HpsError for another number of rows."""
        value = self.array(*names)
        if value.ndim == 0 or len(value) != count:
            raise HpsError(f"{self.where}: {names[0]} has shape {value.shape}, {count} rows were expected")
        return value.reshape(count, math.prod(value.shape[1:]))

    def column(self, name: str, count: int) -> Float[np.ndarray, "count"]:
        """One number of each of some rows. Raises HpsError for anything else."""
        value = self.rows(name, count=count)
        return shaped(value, (count, 1), f"{self.where}: {name}").reshape(count)

    def maybe(self, *names: str, shape: Shape | None = None) -> Float[np.ndarray, "..."] | None:
        """As `array`, None where there is no such entry."""
        return self.array(*names, shape=shape) if any(name in self for name in names) else None


def numbers_of(value: Any, what: str) -> Float[np.ndarray, "..."]:
    """Numbers in float64. Raises HpsError for texts, objects, and lists of unequal lengths."""
    try:
        array = np.asarray(value)
        if array.dtype == object:
            array = np.asarray(array.tolist(), np.float64)
    except (TypeError, ValueError, OverflowError):
        raise HpsError(f"{what} is a {type(value).__name__} that is not all numbers; obtain the file again") from None
    if array.dtype.kind not in "fiub":
        raise HpsError(f"{what} holds {array.dtype}, numbers were expected")
    return array.astype(np.float64)


def shaped(array: np.ndarray, shape: Shape | None, what: str) -> np.ndarray:
    """The array itself. Raises HpsError where it has another shape."""
    if shape is None or (
        array.ndim == len(shape) and all(a == b for a, b in zip(array.shape, shape, strict=True) if b is not None)
    ):
        return array
    wanted = "(" + ", ".join("any" if n is None else str(n) for n in shape) + ")"
    raise HpsError(f"{what} has shape {array.shape}, {wanted} was expected")


def text_of(value: Any) -> str:
    """A text, whether it is stored as text, as bytes or as an array of one."""
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.reshape(-1)[0]
    return value.decode("latin1") if isinstance(value, bytes) else str(value)


def whole(value: np.ndarray | float, what: str) -> np.ndarray:
    """Whole numbers. Raises HpsError for others."""
    array = np.asarray(value, np.float64)
    if not np.isfinite(array).all() or (array != np.rint(array)).any() or (np.abs(array) > 2**53).any():
        raise HpsError(f"{what} holds numbers that are not whole")
    return array.astype(np.int64)
