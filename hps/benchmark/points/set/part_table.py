"""The tables of the set: every choice and seed of each data set that it is made of, and the checksums to expect."""

from __future__ import annotations

import csv
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal, get_args

from hps.errors import HpsError
from hps.points.augmentation.plan import AugmentationPlan, load_plan
from hps.synthesis.config import SynthesisConfig
from hps.synthesis.production.dataset_file import validated_config
from hps.synthesis.scenes.rows import SPLITS

DATA: Final = Path(__file__).parent / "data"
PARTS_FILE: Final = DATA / "parts.csv"
VARIANTS_FILE: Final = DATA / "variants.csv"
OWN_COLUMNS: Final = ("name", "part", "split", "motions", "choices_sha256", "table_sha256")
Motions = Literal["library", "rare", "wide"]
MOTIONS: Final[tuple[Motions, ...]] = get_args(Motions)
SEVERAL: Final = ("shares", "sensors", "distance_m", "passes", "cloud_views", "cloud_mask_px")
"""Choices with several values, written with spaces between them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PartRow:
    """One data set of the set: a folder of shards, all of one split."""

    name: str
    """Of the folder."""
    part: str
    """What results are told apart by: kinect, iphone, far, …"""
    split: str
    motions: Motions
    """library: as `humanrig synthesize` draws them; rare and wide: see rare_motions.py and wide_motions.py."""
    config: SynthesisConfig
    choices_sha256: str
    """Checksum of whatever does not depend on rounding: see `table_digest`. Empty: not published."""
    table_sha256: str
    """Checksum of the scene tables as they were published, to the last bit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VariantRow:
    """Clouds of another data set of the set with something done to them, made when they are read."""

    name: str
    part: str
    split: str
    of: str
    """Name of the data set."""
    every: int
    """Every so many-th of its clouds."""
    plan: AugmentationPlan
    seed: int


def read_parts(split: str | None = None, path: Path = PARTS_FILE) -> tuple[PartRow, ...]:
    """The data sets of a split, or of all. Raises HpsError for an unknown split and a table that makes no sense."""
    _check_split(split)
    rows = []
    for number, values in enumerate(_rows(path, (*OWN_COLUMNS, *(field.name for field in fields(SynthesisConfig))))):
        own = {name: values.pop(name) for name in OWN_COLUMNS}
        chosen: dict[str, Any] = {name: v.split() if name in SEVERAL else v for name, v in values.items()}
        config = validated_config(chosen, f"{path.name} row {number + 1} ({own['name']})")
        motions = own.pop("motions")
        if motions not in MOTIONS:
            raise HpsError(f"{path.name} row {number + 1}: motions '{motions}'; use {' or '.join(MOTIONS)}")
        rows.append(PartRow(**own, motions=motions, config=config))
    _check_names([row.name for row in rows], path)
    return tuple(row for row in rows if split in (None, row.split))


@lru_cache(maxsize=4)
def read_variants(split: str | None = None, path: Path = VARIANTS_FILE) -> tuple[VariantRow, ...]:
    """The variants of a split, or of all. Raises as `read_parts` does."""
    _check_split(split)
    rows = []
    for values in _rows(path, tuple(field.name for field in fields(VariantRow))):
        plan = load_plan(values["plan"])
        numbers = {name: int(values[name]) for name in ("every", "seed")}
        rows.append(VariantRow(**{**values, **numbers, "plan": plan}))
    _check_names([row.name for row in rows], path)
    return tuple(row for row in rows if split in (None, row.split))


def write_parts(path: Path, rows: tuple[PartRow, ...]) -> None:
    """Writes a table that `read_parts` reads to the same rows."""
    names = [field.name for field in fields(SynthesisConfig)]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow((*OWN_COLUMNS, *names))
        for row in rows:
            own = [getattr(row, name) for name in OWN_COLUMNS]
            writer.writerow([*own, *(_text(getattr(row.config, name)) for name in names)])


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(_text(one) for one in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _rows(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise HpsError(f"{path} cannot be read ({error}); install the program again") from None
    for number, row in enumerate(rows):
        if set(row) != set(columns) or None in row.values():
            raise HpsError(f"{path.name} row {number + 1} must have the columns {', '.join(columns)}")
    return rows


def _check_split(split: str | None) -> None:
    if split is not None and split not in SPLITS:
        raise HpsError(f"there is no split '{split}'; the splits are {', '.join(SPLITS)}")


def _check_names(names: list[str], path: Path) -> None:
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise HpsError(f"{path.name} has {twice[0]} twice; every name belongs to one row")
