"""What stands in for the classes that a pickle names: it keeps their pickled state and becomes plain arrays at the end.

Nothing of a file reaches numpy's own unpickling. There a forged dtype could make bytes of the file into addresses of
objects; here a dtype is one of numbers, texts and objects, and an array is as large as its bytes.
"""

from __future__ import annotations

import math
import pickle
import re
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import scipy.sparse

Convert = Callable[[Any], Any]
"""Makes plain what a stub holds."""

_DTYPE: Final = re.compile(r"[<>|=]?(?:b1|\?|[iu][1248]|f(?:2|4|8|16)|c(?:8|16|32)|O[48]?|[SU]\d{1,9})")
_HIGHEST_CODE: Final = 0x10FFFF
"""Of Unicode."""


class RefusedError(pickle.UnpicklingError):
    """The pickle asks for something that its purpose does not need."""


class Stub:
    """Stands in for an object: its arguments are forgotten, its state is kept."""

    state: Any = None

    def __init__(self, *arguments: Any) -> None:
        del arguments

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def plain(self, convert: Convert) -> Any:
        """The value that it stands for."""
        raise NotImplementedError

    def entry(self, *keys: str) -> Any:
        """The first of some entries that the state has; None where it has none of them."""
        if not isinstance(self.state, dict):
            return None
        return next((self.state[key] for key in keys if self.state.get(key) is not None), None)


class PickledDtype(Stub):
    """A dtype of numbers, texts or objects."""

    def __init__(self, text: Any = "", *arguments: Any) -> None:
        super().__init__(*arguments)
        self.text = text

    def plain(self, convert: Convert) -> np.dtype:
        """The dtype in its own byte order. Raises RefusedError for any other."""
        state = self.state if isinstance(self.state, tuple) else (3, "|", None, None, None)
        if not isinstance(self.text, str) or not _DTYPE.fullmatch(self.text):
            raise RefusedError(f"it holds an array of {str(self.text)[:40]!r}, which is neither numbers nor texts")
        if any(part is not None for part in state[2:5]):
            raise RefusedError("it holds an array of records")
        order = state[1] if len(state) > 1 else "|"
        dtype = np.dtype(self.text)
        return dtype.newbyteorder(order) if order in ("<", ">") else dtype


class PickledArray(Stub):
    """A numpy array."""

    def plain(self, convert: Convert) -> np.ndarray:
        """The array, its bytes in the machine's order. Raises RefusedError where bytes and shape do not agree."""
        if not isinstance(self.state, tuple) or len(self.state) not in (4, 5):
            raise RefusedError("it holds an array without its content")
        shape, stub, fortran, data = self.state[-4:]
        if not isinstance(stub, PickledDtype) or not _is_shape(shape):
            raise RefusedError(f"it holds an array of the shape {str(shape)[:60]}")
        dtype = stub.plain(convert)
        if dtype.hasobject:
            return _objects(data, shape, bool(fortran), convert)
        return numbers(data, dtype, shape, bool(fortran))


def numbers(data: Any, dtype: np.dtype, shape: tuple[int, ...], fortran: bool) -> np.ndarray:
    """An array of its bytes. Raises RefusedError where there are more or fewer than the shape needs."""
    raw = data.encode("latin1") if isinstance(data, str) else data
    if not isinstance(raw, (bytes, bytearray)) or len(raw) != math.prod(shape) * dtype.itemsize:
        raise RefusedError(f"it holds an array of {shape} {dtype} in {_size(raw)}")
    if not len(raw):
        return np.zeros(shape, dtype.newbyteorder("="))
    if dtype.kind == "b":
        flat = np.frombuffer(raw, np.uint8) != 0
    else:
        flat = np.frombuffer(raw, dtype).astype(dtype.newbyteorder("="))
    if dtype.kind == "U" and flat.view(np.uint32).max() > _HIGHEST_CODE:
        raise RefusedError("it holds a text that is none")
    return flat.reshape(shape, order="F" if fortran else "C")


def _objects(data: Any, shape: tuple[int, ...], fortran: bool, convert: Convert) -> np.ndarray:
    if not isinstance(data, list) or len(data) != math.prod(shape):
        raise RefusedError(f"it holds an array of {shape} objects in {_size(data)}")
    flat = np.empty(len(data), object)
    for place, value in enumerate(data):
        flat[place] = convert(value)
    return flat.reshape(shape, order="F" if fortran else "C")


def _is_shape(shape: Any) -> bool:
    return isinstance(shape, tuple) and len(shape) <= 32 and all(type(n) is int and n >= 0 for n in shape)


def _size(data: Any) -> str:
    return f"{len(data)} entries" if isinstance(data, (bytes, bytearray, list)) else f"a {type(data).__name__}"


class _BufferArray(PickledArray):
    """An array whose axes were in another order in memory."""

    axes: tuple[int, ...] | None = None

    def plain(self, convert: Convert) -> np.ndarray:
        """The array with its axes where they belong."""
        array = super().plain(convert)
        return array if self.axes is None else np.ascontiguousarray(array.transpose(self.axes))


def array_of_buffer(buffer: Any, dtype: Any, shape: Any, order: Any, axes: Any = None) -> PickledArray:
    """As numpy's `_frombuffer`, which protocol 5 calls."""
    array = _BufferArray()
    array.state = (shape, dtype, order == "F", buffer)
    array.axes = None if axes is None else tuple(axes)
    return array


def empty_array(*arguments: Any) -> PickledArray:
    """As numpy's `_reconstruct`: the state follows."""
    return PickledArray(*arguments)


def scalar(dtype: Any, data: Any = None) -> Any:
    """As numpy's `scalar`."""
    if not isinstance(dtype, PickledDtype):
        raise RefusedError("it holds a number without its dtype")
    kind = dtype.plain(lambda value: value)
    return data if kind.hasobject else numbers(data, kind, (), False)[()]


class ChumpyArray(Stub):
    """Stands in for any class of chumpy; becomes the wrapped array, None for a node computed from others."""

    def plain(self, convert: Convert) -> np.ndarray | None:
        """The wrapped array."""
        value = convert(self.entry("x", "_x", "a"))
        return None if value is None or isinstance(value, dict) else np.asarray(value)


class SparseMatrix(Stub):
    """Stands in for scipy's matrices by row or of triples, of any version."""

    def plain(self, convert: Convert) -> scipy.sparse.csr_array | None:
        """By row; None without content."""
        data, shape = convert(self.entry("data")), self.entry("_shape", "shape")
        if data is None or shape is None:
            return None
        if self.entry("indptr") is not None:
            return self._compressed(scipy.sparse.csr_array, data, shape, convert).tocsr()
        places = convert(self.entry("coords")) or (convert(self.entry("row")), convert(self.entry("col")))
        return None if places[0] is None else scipy.sparse.coo_array((data, places), shape=shape).tocsr()

    def _compressed(self, kind: Any, data: Any, shape: Any, convert: Convert) -> Any:
        matrix = kind((data, convert(self.entry("indices")), convert(self.entry("indptr"))), shape=shape)
        matrix.check_format(full_check=True)
        return matrix


class SparseColumns(SparseMatrix):
    """Stands in for scipy's matrices by column."""

    def plain(self, convert: Convert) -> scipy.sparse.csr_array | None:
        """By row; None without content."""
        data, shape = convert(self.entry("data")), self.entry("_shape", "shape")
        if data is None or shape is None or self.entry("indptr") is None:
            return None
        return self._compressed(scipy.sparse.csc_array, data, shape, convert).tocsr()
