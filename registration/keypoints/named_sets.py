"""The keypoint sets that published detectors share, in their order, with one name for one point in all of them."""

from __future__ import annotations

from typing import Final

from registration.errors import RegistrationError
from registration.keypoints.sets import BLAZEPOSE, KeypointSet

_COCO: Final = (
    *("nose", "left_eye", "right_eye", "left_ear", "right_ear"),
    *(f"{side}_{joint}" for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
      for side in ("left", "right")),
)  # fmt: skip
COCO17: Final = KeypointSet(_COCO)
"""COCO's person keypoints: HRNet, ViTPose, YOLO-pose and others."""

HALPE26: Final = KeypointSet(
    (*_COCO, "head_top", "neck", "pelvis", "left_foot_index", "right_foot_index", "left_small_toe", "right_small_toe",
     "left_heel", "right_heel")
)  # fmt: skip
"""COCO's with head, trunk and feet, as of Halpe: RTMPose's `body with feet`. foot_index is the big toe."""

BODY25: Final = KeypointSet(
    ("nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
     "pelvis", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "right_eye", "left_eye",
     "right_ear", "left_ear", "left_foot_index", "left_small_toe", "left_heel", "right_foot_index", "right_small_toe",
     "right_heel")
)  # fmt: skip
"""OpenPose's BODY_25."""


def _face() -> tuple[str, ...]:
    """The 68 points of a face from the person's right jaw on, each named by its side and its place on that side."""
    pairs = {
        "jaw": [(n, 16 - n) for n in range(8)],
        "brow": [(n, 43 - n) for n in range(17, 22)],
        "nostril": [(31, 35), (32, 34)],
        "eyelid": [(36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46)],
        "lip": [(48, 54), (49, 53), (50, 52), (59, 55), (58, 56), (60, 64), (61, 63), (67, 65)],
    }
    names = [f"face_{n}" for n in range(68)]
    for word, some in pairs.items():
        for n, (right, left) in enumerate(some):
            names[right], names[left] = f"right_{word}_{n}", f"left_{word}_{n}"
    return tuple(names)


def _hand(side: str) -> tuple[str, ...]:
    """The root and four joints of each finger; the knuckles that BlazePose has too go by its names."""
    names = [f"{side}_hand_root"]
    for finger, shared in (("thumb", 2), ("index", 1), ("middle", 0), ("ring", 0), ("pinky", 1)):
        words = {1: "1", 2: "2", 3: "3", 4: "tip"}
        names += [f"{side}_{finger}" if n == shared else f"{side}_{finger}_{word}" for n, word in words.items()]
    return tuple(names)


_FEET: Final = ("left_foot_index", "left_small_toe", "left_heel", "right_foot_index", "right_small_toe", "right_heel")
WHOLEBODY133: Final = KeypointSet((*_COCO, *_FEET, *_face(), *_hand("left"), *_hand("right")))
"""COCO-WholeBody's: COCO's, feet, face and hands."""

SETS: Final = {
    "blazepose33": BLAZEPOSE,
    "coco17": COCO17,
    "halpe26": HALPE26,
    "body25": BODY25,
    "wholebody133": WHOLEBODY133,
}


def set_of(name: str) -> KeypointSet:
    """A set by its name. Raises RegistrationError for another name."""
    if name not in SETS:
        raise RegistrationError(f"there is no keypoint set '{name}'; there are {', '.join(SETS)}, or a list of names")
    return SETS[name]


def set_of_size(count: int) -> KeypointSet | None:
    """The only set with so many keypoints; None where there is none."""
    return {len(some): some for some in SETS.values()}.get(count)
