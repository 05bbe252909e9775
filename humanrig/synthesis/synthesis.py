"""The data factory: sample if there is no table, check, make the shards over several processes, report."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from body.loading import load_body_model
from hps.synthesis.production.claims import Claims
from hps.synthesis.production.dataset_file import DatasetInfo
from hps.synthesis.production.factory import BODIES
from hps.synthesis.production.produce import Production, produce, verify, workbench
from hps.synthesis.sampling.disjoint import disjoint
from hps.synthesis.scenes.files import FOLDER, read_tables, write_tables
from hps.synthesis.scenes.table import SceneTable
from humanrig.errors import HumanrigError
from humanrig.synthesis.dataset_folder import check_folder, open_dataset, remove_empty
from humanrig.synthesis.left_over import clear_left_over

REPORT: Final = Path("report", "index.html")
Bar = Callable[[str, str], AbstractContextManager[Callable[[int, int], None]]]
"""Given a name and a unit, what shows progress."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Synthesis:
    """What one run did."""

    info: DatasetInfo
    table: SceneTable
    production: Production
    damaged: list[str]
    """Sentences, of --verify."""


def synthesize_dataset(
    folder: Path,
    wishes: dict[str, Any],
    *,
    workers: int | None = None,
    verify_bytes: bool = False,
    report: bool = True,
    bar: Bar,
    on_said: Callable[[str], None],
) -> Synthesis:
    """Begins a data set or goes on with it, until all its shards are there.

    Raises HpsError and HumanrigError for wishes that cannot be met or disagree with what was begun, tables that make no
    sense, motions that are damaged, a full disk; finished shards are kept.
    """
    if workers is not None and workers < 1:
        raise HumanrigError(f"--workers {workers}: at least one process is needed; leave it out for one per processor")
    check_folder(folder)
    new = not folder.exists()
    model = load_body_model()
    folder.mkdir(parents=True, exist_ok=True)
    with Claims(folder) as claims, claims.whole(lambda: on_said("another humanrig samples the scenes; waiting for it")):
        try:
            info = open_dataset(folder, wishes, model)
        except BaseException:
            if new:
                remove_empty(folder)
            raise
        clear_left_over(folder)
        table = sampled_table(folder, info, workers=workers, bar=bar, on_said=on_said)
    damaged = []
    if verify_bytes:
        with bar("verify", "shards") as update:
            damaged = verify(workbench(folder, table, info), update)
        for sentence in damaged:
            on_said(f"{sentence}; it is made again")
    with bar("synthesize", "pictures") as update:
        made = produce(
            folder,
            table,
            info,
            shared=disjoint(table),
            workers=workers,
            on_progress=update,
            on_said=on_said,
        )
    if report and (made.pictures or not (folder / REPORT).is_file()):
        with Claims(folder) as claims, claims.whole(), bar("report", "samples") as update:
            _report(folder, update)
    return Synthesis(info=info, table=table, production=made, damaged=damaged)


def sampled_table(
    folder: Path, info: DatasetInfo, *, workers: int | None, bar: Bar, on_said: Callable[[str], None]
) -> SceneTable:
    """The scene tables: read where they are there, sampled otherwise; and checked."""
    from hps.synthesis.sampling.cameras import on_open_floor
    from hps.synthesis.sampling.sample_scenes import NOTES, forget_sampling, sample_scenes
    from hps.synthesis.scenes.check import check
    from humanrig.motions import motion_library

    scenes, bodies = folder / FOLDER, folder / BODIES
    there = scenes.is_dir() and any(path.suffix in (".parquet", ".csv") for path in scenes.iterdir())
    if not there or (bodies / NOTES).exists():  # the notes go when all tables are written
        with bar("sample", "scenes") as update:
            table = sample_scenes(
                info.config, motion_library, bodies, on_progress=update, on_note=on_said, workers=workers
            )
        write_tables(scenes, table)
        forget_sampling(bodies)
    table = read_tables(scenes)
    check(table, bodies, open_floor=on_open_floor(info.config))
    return table


def _report(folder: Path, on_progress: Callable[[int, int], None]) -> None:
    from hps.synthesis.report.write_report import write_report

    write_report(folder, on_progress)
