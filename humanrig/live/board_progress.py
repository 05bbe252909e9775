"""How far a calibration has come while the board is waved: coverage, pairs, sigma, and what to do next in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
from jaxtyping import Float

from calibration.board_view import BoardTake
from calibration.intrinsics.coverage import SEEN, Coverage, camera_coverage
from calibration.rig import device_of
from geometry.camera import Camera

ENOUGH_VIEWS = 20
"""Of each camera: with 60 the cameras of a ring of ten are known to half a millimetre, with 20 to a few."""
ENOUGH_TOGETHER = 5
"""Boards that a camera must share with cameras of other devices."""
ENOUGH_TILTED = 0.2
"""Share of views whose board is tilted enough to tell the focal length."""
ENOUGH_RATIO = 1.4
"""Of the largest and the smallest distance of the board."""
EMPTY_PLACES = 3
"""Ninths of the image that may stay without a corner."""
GOOD_MM = 1.0
"""Standard deviation at the body, as the verdicts of a solve call it good."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveSolve:
    """What a quick solve says; it comes from another process."""

    placements: int = 0
    sigma_mm: Mapping[str, float] = field(default_factory=dict)
    """At the body, by solved camera."""
    unsolved: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""
    """Why nothing could be solved yet."""
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class CameraProgress:
    """One camera."""

    camera: str
    views: int
    coverage: Coverage | None
    """None: nothing is known of its lens, and it saw too little to guess."""
    together: int
    """Boards that it shares with cameras of other devices."""


def camera_progress(take: BoardTake, lenses: Mapping[str, Camera]) -> dict[str, CameraProgress]:
    """By camera, in the take's order."""
    devices: dict[int, set[str]] = {}
    for view in take.views:
        devices.setdefault(view.instant, set()).add(device_of(view.camera))
    found = {}
    for name in take.cameras:
        views = take.of_camera(name)
        lens = lenses.get(name)
        found[name] = CameraProgress(
            camera=name,
            views=len(views),
            coverage=None if lens is None else camera_coverage(lens, take.board.corners, views),
            together=sum(len(devices[view.instant]) > 1 for view in views),
        )
    return found


def pair_counts(take: BoardTake) -> dict[tuple[str, str], int]:
    """Boards that two devices saw together, by their names in order."""
    seen: dict[int, set[str]] = {}
    for view in take.views:
        seen.setdefault(view.instant, set()).add(device_of(view.camera))
    counts: dict[tuple[str, str], int] = {}
    for devices in seen.values():
        for pair in combinations(sorted(devices), 2):
            counts[pair] = counts.get(pair, 0) + 1
    return counts


def next_step(progress: Mapping[str, CameraProgress], pairs: Mapping[tuple[str, str], int], solve: LiveSolve) -> str:
    """One sentence: what helps most now."""
    if not any(one.views for one in progress.values()):
        return "Hold the board so that a camera sees it whole."
    devices = list(dict.fromkeys(device_of(name) for name in progress))
    if apart := _apart(devices, pairs):
        group, rest = apart
        return f"Hold the board where {_or(group)} and {_or(rest)} see it at once: nothing ties them yet."
    if blind := [name for name, one in progress.items() if not one.views]:
        return f"Show the board to {blind[0]}: it has not seen it."
    fewest = min(progress.values(), key=lambda one: one.together)
    if len(devices) > 1 and fewest.together < ENOUGH_TOGETHER:
        return f"Hold the board where {fewest.camera} and a neighbour see it: they shared it {fewest.together} times."
    fewest = min(progress.values(), key=lambda one: one.views)
    if fewest.views < ENOUGH_VIEWS:
        return f"Show {fewest.camera} more of the board: it saw it {fewest.views} times of {ENOUGH_VIEWS}."
    if advice := _coverage_advice(progress):
        return advice
    if solve.sigma_mm:
        worst = max(solve.sigma_mm, key=lambda name: solve.sigma_mm[name])
        known = f"known to {solve.sigma_mm[worst]:.1f} mm"
        if solve.sigma_mm[worst] > GOOD_MM:
            weak = _weakest(device_of(worst), pairs)
            between = f"between {device_of(worst)} and {weak}" if weak else f"before {worst}, near and far"
            return f"Wave the board {between}: {worst} is {known}."
        return f"Enough: every camera is {known} or better. More boards make it finer."
    return solve.problem or "Go on: tilt the board, near and far, in every part of the room."


def as_json(
    progress: Mapping[str, CameraProgress],
    pairs: Mapping[tuple[str, str], int],
    solve: LiveSolve,
    *,
    boards: int,
) -> dict[str, Any]:
    """What the page draws."""
    return {
        "next": next_step(progress, pairs, solve),
        "boards": boards,
        "problem": "",
        "solve_problem": solve.problem,
        "cameras": [
            {
                "name": name,
                "views": one.views,
                "together": one.together,
                "cells": [] if one.coverage is None else (one.coverage.corners >= SEEN).astype(int).tolist(),
                "sigma_mm": solve.sigma_mm.get(name),
                "unsolved": solve.unsolved.get(name, ""),
            }
            for name, one in progress.items()
        ],
        "pairs": [{"a": a, "b": b, "boards": count} for (a, b), count in sorted(pairs.items())],
    }


def is_new_place(
    earlier: Mapping[str, Float[np.ndarray, "2"]], now: Mapping[str, Float[np.ndarray, "2"]], least_px: float
) -> bool:
    """Whether a camera sees the board's middle somewhere else than at the last placement, or for the first time."""
    return any(name not in earlier or np.linalg.norm(q - earlier[name]) >= least_px for name, q in now.items())


def _apart(devices: Sequence[str], pairs: Mapping[tuple[str, str], int]) -> tuple[list[str], list[str]] | None:
    """A group that no common board ties to the others, and the others; None where all hang together."""
    group = {devices[0]}
    while more := {d for a, b in pairs for d in (a, b) if ({a, b} & group) and d not in group}:
        group |= more
    rest = [name for name in devices if name not in group]
    if not rest:
        return None
    mine = [name for name in devices if name in group]
    return (mine, rest) if len(mine) <= len(rest) else (rest, mine)


def _coverage_advice(progress: Mapping[str, CameraProgress]) -> str:
    known = [one for one in progress.values() if one.coverage is not None]
    for one in known:
        assert one.coverage is not None
        if one.coverage.tilted < ENOUGH_TILTED * one.views:
            return f"Tilt the board before {one.camera}, to the side and backwards: it saw it mostly from the front."
        if one.coverage.distance_ratio < ENOUGH_RATIO:
            return f"Show {one.camera} the board nearer and farther: it saw it at one distance."
    empty = {
        one.camera: places
        for one in known
        if one.coverage and len(places := one.coverage.empty_places()) > EMPTY_PLACES
    }
    if not empty:
        return ""
    worst = max(empty, key=lambda name: len(empty[name]))
    return f"Bring the board into the {empty[worst][0]} of {worst}'s picture: nothing was seen there."


def _weakest(device: str, pairs: Mapping[tuple[str, str], int]) -> str:
    """Of the devices that it shares boards with, the one with the fewest."""
    mine = {(b if a == device else a): count for (a, b), count in pairs.items() if device in (a, b)}
    return min(mine, key=lambda name: mine[name]) if mine else ""


def _or(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"one of {', '.join(names)}"
