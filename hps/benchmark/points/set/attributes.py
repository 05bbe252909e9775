"""What results are told apart by, of every cloud of a data set: attributes.parquet beside its shards."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hps.benchmark.points.set.part_table import PartRow
from hps.benchmark.points.set.rarity import rarity_mm
from hps.errors import HpsError
from hps.synthesis.reading import SyntheticDataset
from hps.synthesis.sampling.clothes import attire_of
from hps.synthesis.scenes.files import FOLDER, read_tables
from hps.synthesis.scenes.rows import PersonRow

NAME: Final = "attributes.parquet"
LOOSE: Final = 0.5
"""Clothes are loose when the mean looseness of their garments (0 close to the body, 1 the loosest; shoes do not count)
is above this; skirts and dresses always are."""
WIDE: Final = ("skirt", "dress")
CHILD_YEARS: Final = 18.0
COLUMNS: Final = (
    "key", "scene", "frame", "actor", "person", "subject", "age_years", "height_m", "mass_kg", "motion", "body_pose",
    "points", "visible_share", "occluded_share", "cloth_mm",
)  # fmt: skip
GIVEN: Final = ("visible_share", "occluded_share", "cloth_mm")


def sample_key(cloud: str, actor: int) -> str:
    """Key of one person's cloud within a data set."""
    return f"{cloud}_a{actor:02d}"


def write_attributes(place: Path, row: PartRow) -> None:
    """Writes the file, whole or not at all. Raises HpsError for shards that cannot be read."""
    read = SyntheticDataset(place, row.split, ["clouds"]).table("clouds", COLUMNS).to_pydict()
    count = len(read["key"])
    tables = read_tables(place / FOLDER)
    furnished = {thing.scene for thing in tables.things}
    pose = rarity_mm(np.array(read["body_pose"], np.float64).reshape(count, -1))
    worn = {person.person: _clothing(person) for person in tables.people}
    low, high = row.config.cloud_mask_px
    mask = "true" if low == high == 0 else "eroded" if high <= 0 else "dilated" if low >= 0 else "either way"
    columns: dict[str, list[Any]] = {
        "key": [sample_key(key, actor) for key, actor in zip(read["key"], read["actor"])],
        "subject": read["subject"],
        "motion": read["motion"],
        "part": [row.part] * count,
        "points": [float(points) for points in read["points"]],
        **{name: [float(value) for value in read[name]] for name in GIVEN},
        "rarity_mm": pose.tolist(),
        "clothing": [worn[who] for who in read["person"]],
        "mask": [mask] * count,
        "clutter": ["furniture" if scene in furnished else "none" for scene in read["scene"]],
        "bmi": [mass / max(height, 1e-3) ** 2 for mass, height in zip(read["mass_kg"], read["height_m"])],
        "child": [float(age < CHILD_YEARS) for age in read["age_years"]],
        "age_years": [float(age) for age in read["age_years"]],
    }
    part = place / f".{NAME}.part{os.getpid()}"
    try:
        pq.write_table(pa.table(columns), part)
        part.replace(place / NAME)
    finally:
        part.unlink(missing_ok=True)


def _clothing(person: PersonRow) -> str:
    garments = [worn.loose for worn in attire_of(person).garments if worn.cut != "shoes"]
    return "loose" if person.wardrobe in WIDE or float(np.mean(garments)) > LOOSE else "tight"


def read_attributes(place: Path) -> dict[str, dict[str, float | str]]:
    """By key. Raises HpsError where the file is missing or damaged."""
    try:
        rows = pq.read_table(place / NAME).to_pylist()
        return {row.pop("key"): row for row in rows}
    except FileNotFoundError:
        raise HpsError(f"{place} is not finished: {NAME} is missing; make the set again, it goes on there") from None
    except (OSError, pa.ArrowException, KeyError) as error:
        raise HpsError(f"{place / NAME} is damaged ({error}); remove it and make the set again") from None
