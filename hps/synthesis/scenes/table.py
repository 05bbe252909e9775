"""The scene tables of a data set together: read, check, write, and one checksum of what they say."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Final

from hps.errors import HpsError
from hps.synthesis.scenes.rows import ActorRow, CameraRow, PersonRow, Row, SceneRow, SceneSpec, ThingRow

TABLES: Final[dict[str, type[Row]]] = {
    "people": PersonRow,
    "scenes": SceneRow,
    "actors": ActorRow,
    "things": ThingRow,
    "cameras": CameraRow,
}
KEYS: Final[dict[str, tuple[str, ...]]] = {
    "people": ("person",),
    "scenes": ("scene",),
    "actors": ("scene", "actor"),
    "things": ("scene", "thing"),
    "cameras": ("scene", "camera"),
}
"""What tells the rows of a table apart, and their order."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SceneTable:
    """Five tables, sorted by their keys."""

    people: tuple[PersonRow, ...]
    scenes: tuple[SceneRow, ...]
    actors: tuple[ActorRow, ...]
    things: tuple[ThingRow, ...]
    cameras: tuple[CameraRow, ...]

    @classmethod
    def of(cls, rows: dict[str, list[Any]]) -> SceneTable:
        """Rows by the table's name, in any order."""
        return cls(**{name: tuple(sorted(rows.get(name, ()), key=_key(name))) for name in TABLES})

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all values: the same for Parquet and CSV, whoever wrote the files and in whatever order."""
        return hashlib.sha256(json.dumps(self._values(), separators=(",", ":")).encode()).hexdigest()

    def digest_of(self, scene: str) -> str:
        """SHA-256 of the rows of one scene and of its people."""
        spec = self.scene(scene)
        parts = (spec.row, *spec.people, *spec.actors, *spec.things, *spec.cameras)
        return hashlib.sha256(json.dumps([_plain(row) for row in parts], separators=(",", ":")).encode()).hexdigest()

    @property
    def names(self) -> tuple[str, ...]:
        """Of the scenes, sorted."""
        return tuple(row.scene for row in self.scenes)

    def scene(self, name: str) -> SceneSpec:
        """The rows of one scene. Raises HpsError when there is none of that name."""
        row = self._scenes.get(name)
        if row is None:
            raise HpsError(f"the scene table has no scene '{name}'; it has {len(self.scenes)} scenes")
        actors = self._by_scene["actors"].get(name, ())
        return SceneSpec(
            row=row,
            people=tuple(self._people[actor.person] for actor in actors),
            actors=actors,
            things=self._by_scene["things"].get(name, ()),
            cameras=self._by_scene["cameras"].get(name, ()),
        )

    def __iter__(self) -> Iterator[SceneSpec]:
        """The scenes in their order."""
        return (self.scene(name) for name in self.names)

    def _values(self) -> dict[str, list[list[Any]]]:
        return {name: [_plain(row) for row in getattr(self, name)] for name in TABLES}

    @cached_property
    def _scenes(self) -> dict[str, SceneRow]:
        return {row.scene: row for row in self.scenes}

    @cached_property
    def _people(self) -> dict[str, PersonRow]:
        return {row.person: row for row in self.people}

    @cached_property
    def _by_scene(self) -> dict[str, dict[str, tuple[Any, ...]]]:
        found: dict[str, dict[str, list[Any]]] = {name: {} for name in ("actors", "things", "cameras")}
        for name, scenes in found.items():
            for row in getattr(self, name):
                scenes.setdefault(row.scene, []).append(row)
        return {name: {scene: tuple(rows) for scene, rows in scenes.items()} for name, scenes in found.items()}


def _key(table: str):
    names = KEYS[table]
    return lambda row: tuple(getattr(row, name) for name in names)


def _plain(row: Row) -> list[Any]:
    """The values in the order of the columns; floats by their shortest exact text."""
    return [repr(value) if isinstance(value := getattr(row, field.name), float) else value for field in fields(row)]
