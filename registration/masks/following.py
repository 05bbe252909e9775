"""Things and people of the workspace followed through a take, and told apart while they touch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float, Int16
from scipy.spatial import KDTree

from registration.masks.config import MaskConfig
from registration.masks.pieces import Piece, pieces_of
from registration.masks.voxels import Occupied, VoxelGrid

SAME_M = 0.08
"""Surface that is this near to where somebody was expected is theirs: two voxels, 2.4 m/s at 30 Hz."""
OVERLAP = 0.05
"""Share of somebody's surface that must be where it was expected; with less they are looked for around."""
LIKE = (0.3, 3.0)
"""How the size of somebody who was lost may have changed."""
RIVAL = 0.4
"""A piece beside somebody is a person of its own, and no limb, from this share of their size on, if both stand."""
THING_AREA_M2 = 0.02
"""Smaller pieces, apart from everybody, are not followed."""
THINNED = 4
"""Every fourth voxel tells where somebody is."""
SHIFTS = 3
"""Times that the expected place of people who touch is corrected by their own surface."""
SMOOTH = 0.5
"""Weight of a new velocity against the former one."""


@dataclass(eq=False)
class Thing:
    """A person or an object through the take; keys are positions in the list of instants."""

    index: dict[int, Int16[np.ndarray, "_ 3"]] = field(default_factory=dict)
    """Its voxels."""
    center: dict[int, Float[np.ndarray, "3"]] = field(default_factory=dict)
    """Their mean, world metres."""


@dataclass(eq=False)
class _Live:
    """Somebody as last seen."""

    thing: Thing
    points: Float[np.ndarray, "voxels 3"]
    t: int
    velocity: Float[np.ndarray, "3"]

    def expected(self, time_s: Float[np.ndarray, "instants"], t: int) -> Float[np.ndarray, "voxels 3"]:
        return self.points + self.velocity * (time_s[t] - time_s[self.t])


def follow(
    occupied: Sequence[Occupied], time_s: Float[np.ndarray, "instants"], grid: VoxelGrid, config: MaskConfig
) -> list[Thing]:
    """Everything that is seen in the workspace, told apart over the whole take.

    The take is walked both ways from the instant with the most separate people. Surface goes to whoever was expected
    there by the last place and velocity; a piece that several people share is split voxel by voxel.
    """
    pieces = [pieces_of(some, grid, config) for some in occupied]
    if not any(pieces):
        return []
    people = [sum(piece.person_sized for piece in some) for some in pieces]
    seed = int(np.argmax(people))
    things: list[Thing] = []
    live = _step(things, [], pieces[seed], seed, time_s, grid, config)
    start = [(one.thing, one.points) for one in live]
    for t in range(seed + 1, len(pieces)):
        live = _step(things, live, pieces[t], t, time_s, grid, config)
    live = [_Live(thing, points, seed, _velocity(thing, seed, time_s)) for thing, points in start]
    for t in range(seed - 1, -1, -1):
        live = _step(things, live, pieces[t], t, time_s, grid, config)
    return things


def _velocity(thing: Thing, t: int, time_s: Float[np.ndarray, "instants"]) -> Float[np.ndarray, "3"]:
    """From an instant to the next, 0 where somebody is not seen at it."""
    if t + 1 not in thing.center:
        return np.zeros(3)
    return (thing.center[t + 1] - thing.center[t]) / (time_s[t + 1] - time_s[t])


def _step(
    things: list[Thing],
    live: list[_Live],
    pieces: list[Piece],
    t: int,
    time_s: Float[np.ndarray, "instants"],
    grid: VoxelGrid,
    config: MaskConfig,
) -> list[_Live]:
    """Gives the pieces of an instant to those who are alive, or to somebody new; returns who is alive now."""
    live = [one for one in live if abs(time_s[t] - time_s[one.t]) <= config.max_lost_s]
    expected = [one.expected(time_s, t) for one in live]
    home = _homes(live, expected, pieces, t, time_s, config)
    got: list[list[np.ndarray]] = [[] for _ in live]
    free: list[Piece] = []
    for n, piece in enumerate(pieces):
        owners = [k for k in range(len(live)) if home[k] == n]
        if not owners:
            free.append(piece)
            continue
        whose = _split(piece.points, [expected[k] for k in owners])
        for o, k in enumerate(owners):
            got[k].append(piece.index[whose == o])
    bodies = [Piece(np.concatenate(parts), grid) if parts else None for parts in got]
    trees = [KDTree(body.points) if body is not None and len(body) else None for body in bodies]
    for piece in free:
        k = _beside(piece, bodies, trees, config)
        if k is None and piece.area_m2 >= THING_AREA_M2:
            thing = Thing()
            things.append(thing)
            live.append(_Live(thing, piece.points, t, np.zeros(3)))
            got.append([piece.index])
            bodies.append(piece)
            trees.append(KDTree(piece.points))
        elif k is not None:
            got[k].append(piece.index)
    shared = {n for n in home if n is not None and home.count(n) > 1}
    for k, one in enumerate(live):
        if not got[k] or not sum(len(part) for part in got[k]):
            continue
        index = np.concatenate(got[k])
        _move(one, index, t, time_s, grid, calm=k < len(home) and home[k] in shared)
    return live


def _homes(
    live: list[_Live],
    expected: list[Float[np.ndarray, "_ 3"]],
    pieces: list[Piece],
    t: int,
    time_s: Float[np.ndarray, "instants"],
    config: MaskConfig,
) -> list[int | None]:
    """The piece in which each one is: where most of the expected surface is, else one like them nearby."""
    share = np.zeros((len(live), len(pieces)))
    for n, piece in enumerate(pieces):
        tree = KDTree(piece.points)
        for k, points in enumerate(expected):
            away = tree.query(points[::THINNED], distance_upper_bound=SAME_M)[0]
            share[k, n] = np.isfinite(away).mean()
    home: list[int | None] = [
        int(share[k].argmax()) if len(pieces) and share[k].max() >= OVERLAP else None for k in range(len(live))
    ]
    pairs = []
    for k, one in enumerate(live):
        if home[k] is None:
            reach = 0.2 + config.max_speed * abs(time_s[t] - time_s[one.t])
            for n, piece in enumerate(pieces):
                away = float(np.linalg.norm(piece.center - expected[k].mean(0)))
                if n not in home and away < reach and LIKE[0] < len(piece) / len(one.points) < LIKE[1]:
                    pairs.append((away, k, n))
    for _, k, n in sorted(pairs):
        if home[k] is None and n not in home:
            home[k] = n
    return home


def _split(points: Float[np.ndarray, "voxels 3"], expected: list[Float[np.ndarray, "_ 3"]]) -> np.ndarray:
    """Which owner's expected surface is nearest to each voxel; the expectation follows what it is given."""
    whose = np.zeros(len(points), np.int64)
    if len(expected) == 1:
        return whose
    trees, shift = [KDTree(some) for some in expected], np.zeros((len(expected), 3))
    for _ in range(SHIFTS):
        found: list[tuple[Any, Any]] = [tree.query(points - move) for tree, move in zip(trees, shift)]
        whose = np.argmin([away for away, _ in found], axis=0)
        for k, (_, at) in enumerate(found):
            mine = whose == k
            if mine.any():
                shift[k] = np.median(points[mine] - expected[k][at[mine]], axis=0)
    return whose


def _beside(piece: Piece, bodies: list[Piece | None], trees: list[KDTree | None], config: MaskConfig) -> int | None:
    """Of whom a free piece is a part; None where it is apart, or a person who stands beside somebody."""
    best, nearest = None, config.piece_m
    for k, (body, tree) in enumerate(zip(bodies, trees)):
        if body is None or tree is None:
            continue
        away = float(np.min(tree.query(piece.points, distance_upper_bound=nearest)[0]))
        if piece.person_sized and len(piece) > RIVAL * len(body) and piece.on_floor and body.on_floor:
            continue
        if away < nearest:
            best, nearest = k, away
    return best


def _move(
    one: _Live, index: np.ndarray, t: int, time_s: Float[np.ndarray, "instants"], grid: VoxelGrid, *, calm: bool
) -> None:
    """Notes where somebody is now. In contact (`calm`) the velocity stays: the split moves the middle by itself."""
    points = grid.middle(index)
    dt = time_s[t] - time_s[one.t]
    if dt != 0 and not calm:
        moved = (points.mean(0) - one.points.mean(0)) / dt
        one.velocity = moved if not one.velocity.any() else SMOOTH * moved + (1 - SMOOTH) * one.velocity
    one.points, one.t = points, t
    one.thing.index[t], one.thing.center[t] = index.astype(np.int16), points.mean(0)
