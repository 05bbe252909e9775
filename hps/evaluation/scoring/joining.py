"""Brings bodies of two files into one frame, by the cameras that the files say."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
from jaxtyping import Float

from geometry.rigid import inverse
from hps.errors import HpsError
from hps.evaluation.scoring.posed_clip import PosedClip

Place = Literal["camera", "world", "either"]
"""Where a protocol compares. `camera`: the world only where both sides are in it and the truth tells no camera."""
Cameras = Float[np.ndarray, "frames 4 4"] | None
"""T_camera_world at each frame of a clip; None: not told."""
NO_CAMERA: Final = (
    "one side is in the frame of the camera, the other in the world, and neither file says where the camera was; write "
    "both in one frame"
)


def joined(
    name: str, estimate: PosedClip, truth: PosedClip, cameras: Cameras, true_cameras: Cameras, place: Place
) -> tuple[PosedClip, PosedClip]:
    """Both clips in one frame. A side is moved by the cameras of its own file, else by those of the other.

    In the world nobody is moved by the truth's cameras: where a camera was is part of the answer. Raises HpsError,
    which begins with `name`, where no camera joins the two.
    """
    if place == "world":
        return _in_world(name, "prediction", estimate, cameras), _in_world(name, "truth", truth, true_cameras)
    apart = estimate.frame != truth.frame
    seen = place == "camera" and true_cameras is not None and not mirrored(true_cameras)
    if apart or (seen and truth.frame == "world"):
        estimate = in_camera(name, estimate, true_cameras if cameras is None else cameras)
        truth = in_camera(name, truth, cameras if true_cameras is None else true_cameras)
    return estimate, truth


def in_camera(name: str, clip: PosedClip, cameras: Cameras) -> PosedClip:
    """The clip in the frame of its camera. Raises HpsError without a camera, and where pictures are mirrored."""
    if clip.frame == "camera":
        return clip
    if cameras is None:
        raise HpsError(f"{name}: {NO_CAMERA}")
    if mirrored(cameras):
        raise HpsError(
            f"{name}: the pictures are mirrored, and a body before their camera is no body of the world; write the "
            "predictions in the world's frame"
        )
    return clip.moved(np.asarray(cameras, np.float64), "camera")


def mirrored(cameras: Float[np.ndarray, "frames 4 4"]) -> bool:
    """Whether they turn left into right, as SURREAL's do."""
    return bool((np.linalg.det(cameras[:, :3, :3]) < 0).any())


def _in_world(name: str, side: str, clip: PosedClip, cameras: Cameras) -> PosedClip:
    if clip.frame == "world":
        return clip
    if cameras is None or mirrored(cameras):
        raise HpsError(
            f"{name}: the {side} is in the frame of the camera, this protocol compares in the world; write the bodies "
            "in the world's frame, or into the file where the camera was"
        )
    return clip.moved(inverse(np.asarray(cameras, np.float64)), "world")
