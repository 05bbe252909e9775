"""The rows of the scene tables: every choice that a picture depends on, one plain value a column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from geometry.camera import Camera
from geometry.rigid import rigid

Split = Literal["train", "validation", "test"]
SPLITS: Final[tuple[Split, ...]] = get_args(Split)
Sensor = Literal["kinect", "realsense", "iphone", "pinhole"]
SENSORS: Final[tuple[Sensor, ...]] = get_args(Sensor)


@dataclass(frozen=True, kw_only=True, slots=True)
class PersonRow:
    """Somebody with a body and clothes, who plays in one or more scenes."""

    person: str
    """p000000, p000001, …"""
    split: str
    subject: str
    """Name in the bank of bodies; empty: the body is the model's at betas drawn with `body_seed`."""
    body_seed: int
    sex: str
    """female or male; empty where the body has none."""
    age_years: float
    height_m: float
    mass_kg: float
    wardrobe: str
    """A wardrobe of the virtual rig; empty: drawn by sex with `attire_seed`."""
    attire_seed: int
    """Of the clothes, their textures, hair and skin."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SceneRow:
    """One room and one stretch of time."""

    scene: str
    """s000000, s000001, …"""
    split: str
    kind: str
    """single, group or crowd."""
    room_seed: int
    """Of the room that stands behind everybody."""
    rig: str
    """Name of the arrangement of cameras."""
    frames: int
    rate_hz: float
    noise_seed: int
    """Of all sensors' noise."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ActorRow:
    """A person in a scene; the motion is in bodies/SCENE.npz."""

    scene: str
    actor: int
    """0, 1, … within the scene."""
    person: str
    motion: str
    """What is done: the source clips' names, sorted, joined by +."""
    recipe: str
    """How the motion was made of them."""
    motion_seed: int
    motion_sha256: str
    """Of the stored arrays, before the actor is put in its place."""
    x_m: float
    y_m: float
    heading_rad: float
    """The spot on the floor: the motion is turned about the vertical, then moved here."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ThingRow:
    """A piece of furniture in a scene."""

    scene: str
    thing: int
    kind: str
    seed: int
    x_m: float
    y_m: float
    heading_rad: float


@dataclass(frozen=True, kw_only=True, slots=True)
class CameraRow:
    """A camera of a scene: pinhole, OpenCV axes, placed in the world."""

    scene: str
    camera: int
    """0, 1, … within the scene."""
    sensor: str
    """kinect, realsense or iphone: whose errors its depth has; pinhole: none."""
    unit_seed: int
    """Of the unit's own errors (bias, gain, …)."""
    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    x_m: float
    y_m: float
    z_m: float
    """Where the camera stands."""
    qw: float
    qx: float
    qy: float
    qz: float
    """R_world_camera as a unit quaternion."""

    @property
    def name(self) -> str:
        """SCENE/c00."""
        return f"{self.scene}/c{self.camera:02d}"

    def to_camera(self) -> Camera:
        """The camera, without distortion."""
        K = np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1.0]])
        R = Rotation.from_quat([self.qx, self.qy, self.qz, self.qw]).as_matrix()
        T_world_camera = rigid(R, np.array([self.x_m, self.y_m, self.z_m]))
        return Camera(name=self.name, K=K, width=self.width, height=self.height, T_world_camera=T_world_camera)

    @staticmethod
    def placed(T_world_camera: Float[np.ndarray, "4 4"]) -> dict[str, float]:
        """The columns of a place: x_m … qz; qw is not negative."""
        x, y, z, w = Rotation.from_matrix(T_world_camera[:3, :3]).as_quat(canonical=True)
        place = T_world_camera[:3, 3]
        values = (*place, w, x, y, z)
        return dict(zip(("x_m", "y_m", "z_m", "qw", "qx", "qy", "qz"), (float(v) for v in values)))


Row = PersonRow | SceneRow | ActorRow | ThingRow | CameraRow


@dataclass(frozen=True, kw_only=True, slots=True)
class SceneSpec:
    """All rows of one scene."""

    row: SceneRow
    people: tuple[PersonRow, ...]
    """Of each actor, in their order."""
    actors: tuple[ActorRow, ...]
    things: tuple[ThingRow, ...]
    cameras: tuple[CameraRow, ...]

    @property
    def name(self) -> str:
        """Of the scene."""
        return self.row.scene
