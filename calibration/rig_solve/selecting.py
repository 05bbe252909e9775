"""Which placements of the board enter a solve: still ones that add what the others lack."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Float

from calibration.board_view import BoardTake, BoardView
from calibration.rig import device_of

CELLS = (5, 4)
"""Parts of an image across and down that corners are to fill."""
STILL_PX_S = 40.0
"""Speed at which a placement is worth half of a still one: with exposures up to 1 ms apart it adds 0.04 px, half of
what a good detector errs."""
PAIR_WORTH, CELL_WORTH, ATTITUDE_WORTH = 2.0, 1.0, 1.0
"""Of a first board for two cameras, a first corner in a part of an image, and a first of its distance and tilt."""
HELD_PART = 4
"""At most one placement stays out for so many that enter."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """Instants, ascending."""

    used: tuple[int, ...]
    held: tuple[int, ...]
    """Out of the solve, to judge it."""


def select_instants(take: BoardTake, max_instants: int, hold_out_every: int) -> Selection:
    """The placements to use, and the ones to judge by.

    One in `hold_out_every` of the placements that two devices saw is held out, the stillest of its neighbours. Of the
    others those are taken, one after another, that add most: boards for pairs of cameras that have few together,
    corners in parts of images that have few, distances and tilts that are rare; each worth less the faster it moved.
    """
    by_instant: dict[int, list[BoardView]] = defaultdict(list)
    for view in take.views:
        by_instant[view.instant].append(view)
    usual = _usual_speed(take.views)
    stillness = {instant: _stillness(views, usual) for instant, views in by_instant.items()}
    shared = [i for i in sorted(by_instant) if len({device_of(v.camera) for v in by_instant[i]}) > 1]
    held: set[int] = set()
    if hold_out_every:
        every = max(hold_out_every, -(-len(shared) * HELD_PART // max_instants))
        groups = [shared[first : first + every] for first in range(0, len(shared), every)]
        held = {max(group, key=lambda i: (stillness[i], -i)) for group in groups if len(group) == every}
    rest = [i for i in sorted(by_instant) if i not in held]
    if len(rest) > max_instants:
        worths = [_worths(by_instant[i], take) for i in rest]
        rest = _greedy(rest, worths, np.array([stillness[i] for i in rest]), max_instants)
    return Selection(used=tuple(rest), held=tuple(sorted(held)))


def _stillness(views: Sequence[BoardView], usual_px_s: float) -> float:
    """1 for a board at rest. A view that does not tell its speed has the usual one."""
    speeds = [usual_px_s if view.velocity is None else _speed(view.velocity) for view in views]
    return 1 / (1 + float(np.median(speeds) / STILL_PX_S) ** 2)


def _usual_speed(views: Sequence[BoardView]) -> float:
    """Of the views that tell theirs, px/s; 0 where none does, so that all placements are alike."""
    speeds = [_speed(view.velocity) for view in views if view.velocity is not None]
    return float(np.median(speeds)) if speeds else 0.0


def _speed(velocity: Float[np.ndarray, "_ 2"]) -> float:
    return float(np.median(np.linalg.norm(velocity, axis=-1)))


def _worths(views: list[BoardView], take: BoardTake) -> dict[Hashable, float]:
    """What a placement offers, and what the first of each kind is worth."""
    offers: dict[Hashable, float] = {}
    for one, other in combinations(views, 2):
        if device_of(one.camera) != device_of(other.camera):
            offers[frozenset((one.camera, other.camera))] = PAIR_WORTH
    for view in views:
        part = np.clip(view.q / take.image_sizes[view.camera], 0, 0.999) * CELLS
        offers.update({(view.camera, *cell): CELL_WORTH for cell in {tuple(c) for c in part.astype(int).tolist()}})
        offers[view.camera, "attitude", *_attitude(view, take)] = ATTITUDE_WORTH
    return offers


def _attitude(view: BoardView, take: BoardTake) -> tuple[int, int, int]:
    """Steps of a board's size in the image and of its foreshortening along two directions."""
    p = take.board.corners[view.ids, :2]
    affine = np.linalg.lstsq(p - p.mean(0), view.q - view.q.mean(0), rcond=None)[0].T
    u, s, _ = np.linalg.svd(affine)
    slant = np.arccos(np.clip(s[1] / s[0], 0, 1))
    turn = int(np.arctan2(u[1, 1], u[0, 1]) % np.pi // (np.pi / 2)) if slant > np.deg2rad(15) else -1
    return round(2 * np.log2(max(s[0], 1e-9))), int(slant // np.deg2rad(20)), turn


def _greedy(instants: list[int], worths: list[dict[Hashable, float]], stillness: np.ndarray, count: int) -> list[int]:
    kinds = {kind: column for column, kind in enumerate(dict.fromkeys(k for offers in worths for k in offers))}
    offered = np.zeros((len(instants), len(kinds)))
    for row, offers in enumerate(worths):
        for kind, worth in offers.items():
            offered[row, kinds[kind]] = worth
    had, free, chosen = np.zeros(len(kinds)), np.ones(len(instants), bool), []
    for _ in range(count):
        gain = np.where(free, (offered @ (1 / (1 + had))) * stillness, -1.0)
        best = int(gain.argmax())
        free[best] = False
        had += offered[best] > 0
        chosen.append(instants[best])
    return sorted(chosen)
