"""Tables that pandas pickled, opened without pandas: the columns as lists.

pandas stores blocks of columns of one dtype, (columns, rows) each, and which columns a block is. Until 1.2 a block is a
dictionary in the state of the manager, afterwards an object of its own; pandas 3 stores texts as arrays of its own.
The layouts were taken from tables that pandas 0.24, 1.0, 1.1, 1.2, 1.3, 1.5, 2.2 and 3.1 wrote.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

from body.pickled_stubs import Convert, PickledArray, RefusedError, Stub
from body.pickles import ANNOTATIONS
from hps.errors import HpsError
from hps.evaluation.files.pickle_files import read_values


class _Kept(Stub):
    """Keeps its arguments too."""

    arguments: tuple[Any, ...] = ()

    def __init__(self, *arguments: Any) -> None:
        super().__init__()
        self.arguments = arguments


class _Index(_Kept):
    """Names of columns; the rows' are not needed."""

    def plain(self, convert: Convert) -> list[Any]:
        """The names; none for a range."""
        about = self.arguments[1] if len(self.arguments) > 1 else None
        names = convert(about.get("data")) if isinstance(about, dict) else None
        return [] if names is None else list(names)


class _IndexClass(Stub):
    """A class of indices: only named, never made."""

    def plain(self, convert: Convert) -> None:
        """Nothing."""


class _Block(_Kept):
    """Values of some columns, which columns, and the number of axes."""

    def plain(self, convert: Convert) -> tuple[Any, Any]:
        """Values and places."""
        if len(self.arguments) != 3:
            raise RefusedError(f"a block of its table has {len(self.arguments)} parts")
        return convert(self.arguments[0]), convert(self.arguments[1])


class _BlockMaker(_Kept):
    """pandas 1.3's way to a block: `functools.partial` of its maker, called with values and places."""

    def __call__(self, *arguments: Any) -> _Block:
        """The block. Raises RefusedError for a partial of anything else."""
        if self.arguments != (_new_block,):
            raise RefusedError("it calls a function of its own")
        return _Block(*arguments, 2)


def _new_block(*arguments: Any) -> _Block:
    return _Block(*arguments)


class _Texts(_Kept):
    """An array of texts: its state is (dtype, array) or (dtype, array, attributes)."""

    def plain(self, convert: Convert) -> np.ndarray:
        """The texts; where one is missing, NaN or None."""
        parts = self.state if isinstance(self.state, tuple) else ()
        found = [part for part in parts if isinstance(part, PickledArray)]
        if len(found) != 1:
            raise RefusedError("it holds texts without their array")
        return convert(found[0])


class _Manager(_Kept):
    """The blocks and the names of the columns."""

    def plain(self, convert: Convert) -> dict[str, list[Any]]:
        """The columns by name."""
        if len(self.arguments) >= 2:
            blocks, axes = [convert(b) for b in self.arguments[0]], self.arguments[1]
        else:
            state = self.state if isinstance(self.state, tuple) else ()
            inner = state[3].get("0.14.1") if len(state) == 4 and isinstance(state[3], dict) else None
            if not isinstance(inner, dict):
                raise RefusedError("its table is of a pandas that is not known")
            blocks = [(convert(b["values"]), convert(b["mgr_locs"])) for b in inner["blocks"]]
            axes = inner["axes"]
        names = convert(axes[0])
        if not isinstance(names, list):
            raise RefusedError("its table has no names of columns")
        return _columns(names, blocks)


def _columns(names: list[Any], blocks: list[tuple[Any, Any]]) -> dict[str, list[Any]]:
    columns: dict[int, list[Any]] = {}
    for values, where in blocks:
        places = range(len(names))[where] if isinstance(where, slice) else np.asarray(where).reshape(-1).tolist()
        block = np.asarray(values)
        block = block[None] if block.ndim == 1 else block
        if block.ndim != 2 or len(block) != len(places):
            raise RefusedError(f"a block of its table has shape {block.shape} for {len(places)} columns")
        columns.update((place, list(row)) for place, row in zip(places, block))
    if sorted(columns) != list(range(len(names))) or len({len(column) for column in columns.values()}) > 1:
        raise RefusedError(f"its table has {len(names)} names, and blocks of columns {sorted(columns)}")
    return {str(name): columns[place] for place, name in enumerate(names)}


class _Frame(Stub):
    """The table."""

    def plain(self, convert: Convert) -> Table:
        """Its columns."""
        manager = self.entry("_mgr", "_data")
        if not isinstance(manager, _Manager):
            raise RefusedError("it holds a table without content")
        return Table(convert(manager))


class Table(dict[str, list[Any]]):
    """Columns by name, all of one length."""

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(next(iter(self.values()), []))


_INDICES: Final = ("Index", "RangeIndex", "Int64Index", "Float64Index", "UInt64Index")
TABLES: Final = ANNOTATIONS.and_names(
    "table of annotations",
    {
        **{(module, "DataFrame"): _Frame for module in ("pandas.core.frame", "pandas")},
        **{
            (module, "BlockManager"): _Manager
            for module in ("pandas.core.internals.managers", "pandas.core.internals", "pandas._libs.internals")
        },
        ("pandas._libs.internals", "_unpickle_block"): _Block,
        ("pandas.core.internals.blocks", "new_block"): _new_block,
        ("functools", "partial"): _BlockMaker,
        ("pandas.core.indexes.base", "_new_Index"): _Index,
        ("pandas.indexes.base", "_new_Index"): _Index,
        **{
            (module, name): _IndexClass
            for module in (
                "pandas", "pandas.core.indexes.base", "pandas.core.indexes.range", "pandas.core.indexes.numeric",
                "pandas.indexes.base", "pandas.indexes.range", "pandas.indexes.numeric",
            )
            for name in _INDICES
        },
        ("pandas._libs.arrays", "__pyx_unpickle_NDArrayBacked"): _Texts,
        **{
            (module, name): kind
            for module in ("pandas", "pandas.arrays", "pandas.core.arrays.string_")
            for name, kind in (("StringArray", _IndexClass), ("StringDtype", _IndexClass))
        },
    },
)  # fmt: skip
"""What a table of pandas may name."""


def read_table(path: Path) -> Table:
    """The columns of a pickled table. Raises HpsError for a pickle of anything else, and as `read_values` does."""
    content = read_values(path, TABLES)
    if not isinstance(content, Table):
        raise HpsError(f"{path} holds a {type(content).__name__}, a table of pandas was expected; check the file")
    return content
