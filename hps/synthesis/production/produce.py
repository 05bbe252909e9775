"""Makes every shard of a data set whose scenes are sampled, over several processes, and its manifest."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hps.errors import HpsError
from hps.synthesis.production.claims import Claims
from hps.synthesis.production.crew import Crew
from hps.synthesis.production.dataset_file import DatasetInfo, read_dataset_file
from hps.synthesis.production.dataset_manifest import write_dataset_manifest
from hps.synthesis.production.factory import KINDS, Factory, Workplace, standard_factory
from hps.synthesis.production.progress import ShardProgress
from hps.synthesis.production.shard_manifest import ShardPaths, read_shard_manifest
from hps.synthesis.production.shard_plan import plan_shards
from hps.synthesis.production.workbench import Workbench
from hps.synthesis.scenes.rows import SPLITS
from hps.synthesis.scenes.table import SceneTable

_SHARD_FILE: Final = re.compile(rf"({'|'.join(SPLITS)})-\d{{5}}\.({'|'.join(KINDS)})\.(tar|parquet|json)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Production:
    """What one run made."""

    manifest: dict[str, Any]
    pictures: int
    """Made by this run; those that were there before, or that other programs made, are not counted."""
    seconds: float
    workers: int


def workbench(folder: Path, table: SceneTable, info: DatasetInfo, factory: Factory | None = None) -> Workbench:
    """The shards of a data set, finished or not."""
    place = Workplace(folder=folder.resolve(), config=info.config, model_sha256=info.model_sha256)
    shards = plan_shards(table, info.config.shard_pictures)
    return Workbench(place, table, shards, factory or standard_factory(info.config))


def produce(
    folder: Path,
    table: SceneTable,
    info: DatasetInfo,
    *,
    factory: Factory | None = None,
    shared: dict[str, int] | None = None,
    workers: int | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    on_said: Callable[[str], None] = lambda text: None,
) -> Production:
    """Makes the shards that are missing or not of these tables, then manifest.json.

    workers: processes; None is one for each processor, 0 works in this process (where libraries with several threads
    may round differently). Other programs may work on the same data set at the same time: shards are claimed, and
    every one of them returns when all are there.
    Raises HpsError when shards cannot be made (full disk, damaged motions, processes that die again and again);
    finished shards are kept, nothing half-made is left.
    """
    bench = workbench(folder, table, info, factory)
    if not bench.shards:
        raise HpsError(f"{folder}: the scene table has no scene; sample more people")
    bench.folder.mkdir(parents=True, exist_ok=True)
    for name in _remove_stale(bench):
        on_said(f"shard {name} is of other tables; it is removed")
    begun = time.monotonic()
    progress = ShardProgress(bench=bench, on_progress=on_progress, on_said=on_said)
    progress.look()
    count = len(os.sched_getaffinity(0)) if workers is None else workers
    waiting = sum(bool(bench.missing(shard)) for shard in bench.shards)
    if waiting and not count:
        with Claims(bench.place.folder) as claims:
            bench.work(claims, progress.tell)
    elif waiting:
        Crew(bench=bench, tell=progress.tell, idle=progress.look).run(min(count, waiting))
    with Claims(bench.place.folder) as claims, claims.whole():
        if factory is None:  # another program may have added a pass meanwhile
            info = read_dataset_file(folder)
            bench = workbench(folder, table, info)
        manifest = write_dataset_manifest(bench, info, shared or {})
    return Production(
        manifest=manifest, pictures=progress.made, seconds=time.monotonic() - begun, workers=min(count, waiting)
    )


def verify(bench: Workbench, on_progress: Callable[[int, int], None] = lambda done, total: None) -> list[str]:
    """Reads every byte of the finished shards and disowns those that are damaged, so that they are made again.

    Returns a sentence for each damaged shard. Shards that another program works on are left alone.
    """
    found = []
    with Claims(bench.place.folder) as claims:
        for number, shard in enumerate(bench.shards):
            with claims.shard(shard.index) as mine:
                for kind in bench.factory.kinds if mine else ():
                    paths = bench.paths(shard, kind)
                    manifest = read_shard_manifest(paths)
                    damage = manifest.damage(paths) if manifest is not None else _unvouched(paths)
                    if damage:
                        paths.manifest.unlink(missing_ok=True)
                        found.append(f"shard {shard.name}, {kind.name}: {'; '.join(damage)}")
            on_progress(number + 1, len(bench.shards))
    return found


def _unvouched(paths: ShardPaths) -> list[str]:
    return [f"{paths.manifest.name} is damaged"] if paths.manifest.exists() else []


def _remove_stale(bench: Workbench) -> list[str]:
    """Removes shards that the tables, as they are now, do not have."""
    planned = {shard.name for shard in bench.shards}
    files = [path for path in bench.folder.iterdir() if _SHARD_FILE.fullmatch(path.name)]
    stale = [path for path in files if path.name.split(".")[0] not in planned]
    for path in sorted(stale, key=lambda path: path.suffix != ".json"):  # the manifest first: it vouches for the others
        path.unlink(missing_ok=True)
    return sorted({path.name.split(".")[0] for path in stale})
