"""Open pickles without running what is inside them: an allow-list for each purpose, and plain values at the end.

SMPL's official files (v1.0, v1.1) were written by Python 2 with chumpy arrays and scipy sparse matrices; data sets
store arrays, lists and dictionaries. Only the names of an `AllowList` are looked up, and what they become are the
stubs of `body.pickled_stubs`. The readable unpickler of the standard library is used, not the fast one: that one takes
memory for as many remembered objects as a damaged file claims.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np

from body.errors import BodyError
from body.pickled_stubs import (
    ChumpyArray,
    PickledArray,
    PickledDtype,
    RefusedError,
    SparseColumns,
    SparseMatrix,
    Stub,
    array_of_buffer,
    empty_array,
    scalar,
)

MOST_UNFOLDED: Final = 10_000_000
"""Values that a pickle may stand for by naming the same list again and again; more where it has as many bytes."""
_PLAIN: Final = frozenset({str, int, float, bool, bytes, type(None), complex, slice})


@dataclass(frozen=True, kw_only=True, slots=True)
class AllowList:
    """What a pickle may name, and what each name becomes: a `Stub` or a function that makes one."""

    needed_by: str
    """Whose pickles they are, in words: `body model`."""
    names: Mapping[tuple[str, str], Any]
    """By module and name."""
    modules: Mapping[str, type[Stub]] = field(default_factory=dict)
    """What every name of a top-level module becomes."""

    def find(self, module: str, name: str) -> Any:
        """What a name becomes. Raises RefusedError for one that is not listed."""
        if module.split(".")[0] in self.modules:
            return self.modules[module.split(".")[0]]
        if (module, name) not in self.names:
            raise RefusedError(f"it names {module}.{name}, which no {self.needed_by} needs")
        return self.names[module, name]

    def and_names(self, needed_by: str, names: Mapping[tuple[str, str], Any]) -> AllowList:
        """This list and some more names, for another purpose."""
        return AllowList(needed_by=needed_by, names={**self.names, **names}, modules=self.modules)


def _array_names() -> dict[tuple[str, str], Any]:
    names: dict[tuple[str, str], Any] = {("numpy", "ndarray"): PickledArray, ("numpy", "dtype"): PickledDtype}
    for core in ("numpy.core", "numpy._core"):
        names[f"{core}.multiarray", "_reconstruct"] = empty_array
        names[f"{core}.multiarray", "scalar"] = scalar
        names[f"{core}.numeric", "_frombuffer"] = array_of_buffer
    for builtins in ("__builtin__", "builtins"):
        names[builtins, "object"] = object
        names[builtins, "set"] = set
        names[builtins, "slice"] = slice
        names[builtins, "bytes"] = _no_bytes
    for registry in ("copy_reg", "copyreg"):
        names[registry, "_reconstructor"] = _reconstructor
    names["collections", "OrderedDict"] = dict
    names["_codecs", "encode"] = _encode
    return names


def _sparse_names() -> dict[tuple[str, str], Any]:
    return {
        (f"scipy.sparse.{module}", f"{module.strip('_')}_{kind}"): SparseColumns if "csc" in module else SparseMatrix
        for module in ("csr", "_csr", "csc", "_csc", "coo", "_coo")
        for kind in ("matrix", "array")
    }


def _reconstructor(cls: Any, base: Any, state: Any) -> Any:
    """As copyreg's, for the stubs only: old-style objects are created empty, their state follows."""
    if not (isinstance(cls, type) and issubclass(cls, Stub)) or base is not object:
        raise RefusedError(f"it builds an object of {cls!r}")
    return cls()


def _encode(text: str, encoding: str = "latin1") -> bytes:
    """As codecs.encode, for the one encoding that numpy's pickles use."""
    if encoding != "latin1":
        raise RefusedError(f"it holds text in the encoding {encoding!r}")
    return text.encode("latin1")


def _no_bytes() -> bytes:
    """As `bytes`, which protocol 2 calls for no bytes at all."""
    return b""


VALUES: Final = AllowList(needed_by="file of arrays and lists", names=_array_names())
"""Arrays, lists, dictionaries, texts and numbers."""
ANNOTATIONS: Final = AllowList(needed_by="file of annotations", names=_array_names(), modules={"chumpy": ChumpyArray})
"""The same, and chumpy's arrays, as fits of bodies leave them."""
BODY_MODEL: Final = AllowList(
    needed_by="body model", names={**_array_names(), **_sparse_names()}, modules={"chumpy": ChumpyArray}
)


class _Unpickler(pickle._Unpickler):
    """Knows the names of one list, and gives a state to stubs only."""

    stack: list[Any]
    read: Callable[[int], bytes]
    append: Callable[[Any], None]

    def __init__(self, content: bytes, allowed: AllowList) -> None:
        super().__init__(io.BytesIO(content), encoding="latin1")
        self.allowed, self.size = allowed, len(content)

    def find_class(self, module: str, name: str) -> Any:
        """What an allowed name becomes; an error for any other."""
        return self.allowed.find(module, name)

    def load_build(self) -> None:
        """Gives the object on the stack its state."""
        state = self.stack.pop()
        if not isinstance(self.stack[-1], Stub):
            raise RefusedError(f"it gives a state to a {type(self.stack[-1]).__name__}")
        self.stack[-1].__setstate__(state)

    def load_bytearray8(self) -> None:
        """Bytes that may be changed: no more of them than the file has."""
        size = int.from_bytes(self.read(8), "little")
        if size > self.size:
            raise pickle.UnpicklingError(f"{size} bytes of {self.size}")
        self.append(bytearray(self.read(size)))

    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = {
        **pickle._Unpickler.dispatch,
        pickle.BUILD[0]: load_build,
        pickle.BYTEARRAY8[0]: load_bytearray8,
    }


def read_pickled_values(content: bytes, where: str, allowed: AllowList = VALUES) -> Any:
    """The lists, dictionaries, arrays, texts and numbers of a pickle; `where` begins an error's sentence.

    Raises BodyError for a pickle that names anything that is not allowed, and for one that is cut short.
    """
    try:
        values = _Plain()(_Unpickler(content, allowed).load())
        _Unfolded(most=max(MOST_UNFOLDED, len(content))).check(values)
        return values
    except RefusedError as error:
        raise BodyError(f"{where} was not opened: {error}; use the file as its makers published it") from error
    except Exception as error:  # a damaged pickle can raise almost anything
        raise BodyError(f"{where} is not a whole pickle ({_line(error)}); obtain the file again") from error


def read_pickle_file(path: Path, allowed: AllowList = ANNOTATIONS) -> Any:
    """The content of a file, as `read_pickled_values` gives it. Raises BodyError as that does, and for no file."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BodyError(f"{path} cannot be read: {error.strerror or error}") from error
    return read_pickled_values(content, str(path), allowed)


def read_pickle(path: Path) -> dict[str, Any]:
    """The entries of a body pickle: arrays, sparse matrices (csr), texts and numbers.

    Entries of chumpy that are computed from others are left out. Raises BodyError for a pickle that names anything
    but arrays, that is cut short, or that is not a pickle of a dictionary.
    """
    content = read_pickle_file(path, BODY_MODEL)
    if not isinstance(content, dict):
        raise BodyError(f"{path} holds a {type(content).__name__}, a body model is a dictionary; check the file")
    return {str(key): value for key, value in content.items() if value is not None}


class _Plain:
    """Turns stubs within lists and dictionaries into what they stand for, each once."""

    def __init__(self) -> None:
        self.done: dict[int, Any] = {}
        self.kept: list[Any] = []
        """So that no identity is used twice."""

    def __call__(self, value: Any) -> Any:
        """The value with nothing in it but plain values. Raises RefusedError for what was named and never made."""
        if type(value) in _PLAIN or isinstance(value, (np.generic, bytearray)):
            return value
        if id(value) not in self.done:
            self.kept.append(value)
            self._make(value)
        return self.done[id(value)]

    def _make(self, value: Any) -> None:
        if isinstance(value, dict):
            whole: dict[Any, Any] = {}
            self.done[id(value)] = whole
            whole.update((self(key), self(entry)) for key, entry in value.items())
        elif isinstance(value, list):
            items: list[Any] = []
            self.done[id(value)] = items
            items.extend(map(self, value))
        elif isinstance(value, (tuple, set, frozenset)):
            self.done[id(value)] = type(value)(map(self, value))
        elif isinstance(value, Stub):
            self.done[id(value)] = value.plain(self)
        else:
            raise RefusedError(f"it holds a {type(value).__name__}")


class _Unfolded:
    """Counts the values of lists within lists, each as often as it is named: a small pickle can name 2^40 of them."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.counted: dict[int, int] = {}
        """By identity; 0 while its entries are counted."""

    def check(self, value: Any) -> int:
        """How many there are. Raises RefusedError for more than the most, and for a list within itself."""
        entries = _entries(value)
        if entries is None:
            return 1
        if id(value) not in self.counted:
            self.counted[id(value)] = 0
            self.counted[id(value)] = 1 + sum(map(self.check, entries))
        count = self.counted[id(value)]
        if count == 0:
            raise RefusedError("it holds a list that is within itself")
        if count > self.most:
            raise RefusedError(f"it names the same lists again and again, for more than {self.most} values")
        return count


def _entries(value: Any) -> Iterable[Any] | None:
    """What is within; None for what is no container."""
    if isinstance(value, dict):
        return chain(value, value.values())
    if isinstance(value, (list, tuple, set, frozenset)):
        return value
    if isinstance(value, np.ndarray) and value.dtype.hasobject:
        return value.reshape(-1).tolist()
    return None


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
