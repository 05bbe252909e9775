"""Folds that come with the pose: cloth that is compressed between two of its points buckles, as deep as length asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numba as nb
import numpy as np
from jaxtyping import Float, Int32
from scipy.spatial import KDTree

from body.appearance_paint import noise
from body.garments.contact import vertex_normals
from body.garments.kernels import COMPILED
from body.garments.limbs import directions
from body.garments.piece import Piece

_SPAN_M: Final = 0.024
"""Half the length over which compression is measured."""
_WAVE_M: Final = 0.045
"""Distance between two folds of an adult's shirt (assumed)."""
_DEEPEST_M: Final = 0.010
_OFFSET: Final = 0.02
"""Compression at which folds become visible; keeps their depth smooth in the pose."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FoldField:
    """Where compression is measured and which waves it raises; axis 1: along the limb, around it."""

    ends: Int32[np.ndarray, "points 2 2"]
    lengths: Float[np.ndarray, "points 2"]
    waves: Float[np.ndarray, "points 2"]
    """-1..1, the shape of the folds."""
    deepest: Float[np.ndarray, "points 2"]
    gain: Float[np.ndarray, "points 2"]
    """Depth in metres for the square root of a compression."""


def fold_field(piece: Piece, scale: float, rng: np.random.Generator) -> FoldField:
    """The folds of one piece."""
    along = directions(piece.part)
    around = np.cross(along, vertex_normals(piece.rest, np.asarray(piece.faces, np.int64)))
    around /= np.linalg.norm(around, axis=1, keepdims=True) + 1e-12
    tree = KDTree(piece.rest)
    reach = _SPAN_M * max(scale, 0.6)
    ends = np.stack(
        [
            np.stack([tree.query(piece.rest - reach * axis)[1], tree.query(piece.rest + reach * axis)[1]], 1)
            for axis in (along, around)
        ],
        1,
    )
    lengths = np.linalg.norm(piece.rest[ends[..., 0]] - piece.rest[ends[..., 1]], axis=-1)
    usable = lengths > 0.8 * reach
    wave = _WAVE_M * max(scale, 0.6) * rng.uniform(0.85, 1.2)
    drift = 0.5 * noise(piece.rest, 0.08, rng) + 0.15 * noise(piece.rest, 0.03, rng)
    tilt = 0.25 * np.sin(piece.angle + rng.uniform(0, 2 * np.pi))
    rings = np.sin(2 * np.pi * (piece.along / wave + drift + tilt))
    ridges = np.zeros(len(piece.rest))
    for part in np.unique(piece.part):
        mine = piece.part == part
        middle = piece.rest[mine].mean(0)
        radius = np.median(np.linalg.norm((piece.rest[mine] - middle) * (np.abs(along[mine]) < 0.5), axis=1))
        count = max(round(2 * np.pi * radius / (1.2 * wave)), 3)
        ridges[mine] = np.sin(count * piece.angle[mine] + 2 * np.pi * drift[mine])
    fade = np.clip(piece.hem / 0.01, 0.3, 1.0)[:, None] * piece.soft
    buckles = [0.0, 1.0] if piece.loft is not None else [1.0, 1.0]  # a skirt's rings slide rather than buckle
    return FoldField(
        ends=ends.astype(np.int32),
        lengths=np.where(usable, lengths, 0.0),
        waves=np.stack([rings, ridges], 1),
        deepest=np.full((len(piece.rest), 2), _DEEPEST_M * scale) * fade,
        gain=np.full((len(piece.rest), 2), 0.7 * wave / np.pi) * fade * buckles,
    )


@nb.njit(**COMPILED)
def compression(points, ends, lengths, starts, lists, steps):
    """(points, 2): share by which cloth is shorter than at rest, averaged over neighbours `steps` times; >= 0."""
    squeezed = np.zeros((len(points), 2))
    for i in range(len(points)):
        for k in range(2):
            if lengths[i, k] > 0:
                a, b = ends[i, k, 0], ends[i, k, 1]
                now = 0.0
                for c in range(3):
                    now += (points[a, c] - points[b, c]) ** 2
                squeezed[i, k] = min(max(1 - np.sqrt(now) / lengths[i, k], 0.0), 0.6)
    for _ in range(steps):
        mean = np.empty_like(squeezed)
        for i in range(len(points)):
            count = starts[i + 1] - starts[i]
            u, v = 0.0, 0.0
            for j in range(starts[i], starts[i + 1]):
                u += squeezed[lists[j], 0]
                v += squeezed[lists[j], 1]
            if count > 0:
                mean[i, 0], mean[i, 1] = 0.5 * squeezed[i, 0] + 0.5 * u / count, 0.5 * squeezed[i, 1] + 0.5 * v / count
            else:
                mean[i] = squeezed[i]
        squeezed = mean
    return squeezed


@nb.njit(**COMPILED)
def raise_folds(points, normals, squeezed, waves, deepest, gain):
    """Moves points along their normals, in place: depth ~ wave length / pi * sqrt(compression), bounded."""
    base = np.sqrt(_OFFSET)
    for i in range(len(points)):
        d = 0.0
        for k in range(2):
            d += min(gain[i, k] * (np.sqrt(squeezed[i, k] + _OFFSET) - base), deepest[i, k]) * waves[i, k]
        for c in range(3):
            points[i, c] += d * normals[i, c]
