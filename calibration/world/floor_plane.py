"""The floor as a plane in some world, and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FloorPlane:
    """The plane n·p + d = 0."""

    normal: Float[np.ndarray, "3"]
    """Unit vector that points up."""
    offset_m: float
    """d: how high the world's origin is above the floor."""
    source: str
    """What it was found from, in words."""
    sigma_m: float = float("nan")
    """Standard deviation of its height in the middle of what it was found from."""
    sigma_rad: float = float("nan")
    """Standard deviation of its tilt about a horizontal axis."""
    points: int = 0
    """Points, or board placements, that lie on it."""
    rms_m: float = float("nan")
    """Root mean square distance of these from the plane."""

    def height(self, p_world: Float[np.ndarray, "*points 3"]) -> Float[np.ndarray, "*points"]:
        """Metres above the floor."""
        return np.asarray(p_world @ self.normal + self.offset_m)

    def onto(self, p_world: Float[np.ndarray, "*points 3"]) -> Float[np.ndarray, "*points 3"]:
        """The points of the floor right below (or above)."""
        return p_world - self.height(p_world)[..., None] * self.normal
