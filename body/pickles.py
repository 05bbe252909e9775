"""Open SMPL's official pickles without chumpy and without running what is inside them.

The official files (v1.0, v1.1) were written by Python 2 with chumpy arrays and scipy sparse matrices. Only the names
listed here are looked up; chumpy's classes are replaced by a stub that keeps the pickled state. Nothing else of numpy
is admitted: some of its public functions execute text.
"""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

from body.errors import BodyError


class _RefusedError(pickle.UnpicklingError):
    """The pickle asks for something that no body model needs."""


class ChumpyArray:
    """Stands in for any class of chumpy: keeps the pickled state."""

    def __init__(self, *arguments: Any) -> None:
        self.state: dict[str, Any] = {}

    def __setstate__(self, state: Any) -> None:
        self.state = state if isinstance(state, dict) else {}

    def values(self) -> np.ndarray | None:
        """The wrapped array; None where the state holds none (a computed node)."""
        for key in ("x", "_x", "a"):
            value = self.state.get(key)
            if isinstance(value, ChumpyArray):
                return value.values()
            if value is not None and not isinstance(value, dict):
                return np.asarray(value)
        return None


class _SparseMatrix:
    """Stands in for scipy's sparse matrices of any version."""

    def __init__(self, *arguments: Any) -> None:
        self.state: dict[str, Any] = {}

    def __setstate__(self, state: Any) -> None:
        self.state = state if isinstance(state, dict) else {}

    def values(self) -> scipy.sparse.csr_array | None:
        data, shape = self.state.get("data"), self.state.get("_shape", self.state.get("shape"))
        if data is None or shape is None:
            return None
        if "indptr" in self.state:
            return scipy.sparse.csr_array((data, self.state["indices"], self.state["indptr"]), shape=shape)
        if "row" in self.state:
            return scipy.sparse.coo_array((data, (self.state["row"], self.state["col"])), shape=shape).tocsr()
        return None


class _SparseColumns(_SparseMatrix):
    def values(self) -> scipy.sparse.csr_array | None:
        if "indptr" not in self.state:
            return None
        triple = (self.state["data"], self.state["indices"], self.state["indptr"])
        return scipy.sparse.csc_array(triple, shape=self.state.get("_shape", self.state.get("shape"))).tocsr()


def _names() -> dict[tuple[str, str], Any]:
    """Everything a body pickle may name, and what it becomes."""
    multiarray = np._core.multiarray  # type: ignore[attr-defined]
    names: dict[tuple[str, str], Any] = {("numpy", "ndarray"): np.ndarray, ("numpy", "dtype"): np.dtype}
    for core in ("numpy.core.multiarray", "numpy._core.multiarray"):
        names[core, "_reconstruct"] = multiarray._reconstruct
        names[core, "scalar"] = multiarray.scalar
    for core in ("numpy.core.numeric", "numpy._core.numeric"):
        names[core, "_frombuffer"] = np._core.numeric._frombuffer  # type: ignore[attr-defined]
    for module in ("csr", "_csr", "csc", "_csc", "coo", "_coo"):
        kind = module.strip("_")
        for name in (f"{kind}_matrix", f"{kind}_array"):
            names[f"scipy.sparse.{module}", name] = _SparseColumns if kind == "csc" else _SparseMatrix
    for builtins in ("__builtin__", "builtins"):
        names[builtins, "object"] = object
        names[builtins, "set"] = set
    for registry in ("copy_reg", "copyreg"):
        names[registry, "_reconstructor"] = _reconstructor
    names["collections", "OrderedDict"] = dict
    names["_codecs", "encode"] = _encode
    return names


def _reconstructor(cls: Any, base: Any, state: Any) -> Any:
    """As copyreg's, for the stubs only: old-style objects are created empty, their state follows."""
    if cls not in (ChumpyArray, _SparseMatrix, _SparseColumns) or base is not object:
        raise _RefusedError(f"it builds an object of {cls!r}")
    return cls()


def _encode(text: str, encoding: str = "latin1") -> bytes:
    """As codecs.encode, for the one encoding that numpy's pickles use."""
    if encoding != "latin1":
        raise _RefusedError(f"it holds text in the encoding {encoding!r}")
    return text.encode("latin1")


class _Unpickler(pickle.Unpickler):
    """Knows the listed names only."""

    allowed = _names()

    def find_class(self, module: str, name: str) -> Any:
        """The object of an allowed name; an error for any other."""
        if module.split(".")[0] == "chumpy":
            return ChumpyArray
        if (module, name) not in self.allowed:
            raise _RefusedError(f"it names {module}.{name}, which no body model needs")
        return self.allowed[module, name]


def read_pickle(path: Path) -> dict[str, Any]:
    """The entries of a body pickle: arrays, sparse matrices (csr), texts and numbers.

    Entries of chumpy that are computed from others are left out. Raises BodyError for a pickle that names anything
    but arrays, that is cut short, or that is not a pickle of a dictionary.
    """
    try:
        with path.open("rb") as file:
            content = _Unpickler(file, encoding="latin1").load()
    except _RefusedError as error:
        raise BodyError(f"{path} was not opened: {error}; use the file as its makers published it") from error
    except OSError as error:
        raise BodyError(f"{path} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # a damaged pickle can raise almost anything
        raise BodyError(f"{path} is not a whole pickle ({error}); obtain the file again") from error
    if not isinstance(content, dict):
        raise BodyError(f"{path} holds a {type(content).__name__}, a body model is a dictionary; check the file")
    entries = {str(key): _plain(value) for key, value in content.items()}
    return {key: value for key, value in entries.items() if value is not None}


def read_pickled_values(content: bytes, where: str) -> Any:
    """The lists, dictionaries, arrays, texts and numbers of a pickle; `where` begins an error's sentence.

    Raises BodyError for a pickle that names anything else, and for one that is cut short.
    """
    try:
        return _Unpickler(io.BytesIO(content), encoding="latin1").load()
    except _RefusedError as error:
        raise BodyError(f"{where} was not opened: {error}") from error
    except Exception as error:  # a damaged pickle can raise almost anything
        raise BodyError(f"{where} is not a whole pickle ({error}); obtain the file again") from error


def _plain(value: Any) -> Any:
    return value.values() if isinstance(value, (ChumpyArray, _SparseMatrix)) else value
