"""Surfaces of some frames in a row, as files hold them that keep every vertex instead of a skin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer

from texture.errors import TextureError


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BakedSegment:
    """Surfaces in a row that share faces and a texture."""

    name: str
    times_s: Float[np.ndarray, "frames"]
    """Strictly increasing, and later than those of the segment before."""
    vertices: Float[np.ndarray, "frames vertices 3"]
    """In the z-up world, metres."""
    faces: Integer[np.ndarray, "faces 3"]
    uv: Float[np.ndarray, "uvs 2"] | None = None
    """(0, 0) bottom left."""
    uv_faces: Integer[np.ndarray, "faces 3"] | None = None
    texture_jpeg: bytes | None = None


def require_increasing(times_s: Sequence[Float[np.ndarray, "_"]]) -> None:
    """Checks the times of segments in order. Raises TextureError for no segment and for times that do not increase."""
    if not times_s:
        raise TextureError("there is no surface to write; run the stage mesh")
    whole = np.concatenate(times_s)
    if (np.diff(whole) <= 0).any():
        frame = int(np.argmax(np.diff(whole) <= 0)) + 1
        raise TextureError(f"frame {frame} is not later than the one before it; correct the timestamps")
