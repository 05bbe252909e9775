"""What the estimator looks for in a cloud: the 24 joints, and 64 markers spread over the skin."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from jaxtyping import Float, Int64

from body.joints import JOINT_COUNT, MIRROR
from body.model import BodyModel
from hps.errors import HpsError

MARKER_PAIRS: Final = 29
MARKERS_OF_THE_MIDDLE: Final = 6
MARKER_COUNT: Final = 2 * MARKER_PAIRS + MARKERS_OF_THE_MIDDLE
LANDMARK_COUNT: Final = JOINT_COUNT + MARKER_COUNT
MIDDLE_M: Final = 0.012
"""Vertices of the rest body nearer to the plane x = 0 are of neither side."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Landmarks:
    """The landmarks of one body model: joints first, then markers."""

    markers: Int64[np.ndarray, "markers"]
    """Vertices."""
    part: Int64[np.ndarray, "landmarks"]
    """The joint that each landmark moves with most; of a joint itself."""
    mirror: Int64[np.ndarray, "landmarks"]
    """Its partner on the other side."""

    def of(
        self, vertices: Float[np.ndarray, "*frames vertices 3"], joints: Float[np.ndarray, "*frames 24 3"]
    ) -> Float[np.ndarray, "*frames landmarks 3"]:
        """Positions of the landmarks of posed bodies."""
        return np.concatenate([joints, vertices[..., self.markers, :]], -2)


@lru_cache(maxsize=4)
def landmarks_of(model: BodyModel) -> Landmarks:
    """Markers spread evenly over the rest body, each the farthest from those before it, in pairs of left and right.

    Raises HpsError for a model that does not know which vertices mirror each other.
    """
    if model.mirror is None:
        raise HpsError(
            f"the body model '{model.name}' has no mirrored vertices, so that markers cannot come in pairs; use the "
            "open body, or a model whose template is symmetric"
        )
    rest, mirror = np.asarray(model.v_template, np.float64), np.asarray(model.mirror)
    own = np.flatnonzero(mirror == np.arange(len(rest)))
    middle = own[np.abs(rest[own, 0]) < MIDDLE_M]
    left = np.flatnonzero(rest[:, 0] > MIDDLE_M)
    center = _spread(rest, middle, MARKERS_OF_THE_MIDDLE, rest[:0])
    side = _spread(rest, left, MARKER_PAIRS, rest[center])
    markers = np.concatenate([center, side, mirror[side]]).astype(np.int64)
    part = np.concatenate([np.arange(JOINT_COUNT), np.asarray(model.weights).argmax(1)[markers]])
    c, p = MARKERS_OF_THE_MIDDLE, MARKER_PAIRS
    partner = np.concatenate([np.arange(c), np.arange(c + p, c + 2 * p), np.arange(c, c + p)])
    return Landmarks(
        markers=markers,
        part=part.astype(np.int64),
        mirror=np.concatenate([np.asarray(MIRROR), JOINT_COUNT + partner]).astype(np.int64),
    )


def _spread(rest: np.ndarray, among: np.ndarray, count: int, beside: np.ndarray) -> Int64[np.ndarray, "count"]:
    """`count` of the vertices `among`, each farthest from those before it and from `beside`; the highest first."""
    points = rest[among]
    chosen: list[int] = []
    away = np.full(len(points), np.inf)
    for other in beside:
        away = np.minimum(away, np.linalg.norm(points - other, axis=1))
    for _ in range(count):
        best = int(points[:, 1].argmax()) if np.isinf(away).all() else int(away.argmax())
        chosen.append(int(among[best]))
        away = np.minimum(away, np.linalg.norm(points - points[best], axis=1))
    return np.array(chosen, np.int64)
