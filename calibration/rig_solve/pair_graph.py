"""Which cameras saw the board together, and where that puts one from the other."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial.transform import Rotation

from calibration.rig_solve.single_view import PlacedView, relative
from geometry.rigid import rigid

AGREE_M = 0.25
"""Two boards agree on where a camera is from another when they differ by less than this at ARM_M. With a focal length
wrong by 0.3 %, a centre by 3 px and corners by 0.1 px, one board errs by 0.033 m there in the median, 0.12 m at most of
2700 (default board in a ring of ten)."""
ARM_M = 2.0
"""Distance at which a turn is felt: the board's from the camera."""
MOST_BOARDS = 60
"""Of a pair, for its relative place: more make the start no better."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PairTie:
    """Two cameras that saw the board at the same instants."""

    a: str
    b: str
    boards: int
    """Instants at which both saw it."""
    agreeing: int
    """Of these, the ones that agree on `T_a_b`."""
    T_a_b: Float[np.ndarray, "4 4"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PairGraph:
    """Cameras, and the boards that tie them."""

    cameras: tuple[str, ...]
    views: Mapping[str, int]
    """By camera: how many boards it saw."""
    ties: tuple[PairTie, ...]
    """Pairs with at least one board, a before b in `cameras`."""

    @property
    def boards(self) -> Int[np.ndarray, "cameras cameras"]:
        """How many boards each two cameras saw together; on the diagonal, how many each saw."""
        row = {name: index for index, name in enumerate(self.cameras)}
        counts = np.zeros((len(row), len(row)), int)
        for name, views in self.views.items():
            counts[row[name], row[name]] = views
        for tie in self.ties:
            counts[row[tie.a], row[tie.b]] = counts[row[tie.b], row[tie.a]] = tie.boards
        return counts


def pair_graph(placed: Sequence[PlacedView], cameras: Sequence[str]) -> PairGraph:
    """The ties between all cameras with views."""
    views = Counter(one.view.camera for one in placed)
    by_instant: dict[int, list[PlacedView]] = defaultdict(list)
    for one in placed:
        by_instant[one.view.instant].append(one)
    order = {name: index for index, name in enumerate(cameras)}
    common: dict[tuple[str, str], list[tuple[PlacedView, PlacedView]]] = defaultdict(list)
    for together in by_instant.values():
        ordered = sorted(together, key=lambda one: order[one.view.camera])
        for one, other in combinations(ordered, 2):
            common[one.view.camera, other.view.camera].append((one, other))
    ties = tuple(_tie(a, b, pairs) for (a, b), pairs in common.items() if a != b)
    return PairGraph(cameras=tuple(cameras), views={name: views[name] for name in cameras}, ties=ties)


def _tie(a: str, b: str, pairs: list[tuple[PlacedView, PlacedView]]) -> PairTie:
    """The relative place that most boards agree on: the candidate nearest to all others, and the mean of its like."""
    step = -(-len(pairs) // MOST_BOARDS)
    candidates, boards = [], []
    for index, (one, other) in enumerate(pairs[::step]):
        for T_a_board in one.Ts_camera_board:
            for T_b_board in other.Ts_camera_board:
                candidates.append(relative(T_a_board, T_b_board))
                boards.append(index)
    Ts = np.array(candidates)
    between = apart(Ts)
    best = int(np.minimum(between, AGREE_M).sum(1).argmin())
    near = between[best] < AGREE_M
    R = Rotation.from_matrix(Ts[near, :3, :3]).mean().as_matrix()
    agreeing = len({board for board, yes in zip(boards, near, strict=True) if yes})
    return PairTie(
        a=a,
        b=b,
        boards=len(pairs),
        agreeing=round(agreeing * len(pairs) / len(pairs[::step])),
        T_a_b=rigid(R, np.median(Ts[near, :3, 3], axis=0)),
    )


def apart(Ts: Float[np.ndarray, "n 4 4"]) -> Float[np.ndarray, "n n"]:
    """How far transforms differ at ARM_M, metres."""
    trace = np.einsum("nij,mij->nm", Ts[:, :3, :3], Ts[:, :3, :3])
    angle = np.arccos(np.clip((trace - 1) / 2, -1, 1))
    return ARM_M * angle + np.linalg.norm(Ts[:, None, :3, 3] - Ts[None, :, :3, 3], axis=-1)
