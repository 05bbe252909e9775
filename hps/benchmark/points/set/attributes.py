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
from hps.synthesis.scenes.files import FOLDER, read_tables

NAME: Final = "attributes.parquet"
LOOSE_MM: Final = 15.0
"""Clothes are loose where a person's points lie farther than this from the skin, on average over the person's clouds:
about the upper third of the test split. Sensor noise and dirty masks count too."""
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
    furnished = {thing.scene for thing in read_tables(place / FOLDER).things}
    pose = rarity_mm(np.array(read["body_pose"], np.float64).reshape(count, -1))
    cloth = np.array(read["cloth_mm"], np.float64)
    person = np.array(read["person"])
    worn = {
        who: float(np.nanmean(cloth[person == who]))
        for who in np.unique(person)
        if np.isfinite(cloth[person == who]).any()
    }
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
        "clothing": ["loose" if worn.get(who, 0.0) > LOOSE_MM else "tight" for who in read["person"]],
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


def read_attributes(place: Path) -> dict[str, dict[str, float | str]]:
    """By key. Raises HpsError where the file is missing or damaged."""
    try:
        rows = pq.read_table(place / NAME).to_pylist()
        return {row.pop("key"): row for row in rows}
    except FileNotFoundError:
        raise HpsError(f"{place} is not finished: {NAME} is missing; make the set again, it goes on there") from None
    except (OSError, pa.ArrowException, KeyError) as error:
        raise HpsError(f"{place / NAME} is damaged ({error}); remove it and make the set again") from None
