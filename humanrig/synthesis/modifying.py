"""A data set's tables with other cameras or clothes, in a folder of their own; the motions are shared."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

from hps.synthesis.production.dataset_file import NAME, read_dataset_file, write_dataset_file
from hps.synthesis.production.factory import BODIES
from hps.synthesis.sampling.cameras import on_open_floor
from hps.synthesis.sampling.modify import COLUMNS, Part, modify_scenes
from hps.synthesis.scenes.check import check
from hps.synthesis.scenes.files import FOLDER, read_tables, write_tables
from hps.synthesis.scenes.table import SceneTable
from humanrig.errors import HumanrigError

ORIGIN: Final = "modified.json"


def modify_dataset(
    source: Path, target: Path, what: Collection[Part], seed: int, on_progress: Callable[[int, int], None] | None = None
) -> SceneTable:
    """Writes the data set `target`: tables, motions (hard links where the disk allows) and choices, no shards yet.

    Raises HumanrigError when `target` exists, HpsError for a source that is damaged or makes no sense.
    """
    if target.exists():
        raise HumanrigError(f"{target} exists; choose another folder for the modified data set, or remove it")
    if not what:
        raise HumanrigError("nothing is to be changed; add --cameras, --clothing or both")
    info = read_dataset_file(source)
    table = read_tables(source / FOLDER)
    check(table, source / BODIES, open_floor=on_open_floor(info.config))
    changed = modify_scenes(table, what, seed, config=info.config, bodies=source / BODIES, on_progress=on_progress)
    part = target.with_name(f".{target.name}.part{os.getpid()}")
    try:
        (part / BODIES).mkdir(parents=True)
        for name in table.names:
            _link(source / BODIES / f"{name}.npz", part / BODIES / f"{name}.npz")
        write_tables(part / FOLDER, changed)
        origin = {
            "of_table_sha256": table.digest,
            "table_sha256": changed.digest,
            "columns": [column for one in sorted(what) for column in COLUMNS[one]],
            "seed": seed,
        }
        (part / ORIGIN).write_text(json.dumps(origin, indent=1) + "\n")
        write_dataset_file(part, info)
        part.rename(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    assert (target / NAME).is_file()
    return changed


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another disk, or one without links
        shutil.copyfile(source, target)
