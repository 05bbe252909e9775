"""Makes the set, or parts of it, in one folder: several data sets at once, each in a process of its own."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
from collections.abc import Callable, Collection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

from body.motion.library import MotionLibrary
from capture.worker_process import end_with_parent
from hps.benchmark.points.set.digests import Sameness
from hps.benchmark.points.set.make_part import Progress, Said, make_part
from hps.benchmark.points.set.part_table import PartRow, read_parts
from hps.errors import HpsError
from hps.synthesis.one_thread import one_thread

POLL_S: Final = 0.5


def rows_of(splits: Collection[str], parts: Collection[str] | None = None) -> tuple[PartRow, ...]:
    """The data sets of some splits; only some parts, or data sets by name. Raises HpsError for unknown ones."""
    rows = [row for split in splits for row in read_parts(split)]
    if parts is None:
        return tuple(rows)
    known = {row.part for row in rows} | {row.name for row in rows}
    if unknown := [part for part in parts if part not in known]:
        raise HpsError(f"the set has no part {unknown[0]} in {', '.join(splits)}; it has {', '.join(sorted(known))}")
    return tuple(row for row in rows if row.part in parts or row.name in parts)


def make_set(
    folder: Path | str,
    library: Callable[[], MotionLibrary],
    *,
    splits: Collection[str] = ("validation", "test"),
    parts: Collection[str] | None = None,
    workers: int | None = None,
    on_progress: Progress = lambda name, done, total: None,
    on_said: Said = lambda text: None,
) -> dict[str, Sameness]:
    """Makes what is missing of the set, and says of each data set how its scenes compare with the published ones.

    `library` opens the motions; it must be a function at the top of a module. workers: processes, None one for each
    processor. An interrupted run is gone on with; what is finished is not made again. Raises HpsError as `make_part`.
    """
    rows = rows_of(splits, parts)
    count = len(os.sched_getaffinity(0)) if workers is None else workers
    if count < 1:
        raise HpsError(f"{count} workers: at least one process is needed; leave it out for one per processor")
    place = Path(folder)
    if place.exists() and not place.is_dir():
        raise HpsError(f"{place} is a file; name a folder for the set")
    place.mkdir(parents=True, exist_ok=True)
    if len(rows) < 2 * count:
        return {
            row.name: make_part(place, row, library, workers=count, on_progress=on_progress, on_said=on_said)
            for row in rows
        }
    return _side_by_side(place, rows, library, count, on_progress, on_said)


def _side_by_side(
    folder: Path,
    rows: tuple[PartRow, ...],
    library: Callable[[], MotionLibrary],
    count: int,
    on_progress: Progress,
    on_said: Said,
) -> dict[str, Sameness]:
    """Whole data sets in each process, the largest first; libraries have one thread, so that all round alike."""
    context = multiprocessing.get_context("spawn")
    todo, told = context.Queue(), context.Queue()
    for row in sorted(rows, key=_size, reverse=True):
        todo.put(row)
    for _ in range(count):
        todo.put(None)
    with one_thread():
        crew: list[BaseProcess] = [
            context.Process(target=_work, args=(folder, library, todo, told), daemon=False) for _ in range(count)
        ]
        for process in crew:
            process.start()
    found: dict[str, Sameness] = {}
    try:
        while len(found) < len(rows):
            try:
                what, values = told.get(timeout=POLL_S)
            except queue.Empty:
                if not any(process.is_alive() for process in crew):
                    raise HpsError(
                        "all processes that make the set ended by themselves; is there enough memory? Run the same "
                        "command again with fewer workers: what is finished is kept"
                    ) from None
                continue
            if what == "error":
                raise HpsError(values["text"])
            if what == "done":
                found[values["name"]] = values["sameness"]
            elif what == "said":
                on_said(values["text"])
            else:
                on_progress(values["name"], values["done"], values["total"])
    finally:
        for process in crew:
            if len(found) < len(rows):
                process.terminate()
            process.join()
    return {row.name: found[row.name] for row in rows}


def _size(row: PartRow) -> int:
    """About how long it takes."""
    config = row.config
    return config.people * config.appearances * (8 + config.frames * config.views)


def _work(folder: Path, library: Callable[[], MotionLibrary], todo: Any, told: Any) -> None:
    """Runs in each process. The parent alone answers Ctrl-C."""
    import cv2
    import torch

    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    while (row := todo.get()) is not None:
        try:
            sameness = make_part(
                folder,
                row,
                library,
                workers=0,
                on_progress=lambda name, done, total: told.put(
                    ("progress", {"name": name, "done": done, "total": total})
                ),
                on_said=lambda text: told.put(("said", {"text": text})),
            )
        except Exception as error:  # the parent tells it, whatever it is
            told.put(("error", {"text": f"{row.name}: {error}"}))
            return
        told.put(("done", {"name": row.name, "sameness": sameness}))
