"""Which depth pixels show the person: all depth cameras of one instant decide together, in the world."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numba as nb
import numpy as np
from jaxtyping import Bool, Float
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as pydantic_dataclass
from scipy import ndimage

from calibration.workspace import Workspace
from geometry.camera import Camera
from geometry.depth import require_size
from geometry.rays import ray_table
from registration.errors import RegistrationError


@pydantic_dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class MaskConfig:
    """How a person is told from the room in depth."""

    voxel_m: float = Field(default=0.04, ge=0.005, le=0.2)
    """Two surfaces closer than about this are connected. Flying pixels between a limb and the body, and the gaps that
    a missing view leaves, are smaller; the distance to furniture should be larger."""
    min_points: int = 3
    """Pixels that a voxel needs, over all cameras; single flying pixels connect nothing."""
    floor_m: float = 0.03
    """Pixels below this may be the floor. The floor's noise at a grazing angle reaches 17 mm, calibration adds some."""
    feet_m: float = 0.012
    """Near the person's feet, pixels from this height on are kept: twice the sensor's noise on the floor at 2.5 m."""
    feet_reach_m: float = 0.08
    """How far from the part of a foot above `floor_m` its toes and sides can be."""
    foot_height_m: float = 0.12
    """Parts of the person below this are taken for feet (hands on the floor count too)."""
    background_m: float = 0.02
    """With a background take, a pixel must be this much nearer than the empty room."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PersonInDepth:
    """The person in the depth images of one instant."""

    masks: dict[str, Bool[np.ndarray, "_ _"]]
    """By stream; all False for a camera that saw nobody."""
    center: Float[np.ndarray, "3"] | None
    """Middle of the person in the world, metres; None where no camera saw anybody."""


def person_in_depth(
    depth_m: Mapping[str, Float[np.ndarray, "_ _"]],
    cameras: Mapping[str, Camera],
    workspace: Workspace,
    config: MaskConfig | None = None,
    *,
    background_m: Mapping[str, Float[np.ndarray, "_ _"]] | None = None,
    previous: Float[np.ndarray, "3"] | None = None,
) -> PersonInDepth:
    """The largest connected thing above the floor of the workspace, in each depth image of one instant.

    depth_m: metres, NaN where missing. background_m: depth of the empty room, NaN where unknown. previous: the
    person's middle at the instant before; of two things of similar size the nearer one is the person.
    Raises RegistrationError for an unknown camera, GeometryError for an image of another size than its camera.
    """
    config = config or MaskConfig()
    grid = _Grid(workspace, config.voxel_m)
    voxels, counts = {}, np.zeros(grid.shape[0] * grid.shape[1] * grid.shape[2], np.int32)
    for stream, depth in depth_m.items():
        if stream not in cameras:
            raise RegistrationError(
                f"depth stream '{stream}' has no camera; run the stage calibrate with a file for it"
            )
        camera = cameras[stream]
        require_size(depth, camera)
        room = None if background_m is None else background_m.get(stream)
        limit = np.full_like(depth, np.inf) if room is None else room - np.float32(config.background_m)
        limit = np.where(np.isnan(limit), np.float32(np.inf), limit)
        voxels[stream] = _voxel_of_pixels(
            np.asarray(depth, np.float32), limit.astype(np.float32), ray_table(camera), camera.T_world_camera,
            grid.origin, grid.shape, config.voxel_m, workspace.center, workspace.radius_m, workspace.top_m,
            config.feet_m, config.floor_m, counts,
        )  # fmt: skip
    occupied = counts.reshape(grid.shape) >= config.min_points
    person = _choose(occupied, counts.reshape(grid.shape), grid, previous)
    if person is None:
        return PersonInDepth(masks={s: np.zeros(v.shape[:2], bool) for s, v in voxels.items()}, center=None)
    keep, feet = person.ravel(), _around_feet(person, config).ravel()
    masks = {}
    for stream, voxel in voxels.items():
        index = np.maximum(voxel[..., 0], 0)
        masks[stream] = (voxel[..., 0] >= 0) & np.where(voxel[..., 1] > 0, feet[index], keep[index])
    return PersonInDepth(masks=masks, center=grid.middle(person))


class _Grid:
    """Voxels over the workspace, and one layer below the floor."""

    def __init__(self, workspace: Workspace, voxel_m: float) -> None:
        self.voxel_m = voxel_m
        self.origin = np.array([*(workspace.center[:2] - workspace.radius_m), 0.0]) - voxel_m
        across = int(np.ceil(2 * workspace.radius_m / voxel_m)) + 2
        self.shape = (across, across, int(np.ceil(workspace.top_m / voxel_m)) + 2)

    def middle(self, chosen: Bool[np.ndarray, "x y z"]) -> Float[np.ndarray, "3"]:
        return self.origin + self.voxel_m * (np.argwhere(chosen).mean(0) + 0.5)


def _choose(
    occupied: Bool[np.ndarray, "x y z"], counts: np.ndarray, grid: _Grid, previous: np.ndarray | None
) -> Bool[np.ndarray, "x y z"] | None:
    """The connected component with the most voxels, halved for each metre away from where the person was."""
    labels = np.empty(occupied.shape, np.int32)
    count = int(ndimage.label(occupied, np.ones((3, 3, 3)), output=labels))  # type: ignore[arg-type]
    if count == 0:
        return None
    size = np.bincount(labels.ravel())[1:].astype(np.float64)
    if previous is not None and count > 1:
        places = np.array(ndimage.center_of_mass(occupied, labels, range(1, count + 1)))
        away = np.linalg.norm(grid.origin + grid.voxel_m * (places + 0.5) - previous, axis=1)
        size *= 0.5**away
    person = labels == 1 + size.argmax()
    around = np.asarray(ndimage.binary_dilation(person, np.ones((3, 3, 3))), bool)
    return around & (counts > 0)  # its thin outermost parts


def _around_feet(person: Bool[np.ndarray, "x y z"], config: MaskConfig) -> Bool[np.ndarray, "x y z"]:
    """Voxels at the floor that are near the lowest parts of the person."""
    layers = 1 + int(np.ceil(config.foot_height_m / config.voxel_m))
    reach = round(config.feet_reach_m / config.voxel_m)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    footprint = ndimage.binary_dilation(person[..., :layers].any(-1), np.hypot(x, y) <= reach + 0.5)
    return np.broadcast_to(footprint[..., None], person.shape)


@nb.njit(cache=True)
def _voxel_of_pixels(
    depth, limit, rays, T, origin, shape, voxel, center, radius, top, lowest, floor, counts
):  # fmt: skip
    """(height, width, 2): the voxel of each pixel (-1 outside), and 1 where it may be floor; counts the others."""
    out = np.empty((*depth.shape, 2), np.int32)
    for i in range(depth.shape[0]):
        for j in range(depth.shape[1]):
            out[i, j, 0], out[i, j, 1] = -1, 0
            d = depth[i, j]
            if not (d > 0 and d < limit[i, j]):
                continue
            x, y = rays[i, j, 0] * d, rays[i, j, 1] * d
            wz = T[2, 0] * x + T[2, 1] * y + T[2, 2] * d + T[2, 3]
            if not (wz >= lowest and wz <= top):
                continue
            wx = T[0, 0] * x + T[0, 1] * y + T[0, 2] * d + T[0, 3]
            wy = T[1, 0] * x + T[1, 1] * y + T[1, 2] * d + T[1, 3]
            if np.hypot(wx - center[0], wy - center[1]) > radius:
                continue
            a, b, c = int((wx - origin[0]) / voxel), int((wy - origin[1]) / voxel), int((wz - origin[2]) / voxel)
            index = (a * shape[1] + b) * shape[2] + c
            out[i, j, 0] = index
            if wz < floor:
                out[i, j, 1] = 1
            else:
                counts[index] += 1
    return out
