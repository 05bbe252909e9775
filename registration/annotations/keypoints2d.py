"""A body's keypoints in a picture, with whether each can be seen there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from body.joints import JOINT_COUNT, JOINT_INDEX, JOINT_NAMES, PARENTS, without_side
from geometry.camera import Camera
from geometry.rigid import transform
from registration.annotations.body_parts import DrawnBodies
from registration.errors import RegistrationError

COCO17: Final = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
    "right_ankle",
)  # fmt: skip
"""COCO's person keypoints, in its order."""
COCO_SKELETON: Final = (
    (16, 14), (14, 12), (17, 15), (15, 13), (12, 13), (6, 12), (7, 13), (6, 7), (6, 8), (7, 9), (8, 10), (9, 11),
    (2, 3), (1, 2), (1, 3), (2, 4), (3, 5), (4, 6), (5, 7),
)  # fmt: skip
"""Lines between them as COCO numbers them, from 1."""
OUTSIDE, HIDDEN, VISIBLE = 0, 1, 2
"""COCO's flags: not in the picture; there, but something stands in front; seen."""

_DEPTH_CM: Final = {
    "pelvis": 22, "hip": 17, "spine1": 24, "spine2": 24, "spine3": 26, "knee": 11, "ankle": 10, "foot": 8, "neck": 14,
    "head": 14, "collar": 14, "shoulder": 12, "elbow": 9, "wrist": 8, "hand": 7, "nose": 5, "eye": 6, "ear": 5,
}  # fmt: skip
"""How deep each keypoint lies in the body at most, seen from the side on which it is: half the thickness of the part,
of the trunk all that is before the spine, with 3 cm for the fit and for what a detector calls a wrist. What stands
further in front hides it."""
_NEXT = 2
"""Joints in front of a keypoint may be its own, or this many steps along the skeleton away."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Keypoints2D:
    """Points of one person in one picture."""

    q: Float[np.ndarray, "points 2"]
    """Pixels through the whole lens model; NaN behind the camera and outside the model."""
    visible: UInt8[np.ndarray, "points"]
    """OUTSIDE, HIDDEN or VISIBLE."""
    sigma_px: Float[np.ndarray, "points"]
    """Standard deviation along an axis of the picture; NaN where that of the point is not known."""


def coco_points(
    names: tuple[str, ...],
    landmarks: Float[np.ndarray, "frames landmarks 3"],
    joints: Float[np.ndarray, "frames 24 3"],
) -> Float[np.ndarray, "frames 17 3"]:
    """COCO's keypoints on a fitted body: the landmarks where detectors see them, else SMPL's joint of that name.

    Raises RegistrationError when a point is neither.
    """
    found = []
    for name in COCO17:
        if name in names:
            found.append(landmarks[:, names.index(name)])
        elif name in JOINT_INDEX:
            found.append(joints[:, JOINT_INDEX[name]])
        else:
            raise RegistrationError(f"the fitted body has no landmark '{name}'; run the stage register again")
    return np.stack(found, 1)


def keypoints_in(
    camera: Camera,
    names: tuple[str, ...],
    p_world: Float[np.ndarray, "points 3"],
    sigma_m: Float[np.ndarray, "points"],
    drawn: DrawnBodies,
    measured: DrawnBodies,
    person: int,
) -> Keypoints2D:
    """Points of one of the drawn people.

    names: of joints or COCO keypoints, which say how deep a point may lie. drawn: all bodies; measured: the same
    without the pixels that measured things hide (`without_hidden`).
    """
    q = camera.project(p_world)
    z = transform(camera.T_camera_world, p_world)[:, 2]
    inside = np.isfinite(q).all(1) & (z > 0)
    with np.errstate(invalid="ignore"):
        pixel = np.where(inside[:, None], np.round(q), -1).astype(int)
        inside &= (pixel >= 0).all(1) & (pixel < [camera.width, camera.height]).all(1)
    visible = np.full(len(q), OUTSIDE, np.uint8)
    column, row = pixel[inside].T
    inner = tuple(name for name, there in zip(names, inside) if there)
    own = drawn.person[row, column] == person
    nobody = drawn.person[row, column] < 0
    shows = own_skin_shows(inner, z[inside], drawn.part[row, column], drawn.depth_m[row, column])
    free = measured.person[row, column] == drawn.person[row, column]
    visible[inside] = np.where((nobody | (own & shows)) & free, VISIBLE, HIDDEN)
    focal = 0.5 * (camera.K[0, 0] + camera.K[1, 1])
    return Keypoints2D(q=q, visible=visible, sigma_px=focal * sigma_m / np.where(z > 0, z, np.nan))


def own_skin_shows(
    names: tuple[str, ...],
    z: Float[np.ndarray, "points"],
    part: UInt8[np.ndarray, "points"],
    depth_m: Float[np.ndarray, "points"],
) -> Bool[np.ndarray, "points"]:
    """Whether the skin at keypoints' pixels lies over them: of a part near each, not further in front than it is deep.

    z: depths of the keypoints, metres; part (1 + SMPL joint) and depth_m: of the same person's skin at their pixels.
    """
    near = np.array([_DEPTH_CM[without_side(name)] for name in names]) / 100
    joint = np.array([_joint_of(name) for name in names], np.int64)
    akin = _STEPS[joint, np.maximum(part.astype(np.int64) - 1, 0)] <= _NEXT
    return akin & ~(depth_m < z - near)


def joint_of_keypoint(name: str) -> int:
    """SMPL joint that a keypoint moves with: its own, or the head."""
    return _joint_of(name)


def _joint_of(name: str) -> int:
    return JOINT_INDEX.get(name, JOINT_INDEX["head"])


def _steps() -> Int[np.ndarray, "24 24"]:
    """Bones between any two joints."""
    steps = np.full((JOINT_COUNT, JOINT_COUNT), len(JOINT_NAMES))
    np.fill_diagonal(steps, 0)
    for joint, parent in list(enumerate(PARENTS))[1:]:
        steps[joint, parent] = steps[parent, joint] = 1
    for between in range(JOINT_COUNT):  # Floyd–Warshall
        steps = np.minimum(steps, steps[:, between, None] + steps[None, between])
    return steps


_STEPS = _steps()
