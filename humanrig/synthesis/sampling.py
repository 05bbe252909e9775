"""The tables of a data set alone, without shards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from body.loading import load_body_model
from hps.synthesis.production.claims import Claims
from hps.synthesis.production.dataset_file import NAME, read_dataset_file
from hps.synthesis.production.factory import BODIES
from hps.synthesis.sampling.cameras import on_open_floor
from hps.synthesis.scenes.check import check
from hps.synthesis.scenes.files import FOLDER, file_of, read_tables
from hps.synthesis.scenes.table import TABLES, SceneTable
from humanrig.errors import HumanrigError
from humanrig.synthesis.dataset_folder import check_folder, open_dataset, remove_empty
from humanrig.synthesis.left_over import clear_left_over
from humanrig.synthesis.synthesis import Bar, sampled_table


def sample_dataset(
    folder: Path, wishes: dict[str, Any], *, workers: int | None, bar: Bar, on_said: Callable[[str], None]
) -> SceneTable:
    """Draws the scenes of a data set, or reads and checks them where they are there. Raises as `synthesize_dataset`."""
    if workers is not None and workers < 1:
        raise HumanrigError(f"--workers {workers}: at least one process is needed; leave it out for one per processor")
    check_folder(folder)
    new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    with Claims(folder) as claims, claims.whole(lambda: on_said("another humanrig samples the scenes; waiting for it")):
        try:
            info = open_dataset(folder, wishes, load_body_model())
        except BaseException:
            if new:
                remove_empty(folder)
            raise
        clear_left_over(folder)
        return sampled_table(folder, info, workers=workers, bar=bar, on_said=on_said)


def checked_tables(folder: Path) -> SceneTable:
    """The tables of a data set, with their motions found to be theirs. Raises HpsError for every fault."""
    if not (folder / NAME).exists() and (folder / "people.parquet").is_file():
        raise HumanrigError(f"{folder} holds the tables alone; name the data set's folder, which holds {NAME}")
    info = read_dataset_file(folder)
    table = read_tables(folder / FOLDER)
    check(table, folder / BODIES, open_floor=on_open_floor(info.config))
    return table


def kind_of_tables(folder: Path) -> str:
    """parquet or csv, or both where the tables are of different kinds."""
    kinds = {file_of(folder / FOLDER, name).suffix[1:] for name in TABLES}
    return " and ".join(sorted(kinds))
