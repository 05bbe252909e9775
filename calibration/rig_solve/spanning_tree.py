"""From pairs to one world: the best tied cameras are chained, and the ones that nothing ties are named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from calibration.bundle.problem import DevicePair
from calibration.rig import device_of
from calibration.rig_solve.pair_graph import PairGraph
from geometry.rigid import inverse

PAIR_WEIGHT = 10_000
"""Of a factory's relative place against a number of boards: it is always the better start."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Placement:
    """Cameras that hang together."""

    held: str
    """The camera whose frame is the world."""
    Ts_world_camera: Mapping[str, Float[np.ndarray, "4 4"]]
    apart: tuple[frozenset[str], ...]
    """Other groups of cameras that hang together, but not with these."""


def chain_cameras(graph: PairGraph, pairs: Sequence[DevicePair], held: str = "") -> Placement:
    """Cameras along a maximum spanning tree of the pair graph, from the held camera on.

    Of groups without a tie between them the one with the most devices is placed, then the one with the most views;
    with `held` its group. Cameras without a view belong to their device where `pairs` has them.
    """
    edges: dict[frozenset[str], tuple[int, str, str, np.ndarray]] = {}
    for tie in graph.ties:
        edges[frozenset((tie.a, tie.b))] = (tie.agreeing, tie.a, tie.b, tie.T_a_b)
    for pair in pairs:
        edges[frozenset((pair.a, pair.b))] = (PAIR_WEIGHT, pair.a, pair.b, pair.T_a_b)
    group = {name: frozenset((name,)) for name in graph.cameras}
    tree: dict[str, list[tuple[str, np.ndarray]]] = {name: [] for name in graph.cameras}
    for _, a, b, T_a_b in sorted(edges.values(), key=lambda edge: -edge[0]):
        if a not in group or b not in group or group[a] is group[b]:
            continue
        merged = group[a] | group[b]
        group.update(dict.fromkeys(merged, merged))
        tree[a].append((b, T_a_b))
        tree[b].append((a, inverse(T_a_b)))
    groups = sorted(set(group.values()), key=lambda names: _size(names, graph), reverse=True)
    chosen = group[held] if held in group else groups[0]
    root = held if held in group else max(sorted(chosen), key=lambda name: graph.views[name])
    placed, front = {root: np.eye(4)}, [root]
    while front:
        a = front.pop()
        for b, T_a_b in tree[a]:
            if b not in placed:
                placed[b] = placed[a] @ T_a_b
                front.append(b)
    return Placement(
        held=root,
        Ts_world_camera={name: placed[name] for name in graph.cameras if name in placed},
        apart=tuple(names for names in groups if names != chosen),
    )


def _size(names: frozenset[str], graph: PairGraph) -> tuple[int, int, str]:
    """Devices that saw the board, then views; then the name, so that the order never depends on chance."""
    seen = {device_of(name) for name in names if graph.views[name]}
    return len(seen), sum(graph.views[name] for name in names), min(names)
