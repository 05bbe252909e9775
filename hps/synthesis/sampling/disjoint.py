"""What two splits of a data set have in common: nothing, if it was sampled and not edited."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from hps.synthesis.sampling.clothes import attire_of, fabric_name
from hps.synthesis.scenes.table import SceneTable

FLOOR_PART = re.compile(r"_floor_\d+$")
"""Ends the names of stretches of a longer take, which are as good as the take itself."""


def disjoint(table: SceneTable) -> dict[str, int]:
    """How many subjects, motions (source takes), fabrics, rooms and rigs two or more splits share; 0 is wanted."""
    return {what: len(names) for what, names in shared(table).items()}


def shared(table: SceneTable) -> dict[str, list[str]]:
    """Their names, sorted.

    Subjects are the bank's people, and bodies of the model by their seeds; a rig is an arrangement of cameras together
    with each unit's own errors; fabrics are patterns with their colours.
    """
    split_of = {row.scene: row.split for row in table.scenes}
    rooms = [(str(row.room_seed), row.split) for row in table.scenes]
    bodies = [(row.subject or f"body seed {row.body_seed}", row.split) for row in table.people]
    motions = [(name, split_of[row.scene]) for row in table.actors for name in sources(row.motion)]
    fabrics = [(fabric_name(worn.fabric), row.split) for row in table.people for worn in attire_of(row).garments]
    rigs = [(row.rig, row.split) for row in table.scenes]
    rigs += [(f"unit {row.unit_seed}", split_of[row.scene]) for row in table.cameras]
    pairs = {"subjects": bodies, "motions": motions, "fabrics": fabrics, "rooms": rooms, "rigs": rigs}
    return {what: _in_several(found) for what, found in pairs.items()}


def sources(motion: str) -> list[str]:
    """The takes that a motion is made of."""
    return [FLOOR_PART.sub("", name) for name in motion.split("+")]


def _in_several(pairs: Iterable[tuple[str, str]]) -> list[str]:
    splits: dict[str, set[str]] = defaultdict(set)
    for name, split in pairs:
        splits[name].add(split)
    return sorted(name for name, found in splits.items() if len(found) > 1)
