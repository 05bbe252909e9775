"""What a phone believes of its own path: a world of its own, and an error that grows with time and distance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pydantic.dataclasses
from jaxtyping import Float
from pydantic import ConfigDict, Field
from scipy.spatial.transform import Rotation

from geometry.rigid import inverse, rigid

# ARKit: world y up; camera x right, y up, looking along -z.
T_YUP_ZUP = np.array([[1.0, 0, 0, 0], [0, 0, 1.0, 0], [0, -1.0, 0, 0], [0, 0, 0, 1.0]])
FLIP = np.diag([1.0, -1.0, -1.0, 1.0])

NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@pydantic.dataclasses.dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class OdometryEffects:
    """How an odometry errs: random walks over the path, and a tilt that gravity bounds.

    Published for ARKit: about 0.02 m of drift a second of walking (Kim et al., Sensors 2022, 22, 9873). A real capture
    of a board from 1 m of hand-held travel keeps the board's origin within 1.3 mm standard deviation an axis
    (psegs-ios-lidar-ext): the defaults give the latter, walking needs `drift_m_per_root_m` = 0.02.
    """

    drift_m_per_root_m: NotNegative = 0.0015
    """Standard deviation of each coordinate's drift after one metre of travel; grows with the root of the distance."""
    drift_m_per_root_s: NotNegative = 0.0003
    """The same after one second at rest. Assumed."""
    heading_deg_per_root_s: NotNegative = 0.02
    """Standard deviation of the heading's drift after one second. Assumed."""
    tilt_deg: NotNegative = 0.3
    """Standard deviation of the constant error of each horizontal axis: gravity is felt. The board of the capture above
    lay within 0.02 of the horizontal with a spread of 0.8 degrees."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Odometry:
    """A path as a phone reports it."""

    Ts_odometry_camera: Float[np.ndarray, "frames 4 4"]
    """Camera axes as OpenCV; the odometry's world is z up, its origin is the first camera, which looks along +y."""
    Ts_world_odometry: Float[np.ndarray, "frames 4 4"]
    """The truth: what would take each reported pose to its place; constant if there was no drift."""

    def arkit(self, frame: int) -> Float[np.ndarray, "4 4"]:
        """A pose as ARKit sends it: T_arkit_camera, world y up, camera x right, y up, looking along -z."""
        return T_YUP_ZUP @ self.Ts_odometry_camera[frame] @ FLIP

    @property
    def drift_m(self) -> Float[np.ndarray, "frames"]:
        """How far the reported camera is from the true one, with the first frames laid over each other."""
        moved = self.Ts_world_odometry[:1] @ self.Ts_odometry_camera
        true = self.Ts_world_odometry @ self.Ts_odometry_camera
        return np.linalg.norm(moved[:, :3, 3] - true[:, :3, 3], axis=-1)


def track(
    times_s: Float[np.ndarray, "frames"],
    Ts_world_camera: Float[np.ndarray, "frames 4 4"],
    effects: OdometryEffects,
    rng: np.random.Generator,
) -> Odometry:
    """What an odometry makes of a path.

    Each step between frames is turned by the heading's drift so far, and its end moved by a random step whose variance
    is that of the distance and the time it took. At the first frame the error is the tilt alone.
    """
    steps_s = np.diff(times_s, prepend=times_s[:1])
    p_world = Ts_world_camera[:, :3, 3]
    steps_m = np.diff(p_world, axis=0, prepend=p_world[:1])
    variance = (
        effects.drift_m_per_root_m**2 * np.linalg.norm(steps_m, axis=-1) + effects.drift_m_per_root_s**2 * steps_s
    )
    heading = np.cumsum(
        np.deg2rad(effects.heading_deg_per_root_s) * np.sqrt(steps_s) * rng.standard_normal(len(times_s))
    )
    tilt = np.deg2rad(effects.tilt_deg) * rng.standard_normal(2)
    noise = np.sqrt(variance)[:, None] * rng.standard_normal((len(times_s), 3))
    forward = Ts_world_camera[0, :3, 2]
    about_z = heading + np.pi / 2 - np.arctan2(forward[1], forward[0])
    R_odometry_world = (
        Rotation.from_rotvec([*tilt, 0.0]) * Rotation.from_rotvec(about_z[:, None] * [0.0, 0.0, 1.0])
    ).as_matrix()
    p_odometry = np.cumsum(np.einsum("nij,nj->ni", R_odometry_world, steps_m) + noise, 0)
    Ts_odometry_camera = rigid(R_odometry_world @ Ts_world_camera[:, :3, :3], p_odometry)
    return Odometry(
        Ts_odometry_camera=Ts_odometry_camera, Ts_world_odometry=Ts_world_camera @ inverse(Ts_odometry_camera)
    )
