"""A first look at a file: the names of what it holds, by which its kind is known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hps.errors import HpsError
from hps.evaluation.files.entries import Entries
from hps.evaluation.files.mat_files import mat_shapes
from hps.evaluation.files.npz_files import npz_names
from hps.evaluation.files.pandas_tables import TABLES, Table
from hps.evaluation.files.pickle_files import read_values

SUFFIXES: Final = (".pkl", ".npz", ".mat")


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What one sees of a file before it is taken for anything."""

    path: Path
    names: frozenset[str]
    """Of its entries, arrays or columns."""
    content: Any = None
    """Of a pickle, which can only be looked at as a whole: a dictionary or a `Table`."""

    @property
    def entries(self) -> Entries:
        """Of a pickled dictionary."""
        return Entries(str(self.path), self.content)


def look_at(path: Path) -> Look:
    """Raises HpsError for a file that is missing, damaged, or of no kind that holds people."""
    if not path.is_file():
        raise HpsError(f"there is no file {path}; check the path")
    suffix = path.suffix.lower()
    if suffix == ".pkl":
        content = read_values(path, TABLES)
        if not isinstance(content, dict):
            raise HpsError(f"{path} holds a {type(content).__name__}, a dictionary or a table was expected")
        named = content if isinstance(content, Table) else {str(key): value for key, value in content.items()}
        return Look(path=path, names=frozenset(named), content=named)
    if suffix == ".npz":
        names = npz_names(path)
        if not names:
            raise HpsError(f"{path} is no whole .npz with arrays; obtain the file again")
        return Look(path=path, names=names)
    if suffix == ".mat":
        return Look(path=path, names=frozenset(mat_shapes(path)))
    raise HpsError(f"{path} ends in '{path.suffix}'; files of people end in {', '.join(SUFFIXES)}")
