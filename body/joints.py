"""SMPL's 24 joints: their names, the tree and the left/right partners."""

from __future__ import annotations

JOINT_NAMES: tuple[str, ...] = (
    "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle", "right_ankle",
    "spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head", "left_shoulder",
    "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hand", "right_hand",
)  # fmt: skip
"""In the order of the joint axis of every array of this package."""

JOINT_COUNT = len(JOINT_NAMES)

PARENTS: tuple[int, ...] = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)
"""Parent of each joint; -1 for the root. A parent comes before its children."""

JOINT_INDEX: dict[str, int] = {name: index for index, name in enumerate(JOINT_NAMES)}


def without_side(name: str) -> str:
    """`hip` of `left_hip`: what joints, keypoints or parts of both sides are called together."""
    return name.removeprefix("left_").removeprefix("right_")


def _partner(name: str) -> str:
    side, _, rest = name.partition("_")
    return {"left": "right_", "right": "left_"}[side] + rest if rest else name


MIRROR: tuple[int, ...] = tuple(JOINT_INDEX[_partner(name)] for name in JOINT_NAMES)
"""Index of the joint on the other side; a joint of the middle is its own partner."""
