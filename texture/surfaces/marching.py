"""The zero surface of a sparse field as triangles: marching cubes, closed and edge-manifold by construction (numba)."""

from __future__ import annotations

import numba as nb
import numpy as np

from geometry.mesh import TriangleMesh
from texture.surfaces.marching_table import EDGE_AXIS, EDGES, triangle_table
from texture.surfaces.sparse_field import SparseField

CLEAR_OF_CORNERS = 0.05
"""Vertices keep this part of a voxel away from grid corners: no triangle shrinks to nothing."""


def extract(field: SparseField) -> TriangleMesh:
    """The surface in metres, faces counter-clockwise seen from outside; without faces where nothing is inside.

    Every edge has two faces as long as the surface does not reach the border of the grid.
    """
    table, counts = triangle_table()
    distance, places = field.distance, field.places
    slots = np.pad(field.slots, ((0, 1), (0, 1), (0, 1)), constant_values=-2)  # beyond the grid all is outside
    number = np.full((*distance.shape, 3), -1, np.int32)
    crossings = count_crossings(distance, slots, places)
    vertices = np.empty((crossings, 3))
    cut_edges(distance, slots, places, CLEAR_OF_CORNERS, number, vertices)
    lower = EDGES[:, 0].astype(np.int64)
    patterns = np.zeros(distance.shape, np.uint8)
    triangles = find_patterns(distance, slots, places, counts, patterns)
    faces = np.empty((triangles, 3), np.int32)
    fill_faces(patterns, slots, places, table, counts, lower, EDGE_AXIS, number, faces)
    return TriangleMesh(vertices=vertices * field.voxel_m + field.origin, faces=faces)


@nb.njit(inline="always")
def _value(distance, slots, i, j, k):
    slot = slots[i >> 3, j >> 3, k >> 3]
    if slot == -1:
        return np.float32(-1.0)
    if slot == -2:
        return np.float32(1.0)
    return distance[slot, i & 7, j & 7, k & 7]


@nb.njit(cache=True, nogil=True)
def count_crossings(distance, slots, places):
    """How many grid edges have ends on different sides."""
    count = 0
    for s in range(len(places)):
        x, y, z = places[s, 0] * 8, places[s, 1] * 8, places[s, 2] * 8
        for a in range(8):
            for b in range(8):
                for c in range(8):
                    inside = distance[s, a, b, c] < 0
                    if a < 7 and b < 7 and c < 7:
                        count += (distance[s, a + 1, b, c] < 0) != inside
                        count += (distance[s, a, b + 1, c] < 0) != inside
                        count += (distance[s, a, b, c + 1] < 0) != inside
                    else:
                        count += (_value(distance, slots, x + a + 1, y + b, z + c) < 0) != inside
                        count += (_value(distance, slots, x + a, y + b + 1, z + c) < 0) != inside
                        count += (_value(distance, slots, x + a, y + b, z + c + 1) < 0) != inside
    return count


@nb.njit(cache=True, nogil=True, error_model="numpy")
def cut_edges(distance, slots, places, clear, number, vertices):
    """Puts a vertex where the field is zero on each such edge, in voxels, and numbers it."""
    count = 0
    for s in range(len(places)):
        x, y, z = places[s, 0] * 8, places[s, 1] * 8, places[s, 2] * 8
        for a in range(8):
            for b in range(8):
                for c in range(8):
                    here = distance[s, a, b, c]
                    for axis in range(3):
                        i = a + (axis == 0)
                        j = b + (axis == 1)
                        k = c + (axis == 2)
                        if i < 8 and j < 8 and k < 8:
                            there = distance[s, i, j, k]
                        else:
                            there = _value(distance, slots, x + i, y + j, z + k)
                        if (here < 0) == (there < 0):
                            continue
                        t = min(max(here / (here - there), clear), 1 - clear)
                        number[s, a, b, c, axis] = count
                        vertices[count, 0] = x + a + (t if axis == 0 else 0.0)
                        vertices[count, 1] = y + b + (t if axis == 1 else 0.0)
                        vertices[count, 2] = z + c + (t if axis == 2 else 0.0)
                        count += 1


@nb.njit(cache=True, nogil=True)
def find_patterns(distance, slots, places, counts, patterns):
    """Which corners of each cube are inside; returns how many triangles they make in all."""
    total = 0
    for s in range(len(places)):
        x, y, z = places[s, 0] * 8, places[s, 1] * 8, places[s, 2] * 8
        for a in range(8):
            for b in range(8):
                for c in range(8):
                    pattern = 0
                    within = a < 7 and b < 7 and c < 7
                    for n in range(8):
                        i, j, k = a + (n >> 2), b + (n >> 1 & 1), c + (n & 1)
                        if within:
                            value = distance[s, i, j, k]
                        else:
                            value = _value(distance, slots, x + i, y + j, z + k)
                        pattern |= (value < 0) << n
                    patterns[s, a, b, c] = pattern
                    total += counts[pattern]
    return total


@nb.njit(cache=True, nogil=True)
def fill_faces(patterns, slots, places, table, counts, lower, axis, number, faces):
    """Writes the triangles of every cube."""
    count = 0
    for s in range(len(places)):
        for a in range(8):
            for b in range(8):
                for c in range(8):
                    pattern = patterns[s, a, b, c]
                    for t in range(counts[pattern]):
                        for corner in range(3):
                            edge = table[pattern, t, corner]
                            n = lower[edge]
                            i = places[s, 0] * 8 + a + (n >> 2)
                            j = places[s, 1] * 8 + b + (n >> 1 & 1)
                            k = places[s, 2] * 8 + c + (n & 1)
                            slot = slots[i >> 3, j >> 3, k >> 3]
                            faces[count, corner] = number[slot, i & 7, j & 7, k & 7, axis[edge]]
                        count += 1
