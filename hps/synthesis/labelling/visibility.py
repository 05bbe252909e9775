"""Which keypoints of a person can be seen in a picture of which everything is known."""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import Float, UInt8

from body.joints import JOINT_INDEX
from geometry.camera import Camera
from geometry.rigid import transform
from hps.synthesis.labelling.true_picture import TruePicture
from registration.annotations.keypoints2d import HIDDEN, OUTSIDE, VISIBLE, joint_of_keypoint, own_skin_shows

_HEAD: Final = JOINT_INDEX["head"]
CLOTH_M: Final = 0.04
"""So far loose cloth stands off the skin below the head. Of 206 hidden knees 43 were so only by less than this, behind
hems of shorts and folds of trousers over the knee itself."""


def keypoint_visibility(
    picture: TruePicture,
    camera: Camera,
    names: tuple[str, ...],
    p_world: Float[np.ndarray, "points 3"],
    q: Float[np.ndarray, "points 2"],
    actor: int,
) -> UInt8[np.ndarray, "points"]:
    """OUTSIDE, HIDDEN or VISIBLE of an actor's keypoints; q: their pixels, NaN behind the camera.

    A keypoint is visible where its pixel shows the skin or cloth over it: of a part near it, and not further in front
    than the body is thick there. Where the pixel shows something else, it is visible if that lies behind.
    """
    z = transform(camera.T_camera_world, p_world)[:, 2]
    inside = np.asarray(np.isfinite(q).all(1))
    pixel = np.where(inside[:, None], np.round(q), -1).astype(np.int64)
    inside = np.asarray(inside & (pixel >= 0).all(1) & (pixel < [camera.width, camera.height]).all(1))
    visible = np.full(len(q), OUTSIDE, np.uint8)
    column, row = pixel[inside].T
    own = picture.owner[row, column] == actor + 1
    depth = picture.depth_m[row, column]
    inner = tuple(name for name, there in zip(names, inside) if there)
    cloth = np.array([0.0 if joint_of_keypoint(name) == _HEAD else CLOTH_M for name in inner])
    shows = own_skin_shows(inner, z[inside] - cloth, picture.part[row, column], depth)
    visible[inside] = np.where(np.where(own, shows, ~(depth < z[inside])), VISIBLE, HIDDEN)
    return visible
