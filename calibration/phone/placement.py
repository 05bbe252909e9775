"""A phone in the rig's world: every frame's camera, how sure, and how far its own poses drifted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int64

from calibration.phone.phone_path import PhonePath
from calibration.rig import Verdict
from geometry.camera import Camera

STILL_M, STILL_RAD = 0.004, np.deg2rad(0.3)
"""A phone on a stand: ARKit's own jitter is below a millimetre."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PhonePlacement:
    """The result. Row n belongs to frame n of the path."""

    path: PhonePath
    T_world_arkit: Float[np.ndarray, "4 4"]
    """The one transform that fits all views best; p_world = T_world_arkit @ p_arkit, ARKit's axes (y up)."""
    Ts_world_camera: Float[np.ndarray, "frames 4 4"]
    """Where each frame's camera was, with the drift taken off."""
    sigma_m: Float[np.ndarray, "frames"]
    """Of each camera's centre, root mean square over the axes; grows away from views of the board."""
    sigma_rad: Float[np.ndarray, "frames"]
    drift_m: Float[np.ndarray, "frames"]
    """How far T_world_arkit with the phone's own pose would put each camera from its place."""
    time_offset_s: float
    """By how much the phone's frames are later on the session's clock than was told."""
    time_offset_sigma_s: float
    frames: Int64[np.ndarray, "views"]
    """Frames with a view of the board that was used or left out."""
    used: Bool[np.ndarray, "views"]
    residual_mm: Float[np.ndarray, "views"]
    """From each view's own place of the camera to the solved one."""
    residual_deg: Float[np.ndarray, "views"]
    board_shift_mm: Float[np.ndarray, "views 3"]
    """Where each view with ARKit's pose puts the board's origin, less the median, in ARKit's axes; of a board that lies
    still. NaN otherwise."""
    sigma_scale: float
    """How much larger residuals are than was told."""
    verdicts: tuple[Verdict, ...] = ()

    @property
    def still(self) -> bool:
        """Whether the phone stood on something all the time."""
        T = self.Ts_world_camera
        moved = np.linalg.norm(T[:, :3, 3] - np.median(T[:, :3, 3], axis=0), axis=-1)
        axis = T[:, :3, 2] @ np.median(T[:, :3, 2], axis=0)
        return bool(moved.max() < STILL_M and np.arccos(np.clip(axis.min(), -1, 1)) < STILL_RAD)

    @property
    def up_world(self) -> Float[np.ndarray, "3"]:
        """The vertical that the phone feels, in the world: z, to 0.3 degrees, where the world is upright."""
        return self.T_world_arkit[:3, 1]

    def camera(self, frame: int) -> Camera:
        """The colour camera of a frame, placed."""
        return self.path.camera(frame, self.Ts_world_camera[frame])

    def depth_camera(self, frame: int, width: int = 256, height: int = 192) -> Camera:
        """Its depth camera: the colour camera at another size, edge upon edge."""
        color = self.camera(frame).resized(width, height)
        return Camera(
            name=f"{self.path.name}/depth", K=color.K, width=width, height=height, T_world_camera=color.T_world_camera
        )

    def at(self, time_us: int) -> int:
        """The frame nearest to a session time, the offset counted in."""
        return int(np.abs(self.path.time_us + 1e6 * self.time_offset_s - time_us).argmin())
