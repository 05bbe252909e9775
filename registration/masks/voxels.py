"""Which voxels of the workspace hold surface, from all depth images of one instant (numba)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numba as nb
import numpy as np
from jaxtyping import Float, Int16, Int32, UInt32

from calibration.workspace import Workspace
from geometry.camera import Camera
from geometry.depth import require_size
from geometry.rays import ray_table
from registration.errors import RegistrationError
from registration.masks.config import MaskConfig

REASONS = ("missing", "outside", "floor", "room", "loose", "others")
"""Why a pixel is nobody's: no depth, outside the workspace, as low as the floor, no nearer than the empty room,
connected to nobody, of somebody or something that was not asked for."""
MISSING, OUTSIDE, FLOOR, ROOM = -1, -2, -3, -4
"""What `place` says instead of a voxel."""
LOW = -10
"""And what it counts down from for pixels that may be floor or foot."""
FINEST_PX = 350.0
"""Voxels are filled by every second row and column of an image with a longer focal length: at 2.3 m its pixels are
4.6 mm apart, a tenth of a voxel."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class VoxelGrid:
    """Voxels over the workspace, with a border of one voxel and one layer below the floor."""

    origin: Float[np.ndarray, "3"]
    """Outer corner of the first voxel, world metres."""
    shape: tuple[int, int, int]
    voxel_m: float

    @classmethod
    def over(cls, workspace: Workspace, voxel_m: float) -> VoxelGrid:
        """The grid that holds a workspace."""
        across = int(np.ceil(2 * workspace.radius_m / voxel_m)) + 2
        return cls(
            origin=np.array([*(workspace.center[:2] - workspace.radius_m), 0.0]) - voxel_m,
            shape=(across, across, int(np.ceil(workspace.top_m / voxel_m)) + 2),
            voxel_m=voxel_m,
        )

    def middle(self, index: Float[np.ndarray, "*voxels 3"] | Int16[np.ndarray, "*voxels 3"]) -> np.ndarray:
        """Centres of voxels, world metres."""
        return self.origin + self.voxel_m * (np.asarray(index, np.float64) + 0.5)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Occupied:
    """The voxels of one instant that hold surface."""

    index: Int16[np.ndarray, "voxels 3"]
    pixels: Int32[np.ndarray, "voxels"]
    """Pixels inside, over all cameras, as if every pixel had been looked at."""
    cameras: UInt32[np.ndarray, "voxels"]
    """Bit c: camera c sees surface there."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DepthRig:
    """The depth cameras, the empty room and the volume: what is the same at every instant."""

    cameras: dict[str, Camera]
    """Depth cameras by stream, in the order of the bits of `Occupied.cameras`."""
    workspace: Workspace
    config: MaskConfig
    limit_m: dict[str, Float[np.ndarray, "_ _"]]
    """By stream: pixels at this depth or behind it show the empty room; infinite where it is not known."""
    grid: VoxelGrid

    @classmethod
    def of(
        cls,
        cameras: Mapping[str, Camera],
        workspace: Workspace,
        config: MaskConfig | None = None,
        background_m: Mapping[str, Float[np.ndarray, "_ _"]] | None = None,
    ) -> DepthRig:
        """background_m: depth of the empty room by stream, metres, NaN where unknown.

        Raises GeometryError for a background of another size than its camera.
        """
        config = config or MaskConfig()
        limits = {}
        for stream, camera in cameras.items():
            room = (background_m or {}).get(stream)
            if room is None:
                limits[stream] = np.full((camera.height, camera.width), np.inf, np.float32)
                continue
            require_size(room, camera)
            nearer = room.astype(np.float32) - np.float32(config.background_m)
            limits[stream] = np.where(np.isfinite(nearer), nearer, np.float32(np.inf))
        grid = VoxelGrid.over(workspace, config.voxel_m)
        return cls(cameras=dict(cameras), workspace=workspace, config=config, limit_m=limits, grid=grid)

    def view(self, stream: str, depth_m: Float[np.ndarray, "_ _"]) -> tuple:
        """What the kernels are told about one image: `place` has the names.

        Raises RegistrationError for an unknown stream, GeometryError for an image of another size than its camera.
        """
        if stream not in self.cameras:
            raise RegistrationError(
                f"depth stream '{stream}' has no camera; run the stage calibrate with a file for it"
            )
        camera, c, volume = self.cameras[stream], self.config, self.workspace
        require_size(depth_m, camera)
        return (
            np.ascontiguousarray(depth_m, np.float32), self.limit_m[stream], ray_table(camera),
            np.ascontiguousarray(camera.T_world_camera, np.float64), self.grid.origin, c.voxel_m,
            np.ascontiguousarray(volume.center, np.float64), volume.radius_m, volume.top_m, c.feet_m,
        )  # fmt: skip


def occupied(depth_m: Mapping[str, Float[np.ndarray, "_ _"]], rig: DepthRig) -> Occupied:
    """The voxels in which any depth camera sees something that is neither floor nor empty room.

    depth_m: metres, NaN where missing. Raises as `DepthRig.view` does.
    """
    pixels, cameras = np.zeros(rig.grid.shape, np.int32), np.zeros(rig.grid.shape, np.uint32)
    order = list(rig.cameras)
    for stream, depth in depth_m.items():
        view = rig.view(stream, depth)
        step = 2 if rig.cameras[stream].K[0, 0] > FINEST_PX else 1
        code = np.empty(depth.shape, np.int32)
        place(view, rig.config.floor_m, rig.grid.shape, step, code)
        _count(code, step, np.uint32(1 << (order.index(stream) % 32)), pixels.ravel(), cameras.ravel())
    index = np.argwhere(pixels > 0).astype(np.int16)
    at = tuple(index.T)
    return Occupied(index=index, pixels=pixels[at], cameras=cameras[at])


@nb.njit(cache=True, nogil=True)
def place(view, floor, shape, step, code):
    """Fills each `step`-th pixel's flat voxel, `LOW` less its floor cell below `floor`, or why it has none.

    The loop is whole: a function of one pixel would count the references of all arrays in every call.
    """
    depth, limit, rays, T, origin, voxel, center, radius, top, lowest = view
    for i in range(0, depth.shape[0], step):
        for j in range(0, depth.shape[1], step):
            d = depth[i, j]
            if not d > 0 or np.isnan(rays[i, j, 0]):
                code[i, j] = MISSING
                continue
            x, y = rays[i, j, 0] * d, rays[i, j, 1] * d
            wx = T[0, 0] * x + T[0, 1] * y + T[0, 2] * d + T[0, 3]
            wy = T[1, 0] * x + T[1, 1] * y + T[1, 2] * d + T[1, 3]
            wz = T[2, 0] * x + T[2, 1] * y + T[2, 2] * d + T[2, 3]
            dx, dy = wx - center[0], wy - center[1]
            if not (wz <= top and dx * dx + dy * dy <= radius * radius):
                code[i, j] = OUTSIDE
            elif not d < limit[i, j]:
                code[i, j] = ROOM
            elif not wz >= lowest:
                code[i, j] = FLOOR
            else:
                cell = int((wx - origin[0]) / voxel) * shape[1] + int((wy - origin[1]) / voxel)
                code[i, j] = LOW - cell if wz < floor else cell * shape[2] + int((wz - origin[2]) / voxel)


@nb.njit(cache=True, nogil=True)
def _count(code, step, bit, pixels, cameras):
    """Counts the pixels of every voxel, and sets the camera's bit."""
    for i in range(0, code.shape[0], step):
        for j in range(0, code.shape[1], step):
            if code[i, j] >= 0:
                pixels[code[i, j]] += step * step
                cameras[code[i, j]] |= bit
