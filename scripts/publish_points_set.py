"""Writes into the benchmark's table the checksums of data sets as they were made, and says what changed.

    python scripts/publish_points_set.py FOLDER

FOLDER is one that `humanrig benchmark points --make FOLDER` made. Only rows whose scene tables lie there are changed.
Run it after a change that is meant to give other scenes; results on the former set are then no longer comparable.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from hps.benchmark.points.set.digests import choices_digest, compare
from hps.benchmark.points.set.part_table import PARTS_FILE, read_parts, write_parts
from hps.synthesis.sampling.disjoint import shared
from hps.synthesis.scenes.files import FOLDER, read_tables
from hps.synthesis.scenes.table import SceneTable


def main() -> None:
    """See the top of the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--check", action="store_true", help="only compare, and look for what splits share")
    arguments = parser.parse_args()
    rows, tables = [], {}
    for row in read_parts():
        scenes = arguments.folder / row.name / FOLDER
        if scenes.is_dir():
            tables[row.name] = table = read_tables(scenes)
            print(f"{row.name}: {len(table.scenes)} scenes, {compare(row, table).value}")
            row = replace(row, choices_sha256=choices_digest(table), table_sha256=table.digest)
        rows.append(row)
    if not arguments.check:
        write_parts(PARTS_FILE, tuple(rows))
    print("shared between splits:", {what: len(names) for what, names in shared(merged(tables)).items()})


def merged(tables: dict[str, SceneTable]) -> SceneTable:
    """All data sets as one, names of people and scenes made unique."""
    people, scenes, actors, cameras = [], [], [], []
    for name, table in tables.items():
        people += [replace(row, person=f"{name}/{row.person}") for row in table.people]
        scenes += [replace(row, scene=f"{name}/{row.scene}") for row in table.scenes]
        actors += [replace(row, scene=f"{name}/{row.scene}", person=f"{name}/{row.person}") for row in table.actors]
        cameras += [replace(row, scene=f"{name}/{row.scene}") for row in table.cameras]
    return SceneTable.of({"people": people, "scenes": scenes, "actors": actors, "cameras": cameras})


if __name__ == "__main__":
    main()
