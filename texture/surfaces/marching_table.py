"""How a surface passes through a cube of the grid: the triangles of each of the 256 patterns of inside corners.

The table is derived, not typed in. On each face of the cube, segments separate the inside corners from the outside
ones; where both diagonals differ, the inside corners are kept apart, in both cubes that share the face, so that
neighbouring cubes always fit. The segments of a cube join into loops, which are cut into triangles without a diagonal
on a face of the cube: such an edge could meet one of the next cube and be shared by four triangles.
"""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np
from jaxtyping import Int8, Int64

CORNERS = np.array(list(product((0, 1), repeat=3)))
"""Offset of each corner; corner 4x + 2y + z."""
EDGES = np.array([(a, a | axis) for axis in (4, 2, 1) for a in range(8) if not a & axis])
"""Lower and upper corner of each edge: four along x, four along y, four along z."""
EDGE_AXIS = np.repeat([0, 1, 2], 4)
_LAST = -1


@cache
def triangle_table() -> tuple[Int8[np.ndarray, "256 longest 3"], Int64[np.ndarray, "256"]]:
    """The edges of the cube on which each triangle's corners lie, and how many triangles each pattern has.

    Bit c of a pattern says that corner c is inside. Triangles turn counter-clockwise seen from outside.
    """
    patterns = [[t for loop in _loops(pattern) for t in _cut(loop)] for pattern in range(256)]
    counts = np.array([len(triangles) for triangles in patterns])
    table = np.full((256, counts.max(), 3), _LAST, np.int8)
    for pattern, triangles in enumerate(patterns):
        if triangles:
            table[pattern, : len(triangles)] = triangles
    return table, counts


def _faces() -> list[list[int]]:
    """The corners of each face of the cube, counter-clockwise seen from outside the cube."""
    faces = []
    for axis, side in product(range(3), (0, 1)):
        u, v = (axis + 1) % 3, (axis + 2) % 3
        ring = [(0, 0), (1, 0), (1, 1), (0, 1)]
        corners = []
        for a, b in ring if side else ring[::-1]:
            offset = [0, 0, 0]
            offset[axis], offset[u], offset[v] = side, a, b
            corners.append(4 * offset[0] + 2 * offset[1] + offset[2])
        faces.append(corners)
    return faces


_FACES = _faces()
_EDGE_OF = {frozenset(map(int, edge)): number for number, edge in enumerate(EDGES)}
_FACES_OF_EDGE = [{f for f, corners in enumerate(_FACES) if set(map(int, edge)) <= set(corners)} for edge in EDGES]


def _loops(pattern: int) -> list[list[int]]:
    """Closed rings of cube edges around the inside corners, which lie to the left seen from outside the cube.

    Each ring bounds a piece of the surface; seen from outside the surface it turns counter-clockwise.
    """
    following = {}
    for corners in _FACES:
        inside = [pattern >> corner & 1 for corner in corners]
        entering = [i for i in range(4) if inside[i] and not inside[i - 1]]
        for i in entering:
            j = i
            while inside[(j + 1) % 4]:
                j += 1
            first = _EDGE_OF[frozenset((corners[i - 1], corners[i]))]
            last = _EDGE_OF[frozenset((corners[j % 4], corners[(j + 1) % 4]))]
            following[first] = last
    loops = []
    while following:
        start = min(following)
        loop = [start]
        while (step := following.pop(loop[-1])) != start:
            loop.append(step)
        loops.append(loop)
    return loops


def _cut(loop: list[int]) -> list[tuple[int, int, int]]:
    """Triangles of a ring; no diagonal joins two edges of one face of the cube."""
    if len(loop) == 3:
        return [(loop[0], loop[1], loop[2])]
    if len(loop) < 3:
        return []
    for apex in range(2, len(loop)):
        first, last = loop[: apex + 1], [loop[0], *loop[apex:]]
        sides = [part for part in (first[1:], last) if len(part) > 2]
        diagonals = [(loop[1], loop[apex])] * (apex > 2) + [(loop[0], loop[apex])] * (apex < len(loop) - 1)
        if any(_FACES_OF_EDGE[a] & _FACES_OF_EDGE[b] for a, b in diagonals):
            continue
        rest = [_cut(part) for part in sides]
        if all(rest):
            return [(loop[0], loop[1], loop[apex]), *(triangle for part in rest for triangle in part)]
    return []
