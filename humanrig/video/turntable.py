"""A camera that goes around people while they move; the clip plays forth and back until it has been all around.

The film ends where it begins, unless the clip itself is longer than a turn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8
from scipy.ndimage import gaussian_filter1d

from geometry.camera import Camera
from geometry.rigid import look_at
from humanrig.errors import HumanrigError
from humanrig.video.drawing import draw_figures
from humanrig.video.figures import Cast
from humanrig.video.floor import floor_picture, shadow_of

FIELD_RAD = 0.6
"""Of view along the picture's shorter side: that of a portrait lens."""
ABOVE_RAD = 0.14
"""How far the camera looks down."""
START_RAD = -0.9
"""Where the camera begins, around z from x."""
NEAR_FLOOR_M = 0.1
"""People whose lowest point is so near to z = 0 stand there."""
LOOKED_AT = 8
"""Instants in which the lowest point is sought."""
STEADY_S = 0.5
"""Standard deviation of what smooths the camera's way after the people."""
BODY_M = 0.18
"""Of flesh, hair and shoes beyond the outermost joints."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Turntable:
    """Which instant is shown from where in each picture."""

    cast: Cast
    width: int
    height: int
    instants: list[int]
    """Of each picture."""
    cameras: list[Camera]
    centers: Float[np.ndarray, "pictures 3"]
    floor_z: float

    def __len__(self) -> int:
        """Number of pictures."""
        return len(self.instants)

    def pictures(self) -> Iterator[UInt8[np.ndarray, "rows columns 3"]]:
        """One after the other."""
        for instant, camera, center in zip(self.instants, self.cameras, self.centers, strict=True):
            figures = self.cast.at(instant)
            reach = 1.2 * float(np.linalg.norm(camera.center - center))
            floor = floor_picture(camera, shadow_of(figures, self.floor_z), center[:2], reach, self.floor_z)
            yield draw_figures(floor, camera, figures)


def turntable(cast: Cast, instants: Sequence[int], width: int, height: int, rate_hz: float, turn_s: float) -> Turntable:
    """The plan of a video of these instants. Raises HumanrigError when nobody is there at any of them."""
    known = sorted(set(instants) & set(cast.instants))
    if not known:
        raise HumanrigError(f"nobody has a body among the {len(instants)} instants; choose others with --frames")
    times = cast.times_s(known)
    shown = there_and_back(times - times[0], rate_hz, turn_s)
    joints = [cast.joints(instant) for instant in known]
    low = np.array([j.min((0, 1)) for j in joints])
    high = np.array([j.max((0, 1)) for j in joints])
    floor_z = floor_below(cast, known)
    step_s = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    centers = gaussian_filter1d((low + high) / 2, STEADY_S / step_s, axis=0, mode="nearest")
    centers[:, 2] = (floor_z + high[:, 2].max() + BODY_M) / 2
    wide = max(float(np.linalg.norm((j - c)[..., :2], axis=-1).max()) for j, c in zip(joints, centers)) + BODY_M
    tall = float(high[:, 2].max() + BODY_M - floor_z)
    focal = 0.5 * min(width, height) / np.tan(FIELD_RAD / 2)
    distance = wide + 1.08 * focal * max(tall / height, 2 * wide / width)
    K = np.array([[focal, 0, width / 2 - 0.5], [0, focal, height / 2 - 0.5], [0, 0, 1]])
    turns, cameras = max(1, round(len(shown) / rate_hz / turn_s)), []
    for picture, row in enumerate(shown):
        angle = START_RAD + 2 * np.pi * turns * picture / len(shown)
        away = np.array([np.cos(angle) * np.cos(ABOVE_RAD), np.sin(angle) * np.cos(ABOVE_RAD), np.sin(ABOVE_RAD)])
        T = look_at(centers[row] + distance * away, centers[row])
        cameras.append(Camera(name="turntable", K=K, width=width, height=height, T_world_camera=T))
    return Turntable(
        cast=cast,
        width=width,
        height=height,
        instants=[known[row] for row in shown],
        cameras=cameras,
        centers=centers[shown],
        floor_z=floor_z,
    )


def there_and_back(times_s: Float[np.ndarray, "instants"], rate_hz: float, least_s: float) -> list[int]:
    """Rows to show at a constant rate, in real time: once, or forth and back as often as `least_s` takes."""
    length = float(times_s[-1])
    if length <= 0:
        return [0] * max(1, round(least_s * rate_hz))
    ways = 1 if length >= least_s else 2 * int(np.ceil(least_s / (2 * length) - 1e-9))
    within = np.mod(np.arange(max(1, round(ways * length * rate_hz))) / rate_hz, 2 * length)
    within = np.where(within > length, 2 * length - within, within)
    after = np.clip(np.searchsorted(times_s, within), 1, len(times_s) - 1)
    return np.where(within - times_s[after - 1] <= times_s[after] - within, after - 1, after).tolist()


def floor_below(cast: Cast, instants: Sequence[int]) -> float:
    """The world's floor at z = 0; where the people are elsewhere, the lowest point of them in some of the instants."""
    some = [instants[i] for i in np.unique(np.linspace(0, len(instants) - 1, LOOKED_AT).round().astype(int))]
    lowest = min(float(figure.mesh.vertices[:, 2].min()) for i in some for figure in cast.at(i))
    return 0.0 if abs(lowest) < NEAR_FLOOR_M else lowest
