"""One garment or head of hair, draped over a rest body and ready to move with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int32, Integer

from body.garments.lofting import Loft


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Piece:
    """Geometry of one garment in the rest pose, metres."""

    name: str
    faces: Integer[np.ndarray, "faces 3"]
    rest: Float[np.ndarray, "points 3"]
    weights: Float[np.ndarray, "points 24"]
    near: Int32[np.ndarray, "points 2"]
    """Body vertices from which contact is searched; the second may be -1."""
    clearance: Float[np.ndarray, "points"]
    """Least distance from the skin in any pose."""
    hem: Float[np.ndarray, "points"]
    """Distance to the nearest hem."""
    part: Integer[np.ndarray, "points"]
    along: Float[np.ndarray, "points"]
    angle: Float[np.ndarray, "points"]
    """Limb coordinates, for folds and patterns."""
    uv: Float[np.ndarray, "uvs 2"]
    """Of the piece's charts, in any units; charts may overlap each other."""
    uv_faces: Integer[np.ndarray, "faces 3"]
    cover: Float[np.ndarray, "vertices"]
    """For each body vertex, metres inside (negative: outside) the hems of the area that the piece covers."""
    loft: Loft | None = None
    """Of a skirt, whose points are rings in order from the top; None for other pieces."""
    soft: float = 1.0
    """1 for cloth that folds and slides, 0 for what moves as it is (shoes, hair)."""
