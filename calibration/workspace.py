"""The capture volume that a rig's cameras imply: the place they look at, and how far around it a person can be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from geometry.camera import Camera

RADIUS_PART = 0.75
"""Radius of the volume as a part of the median distance of the cameras from its axis: it leaves the cameras and their
stands outside, and holds a person's arms' length around the middle of a ring of 2 m."""
TOP_M = 2.6
"""Height of the volume: a tall person with raised arms."""
SINGLE_VIEW_M = 2.0
"""Where the axes do not meet at a point (one camera, all parallel, two face to face), the centre is the mean of the
points this far along them: the middle of a depth camera's range."""
_PARALLEL = np.sin(np.deg2rad(5.0)) ** 2
"""Axes that differ by less than this leave the distance of their meeting point undetermined."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Workspace:
    """An upright cylinder on the floor z = 0."""

    center: Float[np.ndarray, "3"]
    """The point closest to the optical axes, world."""
    radius_m: float
    top_m: float
    spread_m: float
    """Root mean square distance of the axes from `center`; 0 where they do not determine it."""
    from_axes: bool
    """False where the axes do not meet and `center` was placed `SINGLE_VIEW_M` along them."""

    def contains(
        self, p_world: Float[np.ndarray, "*points 3"], above_floor_m: float = 0.0
    ) -> Bool[np.ndarray, "*points"]:
        """Whether points lie in the volume, higher than `above_floor_m`. False for NaN."""
        away = np.hypot(p_world[..., 0] - self.center[0], p_world[..., 1] - self.center[1])
        height = p_world[..., 2]
        return np.asarray((away <= self.radius_m) & (height >= above_floor_m) & (height <= self.top_m))


def workspace(cameras: Mapping[str, Camera]) -> Workspace:
    """The volume seen by the colour cameras (by all, where none is a colour camera).

    The centre minimises the sum of squared distances to the optical axes. Raises ValueError without cameras.
    """
    if not cameras:
        raise ValueError("no camera, no workspace")
    used = [c for name, c in cameras.items() if name.endswith("/color")] or list(cameras.values())
    centers = np.stack([camera.center for camera in used])
    axes = np.stack([camera.T_world_camera[:3, 2] for camera in used])
    across = np.eye(3) - axes[:, :, None] * axes[:, None, :]
    normal = across.mean(0)
    from_axes = bool(np.linalg.eigvalsh(normal)[0] > _PARALLEL)
    if from_axes:
        center = np.linalg.solve(normal, np.einsum("nij,nj->i", across, centers) / len(used))
    else:
        center = centers.mean(0) + SINGLE_VIEW_M * axes.mean(0)
    spread = np.sqrt((np.einsum("nij,nj->ni", across, center - centers) ** 2).sum(-1).mean())
    distance = float(np.median(np.linalg.norm((centers - center)[:, :2], axis=-1)))
    return Workspace(
        center=center,
        radius_m=RADIUS_PART * distance,
        top_m=TOP_M,
        spread_m=float(spread) if from_axes else 0.0,
        from_axes=from_axes,
    )
