"""Where AGORA's cameras are, by the names of its pictures (Patel 2021; the data set's own projection).

The scene is Unreal's: centimetres, x forward, y right, z up. The axes in between are x right, y down, z forward. A
fitted body stands y up; it is turned about the vertical by the person's yaw less 90 degrees, since scans stand turned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float, Int64
from scipy.spatial.transform import Rotation

SENSOR_MM: Final = (36.0, 20.25)
SIZE: Final = (3840, 2160)
SMALL: Final = ("_1280x720", (1280, 720))
"""A part of a picture's name, and the size it stands for."""
FLOOR_M: Final = -1.7
"""Added to the height of scenes whose camera the table places."""
SCAN_YAW_DEG: Final = -90.0
Y_UP_TO_Y_DOWN: Final = np.diag([1.0, -1.0, -1.0])


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A camera in its scene."""

    focal_mm: float
    position_cm: tuple[float, float, float] | None
    """In Unreal's axes; None: the table says it."""
    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    """Looking down."""


PLACES: Final = (
    ("hdri", Place(focal_mm=50.0, position_cm=(0.0, 0.0, 170.0))),
    ("cam00", Place(focal_mm=18.0, position_cm=(400.0, -275.0, 265.0), yaw_deg=135.0, pitch_deg=30.0)),
    ("cam01", Place(focal_mm=18.0, position_cm=(400.0, 225.0, 265.0), yaw_deg=-135.0, pitch_deg=30.0)),
    ("cam02", Place(focal_mm=18.0, position_cm=(-490.0, 170.0, 265.0), yaw_deg=-45.0, pitch_deg=30.0)),
    ("cam03", Place(focal_mm=18.0, position_cm=(-490.0, -275.0, 265.0), yaw_deg=45.0, pitch_deg=30.0)),
    ("ag2", Place(focal_mm=28.0, position_cm=(0.0, 0.0, 170.0), pitch_deg=15.0)),
)
"""By what a picture's name has in it; the first that fits."""
OTHERWISE: Final = Place(focal_mm=28.0, position_cm=None)


def place_of(picture: str) -> Place:
    """The camera of a picture."""
    return next((place for part, place in PLACES if part in picture), OTHERWISE)


def size_of(picture: str) -> Int64[np.ndarray, "2"]:
    """Width and height: 4K but for the small copies."""
    return np.array(SMALL[1] if SMALL[0] in picture else SIZE, np.int64)


def intrinsics_of(picture: str) -> Float[np.ndarray, "3 3"]:
    """K in pixels of the picture."""
    width, height = size_of(picture)
    focal = place_of(picture).focal_mm
    return np.array(
        [[focal / SENSOR_MM[0] * width, 0, width / 2], [0, focal / SENSOR_MM[1] * height, height / 2], [0, 0, 1]]
    )


def T_camera_fit(
    picture: str,
    yaw_deg: float,
    position_cm: Float[np.ndarray, "3"],
    camera_cm: Float[np.ndarray, "3"],
    camera_yaw_deg: float,
) -> Float[np.ndarray, "4 4"]:
    """From the frame of a person's fit (metres, y up) to the camera's (OpenCV).

    `position_cm` and `yaw_deg` are the person's; the camera's own are looked at where the picture's name does not say.
    """
    place = place_of(picture)
    at, yaw = (camera_cm, camera_yaw_deg) if place.position_cm is None else (place.position_cm, place.yaw_deg)
    floor = np.array([0.0, FLOOR_M if place.position_cm is None else 0.0, 0.0])
    R_person = Rotation.from_euler("y", yaw_deg + SCAN_YAW_DEG, degrees=True).as_matrix() @ Y_UP_TO_Y_DOWN
    R_camera = Rotation.from_euler("yx", [-yaw, place.pitch_deg], degrees=True).as_matrix()
    T = np.eye(4)
    T[:3, :3] = R_camera @ R_person
    T[:3, 3] = R_camera @ (_y_down(position_cm) - _y_down(np.asarray(at, np.float64)) - floor)
    return T


def _y_down(unreal_cm: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3"]:
    forward, right, up = np.asarray(unreal_cm, np.float64) / 100
    return np.array([right, -up, forward])
