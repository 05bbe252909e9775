"""Whether scene tables make sense: every fault in one sentence with its table, row, column and value."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from body.bank import load_body_bank
from body.loading import load_body_model
from body.model import BodyModel
from capture.virtual.room import HALF_WIDTH_M, HEIGHT_M
from hps.errors import HpsError
from hps.synthesis.scenes.bodies_file import motion_sha256, read_bodies
from hps.synthesis.scenes.columns import LIMITS
from hps.synthesis.scenes.files import MEND_TABLES, in_one
from hps.synthesis.scenes.table import KEYS, TABLES, SceneTable

CLEAR_M: Final = 0.25
"""A camera stands at least this far from the middle of a person's spot, seen from above."""
HEAD_M: Final = 2.2
"""Above it a camera may hang over anybody."""
QUATERNION_OFF: Final = 1e-6
"""Text of fewer than seven digits would turn the camera by more than a tenth of a pixel."""


def check(
    table: SceneTable, bodies: Path | None = None, *, model: BodyModel | None = None, open_floor: bool = False
) -> None:
    """Raises HpsError that names the first few faults and their number. Arguments as of `faults_of`."""
    found = list(faults_of(table, bodies, model=model, open_floor=open_floor))
    if found:
        raise HpsError(in_one("the scene tables make no sense", found) + f"; {MEND_TABLES}")


def faults_of(
    table: SceneTable, bodies: Path | None = None, *, model: BodyModel | None = None, open_floor: bool = False
) -> Iterator[str]:
    """A sentence for each fault.

    bodies: folder of the motions, which are read and compared; None leaves them out. model: body model of the bank,
    loaded when it is None. open_floor: cameras may stand beyond the room's walls.
    """
    yield from _values(table)
    yield from _keys(table)
    if lost := list(_references(table)):
        yield from lost
        return
    yield from _people(table, model)
    yield from _scenes(table)
    yield from _cameras(table, open_floor)
    if bodies is not None:
        yield from _motions(table, bodies)


def _values(table: SceneTable) -> Iterator[str]:
    for name, row_type in TABLES.items():
        for row in getattr(table, name):
            for field in fields(row_type):
                value = getattr(row, field.name)
                allowed = LIMITS[name].get(field.name)
                if isinstance(value, float) and not math.isfinite(value):
                    yield f"{place(name, row)}: {field.name} is {value}, not a number"
                elif allowed is not None and not allowed.holds(value):
                    shown = f"'{value}'" if isinstance(value, str) else f"{value:g}" if value == value else value
                    yield f"{place(name, row)}: {field.name} is {shown}; {allowed.words}"


def _keys(table: SceneTable) -> Iterator[str]:
    for name, columns in KEYS.items():
        keys = Counter(tuple(getattr(row, column) for column in columns) for row in getattr(table, name))
        for key, count in keys.items():
            if count > 1:
                words = " ".join(f"{column} {value}" for column, value in zip(columns, key))
                yield f"{name}: {words} is there {count} times; each may be there once"


def _references(table: SceneTable) -> Iterator[str]:
    scenes, people = {row.scene for row in table.scenes}, {row.person for row in table.people}
    if not scenes:
        yield "scenes: there is no row"
    for name in ("actors", "things", "cameras"):
        for row in getattr(table, name):
            if row.scene not in scenes:
                yield f"{place(name, row)}: there is no scene '{row.scene}' in scenes"
    for actor in table.actors:
        if actor.person not in people:
            yield f"{place('actors', actor)}: there is no person '{actor.person}' in people"


def _people(table: SceneTable, model: BodyModel | None) -> Iterator[str]:
    bank = load_body_bank(model or load_body_model()) if any(row.subject for row in table.people) else None
    known = {subject.name: subject for subject in bank.subjects} if bank else {}
    splits: dict[str, dict[str, str]] = defaultdict(dict)
    for row in table.people:
        if row.subject and row.subject not in known:
            first, last = min(known), max(known)
            yield f"{place('people', row)}: subject '{row.subject}' is not in the bank, which has {first} to {last}"
            continue
        for split, person in splits[row.subject or f"body seed {row.body_seed}"].items():
            if split != row.split:
                who = f"subject {row.subject}" if row.subject else f"body_seed {row.body_seed}"
                yield f"{place('people', row)}: {who} is of {person} in the split '{split}', here in '{row.split}'"
        splits[row.subject or f"body seed {row.body_seed}"].setdefault(row.split, row.person)
        if row.subject and known[row.subject].split != row.split:
            own = known[row.subject].split
            yield f"{place('people', row)}: subject {row.subject} is of the bank's split '{own}', not '{row.split}'"


def _scenes(table: SceneTable) -> Iterator[str]:
    people = {row.person: row for row in table.people}
    actors, cameras, things = (_by_scene(table, name) for name in ("actors", "cameras", "things"))
    for row in table.scenes:
        here = place("scenes", row)
        cast = actors[row.scene]
        if not cast:
            yield f"{here}: nobody plays in it; give it an actor, or remove it"
        if not cameras[row.scene]:
            yield f"{here}: it has no camera; give it one, or remove it"
        for name, rows in (("actor", cast), ("camera", cameras[row.scene]), ("thing", things[row.scene])):
            numbers = [getattr(r, name) for r in rows]
            if sorted(set(numbers)) != list(range(len(set(numbers)))):
                yield f"{here}: its {name}s have the numbers {numbers}; they count from 0"
        seen: set[str] = set()
        for actor in cast:
            if actor.person in seen:
                yield f"{place('actors', actor)}: {actor.person} plays in {row.scene} twice"
            seen.add(actor.person)
            split = people[actor.person].split
            if split != row.split:
                yield (
                    f"{place('actors', actor)}: {actor.person} is of the split '{split}', the scene of '{row.split}'; "
                    "nobody plays in two splits"
                )


def _cameras(table: SceneTable, open_floor: bool) -> Iterator[str]:
    actors = _by_scene(table, "actors")
    for row in table.cameras:
        here = place("cameras", row)
        norm = math.sqrt(row.qw**2 + row.qx**2 + row.qy**2 + row.qz**2)
        if abs(norm - 1) > QUATERNION_OFF:
            yield f"{here}: qw, qx, qy, qz have the length {norm:.7g}; a rotation has 1"
        for column in () if open_floor else ("x_m", "y_m"):
            if abs(value := getattr(row, column)) >= HALF_WIDTH_M:
                yield f"{here}: {column} is {value:g}, outside the room of ±{HALF_WIDTH_M:g} m"
        if row.z_m >= HEIGHT_M and not open_floor:
            yield f"{here}: z_m is {row.z_m:g}, above the ceiling at {HEIGHT_M:g} m"
        for actor in actors[row.scene]:
            gap = math.hypot(row.x_m - actor.x_m, row.y_m - actor.y_m)
            if gap < CLEAR_M and row.z_m < HEAD_M:
                yield (
                    f"{here}: it stands {gap:.2f} m from the middle of actor {actor.actor}'s spot; at least "
                    f"{CLEAR_M:g} m are needed"
                )


def _motions(table: SceneTable, bodies: Path) -> Iterator[str]:
    actors = _by_scene(table, "actors")
    for row in table.scenes:
        cast = sorted(actors[row.scene], key=lambda actor: actor.actor)
        try:
            motions = read_bodies(bodies / f"{row.scene}.npz", len(cast))
        except HpsError as error:
            yield f"{place('scenes', row)}: {error}"
            continue
        for actor, motion in zip(cast, motions):
            lengths = sorted({len(array) for array in motion.values()})
            if lengths != [row.frames]:
                yield (
                    f"{place('scenes', row)}: frames is {row.frames}, the stored motion of actor {actor.actor} has "
                    f"{' and '.join(map(str, lengths))}"
                )
            if motion_sha256(motion) != actor.motion_sha256:
                yield (
                    f"{place('actors', actor)}: motion_sha256 is {actor.motion_sha256[:12]}…, the stored motion's is "
                    f"{motion_sha256(motion)[:12]}…: tables and motions are of different data sets"
                )


def place(table: str, row: Any) -> str:
    """The table and the key of a row, such as `cameras s000003 camera 2`."""
    first, *others = KEYS[table]
    return " ".join([table, str(getattr(row, first)), *(f"{name} {getattr(row, name)}" for name in others)])


def _by_scene(table: SceneTable, name: str) -> defaultdict[str, list[Any]]:
    found: defaultdict[str, list[Any]] = defaultdict(list)
    for row in getattr(table, name):
        found[row.scene].append(row)
    return found
