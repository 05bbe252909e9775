"""Actions of another catalogue, as CSV or TOML, added to one's own."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from capture.catalogue.actions import (
    ACTIONS_FILE,
    LIMBS,
    Action,
    action_of,
    actions_of_file,
    unique,
    write_actions,
)
from capture.errors import CaptureError
from capture.rig.toml_tables import meant

COLUMNS = ("id", "name", *LIMBS, "prompts", "seconds")
"""Of a CSV file; `id` and `name` must be there. Several prompts of one action are separated by |."""


def import_actions(source: Path, folder: Path, *, replace: bool = False) -> list[Action]:
    """Adds the actions of a .csv or .toml file to `folder/actions.toml`; returns those that were added.

    Raises CaptureError, having changed nothing, when the file is wrong, or has a number that the catalogue already has
    with other words and `replace` is not given.
    """
    source = Path(source)
    added = _actions_of_csv(source) if source.suffix.lower() == ".csv" else actions_of_file(source)
    path = folder / ACTIONS_FILE
    own = {action.id: action for action in actions_of_file(path)} if path.exists() else {}
    for action in added:
        if action.id in own and own[action.id] != action and not replace:
            raise CaptureError(
                f"{source}: action {action.id} '{action.name}' is '{own[action.id].name}' in {path}; "
                "give it another number, or --replace"
            )
    write_actions(folder, sorted({**own, **{action.id: action for action in added}}.values(), key=lambda a: a.id))
    return added


def _actions_of_csv(path: Path) -> list[Action]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return unique(_rows(path, csv.DictReader(file)), path)
    except FileNotFoundError:
        raise CaptureError(f"there is no {path}; give a .csv with the columns {', '.join(COLUMNS)}") from None
    except OSError as error:
        raise CaptureError(f"{path} cannot be read ({error.strerror}); correct its permissions or its name") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise CaptureError(f"{path} is not a CSV file in UTF-8 ({error}); export it again") from None


def _rows(path: Path, reader: csv.DictReader[str]) -> Iterator[Action]:
    columns = list(reader.fieldnames or ())
    for column in columns:
        if column not in COLUMNS:
            raise CaptureError(f"{path}: there is no column '{column}'; {meant(column, COLUMNS)}")
    for column in ("id", "name"):
        if column not in columns:
            raise CaptureError(f"{path} lacks the column '{column}'; it needs id and name, and may have {COLUMNS[2:]}")
    rows = 0
    for row in reader:
        rows += 1
        where = f"{path}: line {reader.line_num}"
        if None in row or None in row.values():
            raise CaptureError(f"{where} has another number of cells than the first line; put texts with , in quotes")
        yield action_of(_table(row, where), where)
    if not rows:
        raise CaptureError(f"{path} has no action below its first line; add one line for each")


def _table(row: dict[str, str], where: str) -> dict[str, Any]:
    table: dict[str, Any] = {key: cell.strip() for key, cell in row.items() if cell.strip()}
    for key, kind in (("id", int), ("seconds", float)):
        if key in table:
            try:
                table[key] = kind(table[key])
            except ValueError:
                raise CaptureError(f"{where}: {key} is '{table[key]}'; write a number") from None
    if "prompts" in table:
        table["prompts"] = tuple(part.strip() for part in table["prompts"].split("|") if part.strip())
    return table
