"""Free surfaces: one segment for each instant, made in several processes, kept over an interruption."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from capture.session import Session
from capture.worker_pool import processes_for, worker_pool
from geometry.mesh import TriangleMesh
from humanrig import __version__, manifest
from humanrig.errors import HumanrigError
from humanrig.kept_work import read_note, write_note
from humanrig.meshing.depth_views import DepthImages
from humanrig.meshing.instant_surface import surface_of
from humanrig.meshing.made import Made, Progress, one_flag
from humanrig.meshing.person_input import PersonInput
from humanrig.results import Results
from texture.errors import TextureError
from texture.files.mesh_sequence import Segment, segment_path, write_segment
from texture.surfaces.free import FreeConfig

FEW = 4
"""So few surfaces are made sooner in one process than others are started."""
NEEDS = ("clouds", "body")
VERSION = 2


@dataclass(frozen=True, kw_only=True)
class Task:
    """One surface to make."""

    number: int
    """Of its segment."""
    instant: int
    body: TriangleMesh
    trouble: str = ""


@dataclass(frozen=True, kw_only=True)
class MadeSurface:
    """What became of it."""

    number: int
    instant: int
    flag: str = ""
    faces: int = 0
    skipped: str = ""
    """Why there is none."""


@dataclass(frozen=True)
class SurfaceMaker:
    """Makes the surface of any instant of one person, once."""

    session: Session
    person: str
    config: FreeConfig
    without: frozenset[str]
    folder: Path
    """Where segments are written, and found again after an interruption."""

    def make(self, task: Task) -> MadeSurface:
        """Writes the segment, and a note beside it as the sign that it is whole."""
        path = segment_path(self.folder, self.person, task.number)
        if made := _kept(path, task):
            return made
        flags: tuple[str, ...] = (task.trouble,) if task.trouble else ()
        try:
            cloud = self._results.cloud(task.instant)
        except HumanrigError:
            cloud = None  # `trouble` says so
        try:
            one = surface_of(cloud, task.body, self.config, self._images, task.instant)
        except TextureError as error:
            return MadeSurface(number=task.number, instant=task.instant, skipped=str(error))
        mesh, flags = one.mesh, (*flags, *one.flags)
        assert mesh.uv is not None
        assert mesh.uv_faces is not None
        segment = Segment(
            instants=np.array([task.instant]), vertices=mesh.vertices[None].astype(np.float32), faces=mesh.faces,
            uv=mesh.uv, uv_faces=mesh.uv_faces,
        )  # fmt: skip
        write_segment(self.folder, self.person, task.number, segment)
        made = MadeSurface(number=task.number, instant=task.instant, flag=one_flag(flags), faces=len(mesh.faces))
        write_note(path, asdict(made))
        return made

    @cached_property
    def _results(self) -> Results:
        return Results(self.session, self.person)

    @cached_property
    def _images(self) -> DepthImages:
        return DepthImages(self.session, self.without)


def free_sequence(
    person: PersonInput, output: Path, without: frozenset[str], progress: Progress, workers: int | None
) -> Made:
    """Writes a segment for each row; an instant that no surface can be made of is skipped with its reason."""
    maker, tasks = _work(person, without)
    results, folder = person.results, maker.folder
    made: list[MadeSurface] = []
    for one in _surfaces(maker, tasks, workers):
        made.append(one)
        progress(len(made), len(tasks))
    made.sort(key=lambda one: one.number)
    kept = [one for one in made if not one.skipped]
    if not kept:
        raise HumanrigError(f"no instant of {results.person} has a surface. The first: {made[0].skipped}")
    for number, one in enumerate(kept):
        target = segment_path(output, results.person, number)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(segment_path(folder, results.person, one.number), target)
    return Made(
        entries=[(one.instant, number, one.flag) for number, one in enumerate(kept)],
        figures={"segments": len(kept), "faces": round(float(np.mean([one.faces for one in kept])))},
        skipped={one.instant: one.skipped for one in made if one.skipped},
    )


def free_ahead(person: PersonInput, without: frozenset[str], instants: set[int], progress: Progress) -> None:
    """Makes the surfaces of some instants, which then wait in the cache for `free_sequence`."""
    maker, tasks = _work(person, without, instants)
    for done, task in enumerate(tasks, start=1):
        maker.make(task)
        progress(done, len(tasks))


def _work(
    person: PersonInput, without: frozenset[str], instants: set[int] | None = None
) -> tuple[SurfaceMaker, list[Task]]:
    """What makes surfaces, and those that are to be made (None: of every instant)."""
    results, config = person.results, FreeConfig(method=person.config.method, faces=person.config.faces)
    folder = results.session.path("cache", "mesh", _key(person, config, without))
    tasks = [
        Task(number=row, instant=instant, body=person.body_mesh(row), trouble=person.trouble(row))
        for row, instant in enumerate(person.instants)
        if instants is None or instant in instants
    ]
    return SurfaceMaker(results.session, results.person, config, without, folder), tasks


def _surfaces(maker: SurfaceMaker, tasks: Sequence[Task], workers: int | None) -> Iterator[MadeSurface]:
    """Every surface as it is done, in any order. Raises HumanrigError when a process ends by itself."""
    again = partial(SurfaceMaker, maker.session, maker.person, maker.config, maker.without, maker.folder)
    with worker_pool(again, processes_for(len(tasks), workers, FEW), here=maker, trouble=_trouble) as pool:
        yield from pool.each("make", tasks)


def _trouble(count: int) -> HumanrigError:
    return HumanrigError(
        f"one of {count} processes that make surfaces ended by itself; is there enough memory? Run the same "
        "command again, it goes on where it stopped, or with fewer processes: --option mesh.workers=1"
    )


def _key(person: PersonInput, config: FreeConfig, without: frozenset[str]) -> str:
    """What surfaces were made from and how: those of an interrupted run are used again only where it is the same."""
    session = person.results.session
    read = {name: done.digest for name in NEEDS if (done := manifest.read(session.path(name)))}
    options = [person.config.clothes, person.config.cloud_instants]
    made_of = [__version__, VERSION, read, asdict(config), options, sorted(without), person.instants]
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:16]


def clear_cache(results: Results) -> None:
    """Deletes what waits in the cache for a person who is done, by other options too; other people's surfaces stay."""
    cache = results.session.path("cache", "mesh")
    for waiting in cache.glob(f"*/{results.person}"):
        shutil.rmtree(waiting, ignore_errors=True)
    for folder in (*cache.glob("*"), cache):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _kept(path: Path, task: Task) -> MadeSurface | None:
    """What became of a surface that waits in the cache; None where there is none."""
    values = read_note(path)
    if values is None:
        return None
    try:
        made = MadeSurface(**values)
    except TypeError:
        return None
    return made if made.instant == task.instant else None
