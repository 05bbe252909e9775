"""Faults of arrays: other shapes and kinds, numbers that are none, and Python objects in their place."""

from __future__ import annotations

import io
from typing import Any, Final

import numpy as np

from fuzzing.faults.fault import HOSTILE_WORDS, Fault, Means
from fuzzing.faults.pickled import HOSTILE_PICKLES

DTYPES: Final = (
    "f8",
    ">f4",
    "f2",
    "i8",
    "u8",
    "i1",
    "u1",
    "?",
    "c16",
    "U5",
    "S3",
    "M8[ns]",
    "m8[s]",
    "V7",
    "i2",
    "u2",
    "f4",
)
HUGE: Final = ("(1000000000000,)", "(2147483648, 2147483648)", "(-1,)", "(-3, 4)", "(0,)", "()", "(1,) * 40", "(1e9,)",
               "(9223372036854775807,)", "(3, 0, 2**40)", "(True, 5)", "(100000000, 3)", "('a',)")  # fmt: skip
HEADERS: Final = (
    "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
    "{'descr': '<U2000000000', 'fortran_order': False, 'shape': (1,), }",
    "{'descr': [('a', '<f8'), ('b', '|O')], 'fortran_order': False, 'shape': (2,), }",
    "{'descr': '<f8', 'fortran_order': False, 'shape': __import__('os').system('touch ran'), }",
    "{'descr': ('<f8', (100000, 100000)), 'fortran_order': False, 'shape': (1,), }",
    "{'descr': '<f0', 'fortran_order': False, 'shape': (5,), }",
    "{" * 5000,
    "(" * 200_000,
)


def with_header(header: str, body: bytes, version: int = 1) -> bytes:
    """An array file that says what it likes."""
    text = header.encode("latin1", "replace") + b"\n"
    size = len(text).to_bytes(2, "little") if version == 1 and len(text) < 65536 else len(text).to_bytes(4, "little")
    return b"\x93NUMPY" + bytes([1 if len(size) == 2 else 2, 0]) + size + text + body


def header_changed(data: bytes, means: Means) -> bytes | None:
    """It says that it is of another shape, another kind, larger than any memory, or Python objects."""
    array = loaded(data)
    if array is None:
        return None
    body = array.tobytes()
    kind = means.below(3)
    if kind == 0:
        shape, descr = means.one(HUGE), np.lib.format.dtype_to_descr(array.dtype)
        return with_header(f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}, }}", body)
    if kind == 1:
        flag = means.one(("True", "False", "1", "None"))
        return with_header(
            f"{{'descr': '<{means.one(DTYPES)}', 'fortran_order': {flag}, 'shape': {array.shape}, }}", body
        )
    return with_header(means.one(HEADERS), body, means.one((1, 2)))


def objects(data: bytes, means: Means) -> bytes:
    """A pickle in place of numbers, which would run code."""
    return with_header(
        "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", means.one(HOSTILE_PICKLES)(means.canary)
    )


def numbers_changed(data: bytes, means: Means) -> bytes | None:
    """Some values are at an edge."""
    array = loaded(data)
    if array is None or not array.size:
        return None
    array = np.array(array)
    flat = array.reshape(-1)
    places = means.rng.integers(array.size, size=means.one((1, 3, array.size)))
    if array.dtype.kind == "f":
        flat[places] = means.one((np.nan, np.inf, -np.inf, 1e30, -1e30, 0.0, 1e-40))
    elif array.dtype.kind in "iu":
        info = np.iinfo(array.dtype)
        flat[places] = means.one((info.min, info.max, 0, 1, info.max // 2))
    elif array.dtype.kind == "b":
        flat[places] = ~flat[places]
    elif array.dtype.kind in "US":
        word = means.one(HOSTILE_WORDS).replace("\ud800", "?")
        word = word if array.dtype.kind == "U" else word.encode()  # pyright: ignore[reportAssignmentType]
        array = np.full(array.shape, word)
    return saved(array)


def shape_changed(data: bytes, means: Means) -> bytes | None:
    """A whole array of another shape or kind."""
    array = loaded(data)
    if array is None:
        return None
    kind = means.below(7)
    changed: Any
    if kind == 0:
        changed = array[..., :0] if array.ndim else array.reshape(1)
    elif kind == 1:
        changed = array[None]
    elif kind == 2:
        changed = array.reshape(-1)[: max(1, array.size // 2)]
    elif kind == 3 and array.ndim:
        changed = np.concatenate([array, array])
    elif kind == 4:
        changed = array.T
    elif kind == 5:
        changed = np.zeros(())
    else:
        with np.errstate(all="ignore"):
            try:
                changed = array.astype(means.one(DTYPES))
            except (ValueError, TypeError):
                changed = np.array(["x"])
    return saved(np.asarray(changed))


def loaded(data: bytes) -> np.ndarray | None:
    """The array of a whole file; None for anything else."""
    try:
        return np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError, OSError, SyntaxError):
        return None


def saved(array: np.ndarray) -> bytes:
    """As a file."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.ascontiguousarray(array).reshape(array.shape), allow_pickle=False)
    return buffer.getvalue()


NPY: Final[dict[str, tuple[Fault, ...]]] = {
    "lengths and sizes": (header_changed,),
    "wrong kinds": (shape_changed,),
    "NaN and extremes": (numbers_changed,),
    "pickles that run code": (objects,),
}
