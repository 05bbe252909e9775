"""Makes shards in one process: claims one that nobody works on, stages its scenes, and writes what the passes give."""

from __future__ import annotations

import functools
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from body.errors import BodyError
from capture.errors import CaptureError
from geometry.errors import GeometryError
from hps.errors import HpsError
from hps.synthesis.production.claims import Claims
from hps.synthesis.production.factory import BODIES, SHARDS, Factory, PassKind, StageScene, Workplace
from hps.synthesis.production.shard_manifest import (
    ShardManifest,
    ShardPaths,
    inputs_digest,
    read_shard_manifest,
)
from hps.synthesis.production.shard_plan import Shard
from hps.synthesis.production.shard_writer import ShardWriter, clear_partial
from hps.synthesis.sample import Pass, Sample
from hps.synthesis.scenes.bodies_file import motion_sha256, read_bodies
from hps.synthesis.scenes.rows import SceneSpec
from hps.synthesis.scenes.table import SceneTable

POLL_S: Final = 0.5
"""How often a process without work looks whether those of others were left."""
Tell = Callable[[str, dict[str, Any]], None]
"""Told: begin {shard}, scene {shard, pictures}, failure {shard, scene, reason}, done {shard, pictures, seconds}."""


class Workbench:
    """One process's view of a data set's shards."""

    def __init__(self, place: Workplace, table: SceneTable, shards: Sequence[Shard], factory: Factory) -> None:
        """Nothing is loaded before the first shard is made."""
        self.place, self.table, self.shards, self.factory = place, table, tuple(shards), factory
        self.folder = place.folder / SHARDS
        self._passes: dict[str, Pass] = {}
        self._stages: dict[bool, StageScene] = {}

    def paths(self, shard: Shard, kind: PassKind) -> ShardPaths:
        """Files of a pass over a shard."""
        return ShardPaths(folder=self.folder, shard=shard.name, name=kind.name)

    def finished(self, shard: Shard, kind: PassKind) -> ShardManifest | None:
        """The manifest, if it is of these inputs and its files have the lengths that they were written with."""
        paths = self.paths(shard, kind)
        found = read_shard_manifest(paths)
        if found is None or found.inputs != self._inputs(shard, kind) or not found.intact(paths):
            return None
        return found

    def missing(self, shard: Shard) -> list[PassKind]:
        """The passes that are still to be made of a shard."""
        return [kind for kind in self.factory.kinds if self.finished(shard, kind) is None]

    def work(self, claims: Claims, tell: Tell, first: int = 0) -> None:
        """Makes shards until all are there, those that other processes hold included. `first` is where to begin."""
        waiting = list(self.shards[first:] + self.shards[:first])
        while waiting:
            held = []
            for shard in waiting:
                if not self.missing(shard):
                    continue
                with claims.shard(shard.index) as mine:
                    if not mine:
                        held.append(shard)
                    elif kinds := self.missing(shard):  # looked at again: another may just have finished it
                        self.make(shard, kinds, tell)
            waiting = held
            if waiting:
                time.sleep(POLL_S)

    def make(self, shard: Shard, kinds: Sequence[PassKind], tell: Tell) -> None:
        """Makes passes of one shard together, from the same staged scenes. Leaves nothing when it fails.

        A scene that cannot be staged or drawn is left out and named in the manifest. Raises HpsError when motions are
        not those of the table or when none of several scenes could be made, OSError when nothing can be written.
        """
        tell("begin", {"shard": shard.name})
        clear_partial(self.folder, shard.name)
        begun = time.monotonic()
        writers: dict[str, ShardWriter] = {}
        failures: dict[str, dict[str, str]] = {kind.name: {} for kind in kinds}
        try:
            for kind in kinds:
                writers[kind.name] = ShardWriter(self.paths(shard, kind), self._pass(kind).schema)
            for name in shard.scenes:
                spec = self.table.scene(name)
                self._scene(spec, kinds, writers, failures)
                for reason in dict.fromkeys(f[name] for f in failures.values() if name in f):
                    tell("failure", {"shard": shard.name, "scene": name, "reason": reason})
                tell("scene", {"shard": shard.name, "pictures": spec.row.frames * len(spec.cameras)})
            for kind in kinds:
                self._not_all_failed(shard, failures[kind.name])
            seconds = time.monotonic() - begun
            for kind in kinds:
                writers[kind.name].finish(shard, self._inputs(shard, kind), failures[kind.name], seconds)
        except BaseException:
            for writer in writers.values():
                writer.abandon()
            raise
        tell("done", {"shard": shard.name, "pictures": shard.pictures, "seconds": seconds})

    def _scene(
        self,
        spec: SceneSpec,
        kinds: Sequence[PassKind],
        writers: dict[str, ShardWriter],
        failures: dict[str, dict[str, str]],
    ) -> None:
        self._check_motions(spec)
        staged, reason = _attempted(lambda: self._stage(any(kind.colors for kind in kinds))(spec))
        for kind in kinds:
            if staged is None:
                failures[kind.name][spec.name] = reason
                continue
            samples, failed = _attempted(lambda kind=kind: list[Sample](self._pass(kind).samples(staged)))
            if samples is None:
                failures[kind.name][spec.name] = f"{kind.name}: {failed}"
            else:
                writers[kind.name].add(samples)

    def _check_motions(self, spec: SceneSpec) -> None:
        path = self.place.folder / BODIES / f"{spec.name}.npz"
        for actor, motion in zip(spec.actors, read_bodies(path, len(spec.actors))):
            if motion_sha256(motion) != actor.motion_sha256:
                raise HpsError(
                    f"{path}: the motion of actor {actor.actor} is not the one of the scene table; put the file back, "
                    "or remove the folder scenes to draw all scenes anew"
                )

    @staticmethod
    def _not_all_failed(shard: Shard, failures: dict[str, str]) -> None:
        # one scene may be odd, and the last shard of a split may hold no other; several at once are the program's fault
        if len(failures) == len(shard.scenes) > 1:
            scene, reason = next(iter(failures.items()))
            raise HpsError(f"no scene of shard {shard.name} could be made; {scene}: {reason}")

    def _pass(self, kind: PassKind) -> Pass:
        if kind.name not in self._passes:
            self._passes[kind.name] = kind.make(self.place)
        return self._passes[kind.name]

    def _stage(self, colors: bool) -> StageScene:
        if colors not in self._stages:
            self._stages[colors] = self.factory.stage(self.place, colors)
        return self._stages[colors]

    @functools.cached_property
    def _digests(self) -> dict[tuple[str, str], str]:
        return {}

    def _inputs(self, shard: Shard, kind: PassKind) -> str:
        key = shard.name, kind.name
        if key not in self._digests:
            settings = {**kind.settings_of(self.place.config), "model": self.place.model_sha256}
            self._digests[key] = inputs_digest(shard, self.table, kind.name, kind.version(), settings)
        return self._digests[key]


def _attempted(make: Callable[[], Any]) -> tuple[Any, str]:
    """What a scene gave, or None and why not. What is no fault of the scene (disk, memory) is raised."""
    try:
        return make(), ""
    except (HpsError, CaptureError, BodyError, GeometryError) as error:
        return None, str(error)
    except (OSError, MemoryError):
        raise
    except Exception as error:  # a fault of the program in one odd scene must not cost the data set: it is named
        place = traceback.extract_tb(error.__traceback__)[-1]
        return None, f"{type(error).__name__}: {error} ({Path(place.filename).name}, line {place.lineno})"
