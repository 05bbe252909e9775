"""Pickles that run code, that name the same list without end, or that claim more than they hold."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from fuzzing.faults.fault import HOSTILE_WORDS, Fault, Means


def calling(module: str, name: str, *values: str) -> bytes:
    """A pickle that calls a function by its name when it is opened as usual."""
    texts = b"".join(b"X" + struct.pack("<I", len(v.encode())) + v.encode() for v in values)
    return b"\x80\x02c" + f"{module}\n{name}\n".encode() + b"(" + texts + b"tR."


def _touch(module: str, name: str) -> Callable[[Path], bytes]:
    return lambda canary: calling(module, name, f"touch {canary / 'ran'}")


def _python(module: str, name: str) -> Callable[[Path], bytes]:
    return lambda canary: calling(module, name, f"open({str(canary / 'ran')!r}, 'w')")


HOSTILE_PICKLES: Final[tuple[Callable[[Path], bytes], ...]] = (
    _touch("os", "system"), _touch("posix", "system"), _touch("subprocess", "getoutput"),
    _touch("commands", "getoutput"),
    _python("builtins", "eval"), _python("__builtin__", "eval"), _python("builtins", "exec"),
    _python("numpy.testing._private.utils", "runstring"), _python("timeit", "timeit"), _python("cProfile", "run"),
    lambda canary: calling("builtins", "open", str(canary / "ran"), "w"),
    lambda canary: calling("pathlib", "Path.touch", str(canary / "ran")),
    lambda canary: calling("numpy", "fromfile", str(canary / "secret.txt")),
    lambda canary: calling("numpy", "save", str(canary / "ran"), "x"),
    lambda canary: calling("torch", "load", str(canary / "secret.txt")),
    lambda canary: calling("webbrowser", "open", "http://127.0.0.1:9/"),
    lambda canary: calling("codecs", "decode", "x", "zip"),
    lambda canary: calling("_codecs", "encode", "x", "zlib_codec"),
    lambda canary: calling("numpy.core.multiarray", "_reconstruct", "x", "y", "z"),
    lambda canary: calling("chumpy.ch", "MatVecMult", "x"),
    lambda canary: calling("scipy.sparse.csc", "csc_matrix", "x"),
)  # fmt: skip
BOMBS: Final = (
    b"\x80\x02]q\x00" + b"".join(b"]q%c(h%ch%ch%ch%ch%ch%ch%ch%ce" % (n + 1, *[n] * 8) for n in range(40)) + b".",
    b"\x80\x02" + b"(" * 100_000 + b"t" * 100_000 + b".",
    b"\x80\x02" + b"]" * 200_000 + b"a" * 199_999 + b".",
    b"\x80\x05\x96" + struct.pack("<Q", 1 << 40) + b"x.",
    b"\x80\x04\x8e" + struct.pack("<Q", 1 << 40) + b"x.",
    b"\x80\x04\x8d" + struct.pack("<Q", 1 << 62) + b"x.",
    b"\x80\x04\x95" + struct.pack("<Q", 1 << 62) + b"x.",
    b"\x80\x02r" + struct.pack("<I", 0xFFFF_FFFF) + b".",
    b"\x80\x02K\x01r" + struct.pack("<I", 0x7FFF_FFFF) + b".",
    b"\x80\x02\x8b" + struct.pack("<i", 100_000_000) + b"\xff" * 1000 + b".",
    b"\x80\x02I" + b"9" * 100_000 + b"\n.",
    b"\x80\xff.", b"cos\n", b".", b"0.", b"\x80\x02}q\x00h\x00h\x00s.", b"\x80\x04\x8f\x94h\x00\x90.",
)  # fmt: skip


def runs_code(data: bytes, means: Means) -> bytes:
    """One of the ways to call a function, alone or before the whole content."""
    hostile = means.one(HOSTILE_PICKLES)(means.canary)
    return hostile if means.rng.random() < 0.6 else hostile[:-1] + b"0" + data


def swells(data: bytes, means: Means) -> bytes:
    """Small, and stands for more than any memory holds."""
    return means.one(BOMBS)


def entry_changed(data: bytes, means: Means) -> bytes | None:
    """A whole pickle in which one value is of another kind or shape."""
    from body.errors import BodyError
    from body.pickles import ANNOTATIONS, read_pickled_values

    try:
        content = read_pickled_values(data, "", ANNOTATIONS)
    except BodyError:
        return None
    holder: Any = content
    while isinstance(holder, (dict, list)) and holder:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        key = means.one(keys)
        if isinstance(holder[key], (dict, list)) and holder[key] and means.rng.random() < 0.8:
            holder = holder[key]
            continue
        if means.rng.random() < 0.2:
            del holder[key]
        else:
            holder[key] = _another(holder[key], means)
        return pickle.dumps(content, protocol=means.one((0, 2, 4)))
    return pickle.dumps(_another(content, means), protocol=2)


def _another(value: Any, means: Means) -> Any:
    options: list[Any] = [
        None,
        True,
        -1,
        2**70,
        1e308,
        float("nan"),
        "",
        [],
        {},
        (),
        set(),
        b"x",
        [[1], [2, 3]],
        slice(None),
    ]
    options += [
        means.one(HOSTILE_WORDS),
        np.zeros(()),
        np.zeros((0, 3)),
        np.full((2, 2), np.nan),
        np.array([b"x", "y"]),
    ]
    if isinstance(value, np.ndarray):
        options += [value[None], value.reshape(-1)[: value.size // 2], value.astype(str), value.T, value.tolist()]
        if value.dtype.kind == "f":
            options += [value * np.nan, value * 1e30, value.astype(np.float16)]
    return options[means.below(len(options))]


PICKLED: Final[dict[str, tuple[Fault, ...]]] = {
    "pickles that run code": (runs_code,),
    "bombs": (swells,),
    "wrong kinds": (entry_changed,),
}
