"""Draws all scenes of a data set, in several processes; what an interrupted run had drawn is kept."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

from body.loading import load_body_model
from body.model import BodyModel
from body.motion.library import MotionLibrary
from capture.worker_process import end_with_parent
from hps.errors import HpsError
from hps.synthesis.config import SynthesisConfig
from hps.synthesis.one_thread import one_thread
from hps.synthesis.sampling.cameras import check_distances, on_open_floor
from hps.synthesis.sampling.casting import Cast, cast_scenes
from hps.synthesis.sampling.people import draw_people
from hps.synthesis.sampling.scene import SampledScene, sample_scene
from hps.synthesis.scenes.bodies_file import motion_sha256, read_bodies, write_bodies
from hps.synthesis.scenes.table import TABLES, SceneTable

VERSION: Final = 3
"""Raised when a change of code draws other scenes."""
WITHOUT_EFFECT: Final = (
    "effects",
    "sensor_depth",
    "passes",
    "cloud_views",
    "cloud_camera",
    "cloud_surroundings",
    "cloud_mask_px",
    "cloud_points",
    "shard_pictures",
    "renderer",
)
"""Choices of the configuration that the scenes do not depend on."""
NOTES: Final = ".sampled"
"""Folder beside the motions: rows of the scenes that are drawn already, until the table is written."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Sampler:
    """What each process holds."""

    config: SynthesisConfig
    library: MotionLibrary
    model: BodyModel
    bodies: Path
    inputs: str


_sampler: _Sampler | None = None


def sample_scenes(
    config: SynthesisConfig,
    library: Callable[[], MotionLibrary],
    bodies: Path,
    *,
    on_progress: Callable[[int, int], None] | None = None,
    on_note: Callable[[str], None] | None = None,
    workers: int | None = 0,
) -> SceneTable:
    """The scenes of a configuration; their motions are written into the folder `bodies`.

    The same for any number of workers (None: one for each processor) and after any interruption; 0 works in this
    process, where libraries with several threads may round differently. `library` is called once in each process; for
    workers it must be a function at the top of a module. `on_progress` is told (scenes done, scenes), `on_note` a
    sentence for each scene that had to be made smaller. Raises HpsError for a configuration that cannot be met,
    BodyError, CaptureError and OSError from the parts.
    """
    if workers is not None and workers < 0:
        raise HpsError(f"{workers} workers: none can be fewer than 0; leave the option out for one per processor")
    check_distances(config)
    model = load_body_model()
    people = draw_people(config, model)
    casts = cast_scenes(config, people)
    inputs = inputs_of(config, model)
    found: dict[str, dict[str, Any]] = {}
    for cast in casts:
        if (kept := _kept(bodies, cast, inputs)) is not None:
            found[cast.scene] = kept
    todo = [cast for cast in casts if cast.scene not in found]
    workers = min(len(os.sched_getaffinity(0)) if workers is None else workers, len(todo))
    for cast, rows in _drawn(config, library, model, bodies, inputs, todo, workers):
        found[cast.scene] = rows
        if on_progress is not None:
            on_progress(len(found), len(casts))
    tables: dict[str, list[Any]] = {name: [] for name in TABLES}
    tables["people"] = list(people)
    for cast in casts:
        for name, values in found[cast.scene]["rows"].items():
            tables[name] += [TABLES[name](**value) for value in values]
        if on_note is not None:
            for note in found[cast.scene]["notes"]:
                on_note(note)
    playing = {row.person for row in tables["actors"]}
    tables["people"] = [person for person in people if person.person in playing]
    return SceneTable.of(tables)


def forget_sampling(bodies: Path) -> None:
    """Removes what is only kept for a run that is interrupted; for the time after the table is written."""
    shutil.rmtree(bodies / NOTES, ignore_errors=True)


def inputs_of(config: SynthesisConfig, model: BodyModel) -> str:
    """Checksum of everything that the scenes depend on."""
    values = {key: value for key, value in asdict(config).items() if key not in WITHOUT_EFFECT}  # type: ignore[call-overload]
    text = json.dumps([VERSION, model.sha256, on_open_floor(config), values], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _drawn(
    config: SynthesisConfig,
    library: Callable[[], MotionLibrary],
    model: BodyModel,
    bodies: Path,
    inputs: str,
    todo: list[Cast],
    workers: int,
) -> Iterator[tuple[Cast, dict[str, Any]]]:
    """(cast, its rows) in the order in which they are ready."""
    if not todo:
        return
    if not workers:
        sampler = _Sampler(config=config, library=library(), model=model, bodies=bodies, inputs=inputs)
        for cast in todo:
            yield cast, _sample(sampler, cast)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(
        workers, mp_context=context, initializer=_start, initargs=(config, library, bodies, inputs)
    )
    with one_thread(), pool:
        try:
            waiting = {pool.submit(_run, cast): cast for cast in todo}
            for done in as_completed(waiting):
                yield waiting[done], done.result()
        except BrokenProcessPool:
            raise HpsError(
                f"one of {workers} processes that draw scenes ended by itself; is there enough memory? Run the same "
                "command again with fewer workers: the scenes drawn so far are kept"
            ) from None
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _start(config: SynthesisConfig, library: Callable[[], MotionLibrary], bodies: Path, inputs: str) -> None:
    """Runs once in each new process. The parent alone answers Ctrl-C."""
    global _sampler
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _sampler = _Sampler(config=config, library=library(), model=load_body_model(), bodies=bodies, inputs=inputs)


def _run(cast: Cast) -> dict[str, Any]:
    assert _sampler is not None
    return _sample(_sampler, cast)


def _sample(sampler: _Sampler, cast: Cast) -> dict[str, Any]:
    """Draws one scene and keeps it: the motions first, the rows last."""
    scene = sample_scene(sampler.config, cast, sampler.library, sampler.model)
    write_bodies(sampler.bodies / f"{cast.scene}.npz", scene.motions)
    kept = _plain(scene)
    path = sampler.bodies / NOTES / f"{cast.scene}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part{os.getpid()}")
    try:
        part.write_text(json.dumps({"inputs": sampler.inputs, **kept}))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return kept


def _plain(scene: SampledScene) -> dict[str, Any]:
    rows = {
        name: [{field.name: getattr(row, field.name) for field in fields(row)} for row in table]
        for name, table in scene.rows.items()
    }
    return {"rows": rows, "notes": list(scene.notes)}


def _kept(bodies: Path, cast: Cast, inputs: str) -> dict[str, Any] | None:
    """Rows that an earlier run drew with the same inputs, if its motions are whole; else None."""
    try:
        kept = json.loads((bodies / NOTES / f"{cast.scene}.json").read_text())
        if kept["inputs"] != inputs:
            return None
        actors = kept["rows"]["actors"]
        motions = read_bodies(bodies / f"{cast.scene}.npz", len(actors))
        sums = [actor["motion_sha256"] for actor in actors]
        return kept if sums == [motion_sha256(motion) for motion in motions] else None
    except (OSError, ValueError, KeyError, TypeError, HpsError):
        return None
