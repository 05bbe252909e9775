"""Which of the things that were followed are people, in the order in which they are numbered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.spatial import KDTree

from calibration.workspace import Workspace
from registration.masks.following import Thing
from registration.masks.pieces import Piece
from registration.masks.voxels import Occupied, VoxelGrid

MOVED = 0.02
"""Share of the surface that leaves its place, by more than a voxel, where somebody moves; what stands is at 0."""
STILL_WORTH = 0.3
"""What a thing that never moved counts against one that did, where no take of the empty room tells them apart."""
SAMPLES = 8
"""Instants at which a thing is compared with its first place."""
SEEN = 0.2
"""Share of the instants at which somebody must be seen to count as one of the people when nobody says how many."""
COMPARABLE = 0.35
"""A second one whose worth is this share of the first's makes it doubtful who was meant."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Candidate:
    """A thing and what speaks for its being a person."""

    thing: Thing
    area_m2: float
    """Median surface that is seen."""
    seen: float
    """Share of the instants."""
    moved: bool
    person_sized: bool
    center: Float[np.ndarray, "3"]
    """Median middle, world metres."""
    worth: float


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class People:
    """Who is in the take."""

    people: list[Thing]
    """person00, person01, …"""
    others: list[Thing]
    warnings: list[str]


def choose(
    things: Sequence[Thing],
    occupied: Sequence[Occupied],
    grid: VoxelGrid,
    workspace: Workspace,
    wanted: int,
    *,
    empty_room: bool,
) -> People:
    """The `wanted` people (0: everybody) by their worth: surface seen, halved for each metre from the middle.

    Without a take of the empty room (`empty_room`), what never moves is worth less than what does. Nobody is made up:
    fewer may come back, with a warning; so does a second one of comparable worth where one was promised.
    """
    every = [_judge(thing, occupied, grid, workspace, empty_room) for thing in things if thing.index]
    ranked = sorted((c for c in every if c.person_sized), key=lambda c: -c.worth)
    moving = [c for c in ranked if c.moved or empty_room] or ranked[:1]
    frequent = [c for c in moving if c.seen >= SEEN]
    warnings = []
    if wanted == 0:
        chosen = (frequent or ranked[:1])[:15]
    else:
        chosen = ranked[:wanted]
        rival = next((c for c in frequent if not any(c is o for o in chosen)), None)
        if chosen and rival is not None and rival.worth > COMPARABLE * chosen[-1].worth:
            warnings.append(
                f"{_many(len(chosen) + 1)} people are in the ring, {wanted} asked for: the one near "
                f"{_place(rival.center)} is left out (person00 is near {_place(chosen[0].center)}); "
                f"follow them too with --people {wanted + 1}"
            )
        if chosen and len(chosen) < wanted:
            warnings.append(f"{wanted} people asked for, {len(chosen)} found; the others are nobody in every mask")
    warnings += [
        f"person{n:02d}, near {_place(c.center)}, never moved and no take of the empty room tells it from furniture"
        for n, c in enumerate(chosen)
        if not c.moved and not empty_room and len(ranked) > 1
    ]
    people = [c.thing for c in chosen]
    return People(people=people, others=[t for t in things if not any(t is one for one in people)], warnings=warnings)


def _judge(
    thing: Thing, occupied: Sequence[Occupied], grid: VoxelGrid, workspace: Workspace, empty_room: bool
) -> Candidate:
    when = sorted(thing.index)
    area = float(np.median([len(thing.index[t]) for t in when])) * grid.voxel_m**2
    center = np.median([thing.center[t] for t in when], axis=0)
    seen = len(when) / len(occupied)
    moved = _moved(thing, when, grid)
    sized = [t for t in when if Piece(thing.index[t], grid).person_sized]
    away = float(np.linalg.norm(center[:2] - workspace.center[:2]))
    worth = area * seen * 0.5**away * (1.0 if moved or empty_room else STILL_WORTH)
    return Candidate(
        thing=thing, area_m2=area, seen=seen, moved=moved, person_sized=len(sized) > len(when) / 2, center=center,
        worth=worth,
    )  # fmt: skip


def _moved(thing: Thing, when: list[int], grid: VoxelGrid) -> bool:
    """Whether its surface left its first place by more than a voxel at any of some instants."""
    first = KDTree(grid.middle(thing.index[when[0]]))
    reach = 1.8 * grid.voxel_m  # the diagonal neighbour, 1.73 voxels away, is no motion
    for t in when[:: max(len(when) // SAMPLES, 1)] + when[-1:]:
        away = first.query(grid.middle(thing.index[t]), distance_upper_bound=reach)[0]
        if np.isinf(away).mean() > MOVED:
            return True
    return False


def _place(center: Float[np.ndarray, "3"]) -> str:
    return f"x = {center[0]:.1f}, y = {center[1]:.1f} m"


def _many(count: int) -> str:
    names = ("no", "one", "two", "three", "four", "five", "six")
    return names[count] if count < len(names) else str(count)
