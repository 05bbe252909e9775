"""Rest shapes as whole steps around a linear fit, each vertex told from its neighbours before it: small and exact."""

from __future__ import annotations

import itertools
from collections import deque

import numpy as np
from jaxtyping import Float, Int, Integer, UInt8

STEP_MM = 0.115
"""Rounding moves a vertex by at most sqrt(3) / 2 steps, 0.0996 mm."""


def encode(
    residuals: Float[np.ndarray, "subjects vertices 3"], faces: Integer[np.ndarray, "faces 3"]
) -> UInt8[np.ndarray, "2 vertices 3 subjects"]:
    """Low and high bytes (uint8) of what neighbours do not foretell of the residuals, which are in metres."""
    steps = np.round(residuals.transpose(1, 2, 0) * 1e3 / STEP_MM).astype(np.int32)
    surprises = steps.copy()
    for vertex, before in _neighbours_before(faces, len(steps)):
        surprises[vertex] -= _foretold(steps[before])
    assert np.abs(surprises).max() < 2**15, "a residual beyond 3 m"
    words = surprises.astype("<i2")
    return np.stack([words.view(np.uint8)[..., 0::2], words.view(np.uint8)[..., 1::2]])


def decode(
    planes: UInt8[np.ndarray, "2 vertices 3 subjects"], faces: Integer[np.ndarray, "faces 3"]
) -> Int[np.ndarray, "subjects vertices 3"]:
    """Residuals in steps of STEP_MM, int16; the very integers that `encode` rounded to."""
    words = (planes[0].astype(np.uint16) | (planes[1].astype(np.uint16) << 8)).view(np.int16)
    steps = words.astype(np.int32)
    for vertex, before in _neighbours_before(faces, len(steps)):
        steps[vertex] += _foretold(steps[before])
    return np.ascontiguousarray(steps.astype(np.int16).transpose(2, 0, 1))


def _foretold(before: np.ndarray) -> np.ndarray:
    """Mean of the earlier neighbours in whole numbers, so that every machine finds the same."""
    return (before.sum(0) + len(before) // 2) // len(before)


def _neighbours_before(faces: np.ndarray, count: int) -> list[tuple[int, list[int]]]:
    """Vertices breadth first from vertex 0, each with its neighbours that came earlier; vertex 0 is left out."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).astype(np.int64)
    edges = np.unique(np.concatenate([edges, edges[:, ::-1]]), axis=0)
    starts = np.searchsorted(edges[:, 0], np.arange(count + 1))
    neighbours = [edges[a:b, 1].tolist() for a, b in itertools.pairwise(starts)]
    place, queue = {0: 0}, deque([0])
    while queue:
        for neighbour in neighbours[queue.popleft()]:
            if neighbour not in place:
                place[neighbour] = len(place)
                queue.append(neighbour)
    return [(v, [n for n in neighbours[v] if place[n] < place[v]]) for v in place if v != 0]
