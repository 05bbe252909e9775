"""Points of two cameras that show the same place of a surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from calibration.geometric.surfaces import Surface
from geometry.rigid import inverse, rotate, transform

SAME_DIRECTION = np.cos(np.deg2rad(40.0))
"""Normals of one place differ by less than this: they are good to 5 to 15°; the far side of a limb is at 180°."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Matches:
    """Matched points of cameras a and b, each in its camera's frame, and the mean of their normals."""

    p_a: Float[np.ndarray, "matches 3"]
    p_b: Float[np.ndarray, "matches 3"]
    v_world: Float[np.ndarray, "matches 3"]
    gap_m: Float[np.ndarray, "matches"]
    """How far a's surface stands out before b's, along the normal."""

    def __len__(self) -> int:
        """Number of matches."""
        return len(self.gap_m)


def match(
    a: Surface,
    b: Surface,
    T_world_a: Float[np.ndarray, "4 4"],
    T_world_b: Float[np.ndarray, "4 4"],
    reach_m: float,
    sample: np.ndarray,
) -> Matches:
    """The nearest points of b for the points `sample` of a, within `reach_m` and facing the same way."""
    p_a, n_a = a.points[sample], rotate(T_world_a, a.normals[sample])
    distance, index = b.tree.query(transform(inverse(T_world_b) @ T_world_a, p_a), distance_upper_bound=reach_m)
    near = np.isfinite(distance)
    p_a, n_a, index = p_a[near], n_a[near], index[near]
    n_b = rotate(T_world_b, b.normals[index])
    alike = np.einsum("ni,ni->n", n_a, n_b) > SAME_DIRECTION
    p_a, p_b = p_a[alike], b.points[index[alike]]
    v = n_a[alike] + n_b[alike]
    v /= np.linalg.norm(v, axis=1, keepdims=True)
    apart = transform(T_world_a, p_a) - transform(T_world_b, p_b)
    return Matches(p_a=p_a, p_b=p_b, v_world=v, gap_m=np.einsum("ni,ni->n", apart, v))
