"""Where the page looks at first: at the people, from beside the first camera."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from geometry.camera import Camera
from humanrig.errors import HumanrigError
from humanrig.results import read_arrays
from humanrig.viewing.content import SessionContent

NAVEL_M = 0.95
NEAREST_M, FURTHER, ABOVE_M = 3.0, 1.6, 0.8
"""The page's camera is 1.6 times as far away as the rig's, so that these are seen too, and somewhat higher."""
ASIDE_RAD = np.deg2rad(20)
"""Not from behind the first camera."""
PULL = 1e-3
"""Weight of the world's origin where the cameras' axes do not say where they meet."""


def middle(content: SessionContent) -> Float[np.ndarray, "3"]:
    """Where people are, in the world: of the fitted bodies, else where the cameras look."""
    found = [p for person in content.people if (p := _body_middle(content, person)) is not None]
    if found:
        return np.mean(found, axis=0)
    return np.array([*axes_meet(list(content.cameras.values()))[:2], NAVEL_M])


def beside(cameras: Sequence[Camera], center: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3"]:
    """A place in the world from which the middle and the rig are seen."""
    side = cameras[0].center[:2] - center[:2] if cameras else np.array([2.0, -2.0])
    length = float(np.linalg.norm(side))
    side = side / length if length > 1e-3 else np.array([1.0, 0.0])
    c, s = np.cos(ASIDE_RAD), np.sin(ASIDE_RAD)
    out = np.array([[c, -s], [s, c]]) @ side * max(FURTHER * length, NEAREST_M)
    return center + [*out, ABOVE_M]


def axes_meet(cameras: Sequence[Camera]) -> Float[np.ndarray, "3"]:
    """The point of least squared distances from the cameras' optical axes; the origin without cameras."""
    A, b = PULL * np.eye(3), np.zeros(3)
    for camera in cameras:
        axis = camera.T_world_camera[:3, 2]
        across = np.eye(3) - np.outer(axis, axis)
        A, b = A + across, b + across @ camera.center
    return np.linalg.solve(A, b)


def _body_middle(content: SessionContent, person: str) -> np.ndarray | None:
    """Of the joints over the take; None without a body that can be read."""
    path = content.session.path("body", f"{person}.npz")
    try:
        joints = read_arrays(path).get("joints") if path.is_file() else None
    except HumanrigError:
        return None  # the layer itself says what is wrong with the file
    if joints is None or joints.ndim != 3 or joints.dtype.kind != "f" or not np.isfinite(joints).any():
        return None
    return np.nanmean(joints.astype(np.float64), axis=(0, 1))
