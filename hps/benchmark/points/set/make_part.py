"""Makes one data set of the set: its scenes, compared with the published ones, then clouds and attributes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from body.loading import load_body_model
from body.motion.library import MotionLibrary
from hps.benchmark.points.set.attributes import write_attributes
from hps.benchmark.points.set.clouds_with_attributes import set_factory
from hps.benchmark.points.set.digests import Sameness, compare
from hps.benchmark.points.set.part_table import Motions, PartRow
from hps.benchmark.points.set.rare_motions import rare
from hps.benchmark.points.set.wide_motions import wide
from hps.errors import HpsError
from hps.synthesis.production.claims import Claims
from hps.synthesis.production.dataset_file import NAME, DatasetInfo, read_dataset_file, write_dataset_file
from hps.synthesis.production.factory import BODIES, SHARDS
from hps.synthesis.production.produce import produce
from hps.synthesis.sampling.cameras import check_distances, on_open_floor
from hps.synthesis.sampling.disjoint import disjoint
from hps.synthesis.sampling.sample_scenes import NOTES, forget_sampling, sample_scenes
from hps.synthesis.scenes.check import check
from hps.synthesis.scenes.files import FOLDER, read_tables, write_tables
from hps.synthesis.scenes.table import SceneTable

Progress = Callable[[str, int, int], None]
"""Told (name of the data set, clouds' cameras done, all of them)."""
Said = Callable[[str], None]
OTHER_SET: Final = (
    "results on it are not comparable with the published ones; use the release of the program that the set is of"
)


@dataclass(frozen=True, kw_only=True)
class Library:
    """Opens the motions of a row, in whichever process they are wanted; `source` is a function at a module's top."""

    source: Callable[[], MotionLibrary]
    motions: Motions

    def __call__(self) -> MotionLibrary:
        """The library."""
        return _DRAWN[self.motions](self.source())


_DRAWN: Final[dict[Motions, Callable[[MotionLibrary], MotionLibrary]]] = {
    "library": lambda library: library,
    "rare": rare,
    "wide": wide,
}


def make_part(
    folder: Path,
    row: PartRow,
    library: Callable[[], MotionLibrary],
    *,
    workers: int | None = 0,
    on_progress: Progress = lambda name, done, total: None,
    on_said: Said = lambda text: None,
) -> Sameness:
    """Begins FOLDER/NAME or goes on with it, until its clouds and attributes are there.

    workers: as `hps.synthesis.production.produce`. Raises HpsError when the folder holds something else, when its
    scenes are not the published ones, and when it cannot be made; what was finished is kept.
    """
    place = folder / row.name
    place.mkdir(parents=True, exist_ok=True)
    with Claims(place) as claims, claims.whole(lambda: on_said(f"{row.name}: another program draws it; waiting")):
        info = _begun(place, row)
        table = _table(place, row, Library(source=library, motions=row.motions), workers, on_said)
    sameness = compare(row, table)
    if sameness is Sameness.OTHER:
        raise HpsError(f"{place}: its scene tables are of {sameness.value}; {OTHER_SET}")
    produce(
        place,
        table,
        info,
        factory=set_factory(row.config),
        shared=disjoint(table),
        workers=workers,
        on_progress=lambda done, total: on_progress(row.name, done, total),
        on_said=lambda text: on_said(f"{row.name}: {text}"),
    )
    with Claims(place) as claims, claims.whole():
        write_attributes(place, row)
    return sameness


def _begun(place: Path, row: PartRow) -> DatasetInfo:
    """The data set's file, written where it is not there."""
    model = load_body_model()
    if not (place / NAME).exists():
        if strange := sorted(path.name for path in place.iterdir() if not path.name.startswith(".")):
            raise HpsError(f"{place} holds {strange[0]}, but no {NAME}: choose another folder for the set")
        info = DatasetInfo.of(row.config, model)
        check_distances(row.config)
        write_dataset_file(place, info)
        return info
    info = read_dataset_file(place)
    info.check_model(model, place)
    if info.config != row.config:
        raise HpsError(f"{place} was made with other choices than the set's; choose another folder, or remove it")
    return info


def _table(place: Path, row: PartRow, library: Library, workers: int | None, on_said: Said) -> SceneTable:
    """The scene tables: read where they are there, drawn otherwise; and checked."""
    bodies, scenes = place / BODIES, place / FOLDER
    there = scenes.is_dir() and any(scenes.glob("*.parquet"))
    if not there or (bodies / NOTES).exists():
        for path in (*place.glob(".*.partial"), *bodies.glob(".*.part[0-9]*"), *scenes.glob(".*.part[0-9]*")):
            with suppress(FileNotFoundError):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        table = sample_scenes(
            row.config, library, bodies, on_note=lambda text: on_said(f"{row.name}: {text}"), workers=workers
        )
        write_tables(scenes, table)
        forget_sampling(bodies)
    table = read_tables(scenes)
    check(table, bodies, open_floor=on_open_floor(row.config))
    return table


def is_made(folder: Path, row: PartRow) -> bool:
    """Whether a data set of the set seems finished; the reader says what is wrong with one that is not."""
    from hps.benchmark.points.set.attributes import NAME as ATTRIBUTES

    return (folder / row.name / ATTRIBUTES).is_file() and (folder / row.name / SHARDS).is_dir()
