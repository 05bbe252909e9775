"""The scene tables as files: DATASET/scenes/{people,scenes,actors,things,cameras}, each as Parquet or CSV."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Final, Literal, get_type_hints

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from hps.errors import HpsError
from hps.synthesis.scenes.rows import Row
from hps.synthesis.scenes.table import TABLES, SceneTable

FOLDER: Final = "scenes"
Kind = Literal["parquet", "csv"]
KINDS: Final[tuple[Kind, ...]] = ("parquet", "csv")
ARROW: Final[dict[type, pa.DataType]] = {str: pa.string(), int: pa.int64(), float: pa.float64()}
MEND_TABLES: Final = "mend the tables, or remove the folder scenes to draw all scenes anew"
WORDS: Final[dict[type, str]] = {str: "text", int: "a whole number", float: "a number"}


def columns_of(row: type[Row]) -> dict[str, type]:
    """Names and types of a table's columns, in order."""
    hints = get_type_hints(row)
    return {field.name: hints[field.name] for field in fields(row)}


def write_tables(folder: Path, table: SceneTable, kind: Kind = "parquet") -> tuple[Path, ...]:
    """Writes the five tables into a folder, each file whole or not at all; files of the other kind are removed."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, row in TABLES.items():
        path = folder / f"{name}.{kind}"
        part = path.with_name(f".{path.name}.part{os.getpid()}")
        try:
            _write(part, _arrow(getattr(table, name), row), kind)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        for other in KINDS:
            if other != kind:
                (folder / f"{name}.{other}").unlink(missing_ok=True)
        paths.append(path)
    return tuple(paths)


def _arrow(rows: Sequence[Row], row: type[Row]) -> pa.Table:
    columns = columns_of(row)
    arrays = [pa.array([getattr(r, name) for r in rows], ARROW[kind]) for name, kind in columns.items()]
    return pa.table(arrays, names=list(columns))


def _write(path: Path, table: pa.Table, kind: Kind) -> None:
    if kind == "parquet":
        pyarrow.parquet.write_table(table, path)
    else:
        pyarrow.csv.write_csv(table, path, pyarrow.csv.WriteOptions(quoting_style="needed"))


def read_tables(folder: Path) -> SceneTable:
    """The tables of a folder, Parquet or CSV or some of each. Raises HpsError, naming the first few faults, for files
    that are missing, there twice or damaged, and for columns that are missing, unknown, or of another type."""
    rows: dict[str, list[Any]] = {}
    faults: list[str] = []
    for name, row in TABLES.items():
        path = file_of(folder, name)
        found, wrong = read_rows(path, row)
        rows[name] = found
        faults += wrong
    if faults:
        raise HpsError(in_one(f"{folder}: the scene tables cannot be used", faults))
    return SceneTable.of(rows)


def file_of(folder: Path, name: str) -> Path:
    """The file of one table. Raises HpsError when there is none, or one of each kind."""
    there = [path for kind in KINDS if (path := folder / f"{name}.{kind}").is_file()]
    if not there:
        raise HpsError(f"{folder} has neither {name}.parquet nor {name}.csv; {MEND_TABLES}")
    if len(there) > 1:
        raise HpsError(f"{folder} has {name}.parquet and {name}.csv; remove the one that is out of date")
    return there[0]


def read_rows(path: Path, row: type[Row]) -> tuple[list[Any], list[str]]:
    """The rows of one file, and a sentence for each fault; rows with a fault are left out."""
    columns = columns_of(row)
    try:
        table = _read(path, columns)
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        return [], [f"{path.name}: cannot be read ({' '.join(str(error).split())}); {MEND_TABLES}"]
    names = table.column_names
    if faults := _wrong_columns(path.name, names, list(columns)):
        return [], faults
    faults, values = [], {}
    for name, kind in columns.items():
        values[name], wrong = _values(path.name, name, table.column(name).to_pylist(), kind)
        faults += wrong
    good = [
        row(**{name: values[name][index] for name in columns})
        for index in range(table.num_rows)
        if all(values[name][index] is not None for name in columns)
    ]
    return good, faults


def in_one(what: str, faults: Sequence[str], most: int = 5) -> str:
    """One message of many faults: the first few and their number."""
    more = f"; and {len(faults) - most} more" if len(faults) > most else ""
    count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
    return f"{what} ({count}): " + "; ".join(faults[:most]) + more


def _read(path: Path, columns: dict[str, type]) -> pa.Table:
    if path.suffix == ".parquet":
        return pyarrow.parquet.ParquetFile(path).read()
    # All columns as text: what is not a number is then found in its row, with its value.
    first = path.open(encoding="utf-8-sig").readline().strip("\r\n")
    names = [word.strip().strip('"') for word in first.split(",")]
    options = pyarrow.csv.ConvertOptions(
        column_types={name: pa.string() for name in (*names, *columns)}, strings_can_be_null=False
    )
    parse = pyarrow.csv.ParseOptions(newlines_in_values=False)
    return pyarrow.csv.read_csv(path, convert_options=options, parse_options=parse)


def _wrong_columns(file: str, names: list[str], expected: list[str]) -> list[str]:
    faults = [f"{file}: column '{name}' is there twice" for name in sorted({n for n in names if names.count(n) > 1})]
    missing = [name for name in expected if name not in names]
    extra = [name for name in names if name not in expected]
    if missing:
        faults.append(f"{file}: column '{missing[0]}' is missing" + _others(missing))
    if extra:
        faults.append(f"{file}: column '{extra[0]}' is unknown{_others(extra)}; the columns are {', '.join(expected)}")
    return faults


def _others(names: list[str]) -> str:
    return f", and {len(names) - 1} more" if len(names) > 1 else ""


def _values(file: str, column: str, found: list[Any], kind: type) -> tuple[list[Any], list[str]]:
    """Values of the right type, None for those that are not, and the faults."""
    values, faults = [], []
    for index, value in enumerate(found):
        right = _converted(value, kind)
        if right is None:
            shown = "nothing" if value in (None, "") else f"'{value}'"
            faults.append(f"{file} row {index + 1}: {column} is {shown}, not {WORDS[kind]}")
        values.append(right)
    return values, faults


def _converted(value: Any, kind: type) -> Any:
    if isinstance(value, bool) or value is None:
        return None
    if kind is str:
        return value if isinstance(value, str) else None
    if isinstance(value, str):
        try:
            return kind(value)
        except ValueError:
            return None
    if kind is int:
        return value if isinstance(value, int) else None
    return float(value) if isinstance(value, int | float) else None
