"""What a set of body keypoints is, and what each keypoint is on an SMPL-format body."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Int64

from registration.errors import RegistrationError

_NAMES: Final = (
    "nose left_eye_inner left_eye left_eye_outer right_eye_inner right_eye right_eye_outer left_ear right_ear "
    "mouth_left mouth_right left_shoulder right_shoulder left_elbow right_elbow left_wrist right_wrist left_pinky "
    "right_pinky left_index right_index left_thumb right_thumb left_hip right_hip left_knee right_knee left_ankle "
    "right_ankle left_heel right_heel left_foot_index right_foot_index"
)
BLAZEPOSE_NAMES: Final = tuple(_NAMES.split())
"""The 33 landmarks of MediaPipe's BlazePose, in its order."""

SMPL_JOINT_OF_KEYPOINT: Final = {
    "left_shoulder": "left_shoulder",
    "right_shoulder": "right_shoulder",
    "left_elbow": "left_elbow",
    "right_elbow": "right_elbow",
    "left_wrist": "left_wrist",
    "right_wrist": "right_wrist",
    "left_hip": "left_hip",
    "right_hip": "right_hip",
    "left_knee": "left_knee",
    "right_knee": "right_knee",
    "left_ankle": "left_ankle",
    "right_ankle": "right_ankle",
}
"""Keypoint → the SMPL joint that it shows. BlazePose's hips lie lower and wider apart than SMPL's hip joints, and its
shoulders higher: an offset of centimetres that does not average out. Halpe's and OpenPose's neck and pelvis are the
middles of two others and say nothing new."""

SMPL_VERTEX_OF_KEYPOINT: Final = {
    "nose": "nose",
    "left_eye": "leye",
    "right_eye": "reye",
    "left_ear": "lear",
    "right_ear": "rear",
    "left_heel": "LHeel",
    "right_heel": "RHeel",
    "left_foot_index": "LBigToe",
    "right_foot_index": "RBigToe",
    "left_index": "lindex",
    "right_index": "rindex",
    "left_pinky": "lpinky",
    "right_pinky": "rpinky",
    "left_thumb": "lthumb",
    "right_thumb": "rthumb",
}
"""Keypoint → name in `BodyModel.keypoint_vertices`. BlazePose's fingers are knuckles, the body's are finger tips.
Detectors that call the tip of the foot the big toe have the name `left_foot_index` here too."""

LOWER: Final = frozenset({"hip", "knee", "ankle", "heel", "foot_index", "small_toe", "pelvis"})
FLIP_PARTS: Final = ("upper", "lower")
"""Parts of the body whose two sides a detector confuses together, seen from behind or with crossed legs: the legs with
the hips, and everything else."""

_BONES: Final = (
    "left_shoulder-right_shoulder left_shoulder-left_elbow left_elbow-left_wrist left_wrist-left_index "
    "left_shoulder-left_hip left_hip-left_knee left_knee-left_ankle left_ankle-left_heel left_heel-left_foot_index "
    "right_shoulder-right_elbow right_elbow-right_wrist right_wrist-right_index right_shoulder-right_hip "
    "right_hip-right_knee right_knee-right_ankle right_ankle-right_heel right_heel-right_foot_index "
    "left_hip-right_hip nose-left_eye nose-right_eye left_eye-left_ear right_eye-right_ear"
)
SIDES: Final = ("left", "right")
TRUNK: Final = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")
"""Keypoints without which nobody can be followed, or a body be fitted."""


@dataclass(frozen=True)
class KeypointSet:
    """Names of the keypoints of one detector, in its order."""

    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    def index(self, name: str) -> int:
        """Position of a keypoint. Raises RegistrationError for an unknown name."""
        if name not in self.names:
            raise RegistrationError(f"there is no keypoint '{name}'; the set has: {' '.join(self.names)}")
        return self.names.index(name)

    @property
    def mirror(self) -> Int64[np.ndarray, "joints"]:
        """Index of the same keypoint on the other side of the body; its own index on the midline."""
        place = {name: n for n, name in enumerate(self.names)}
        return np.array([place.get(_mirrored(name), n) for n, name in enumerate(self.names)], np.int64)

    @property
    def parts(self) -> Bool[np.ndarray, "parts joints"]:
        """Which keypoints belong to each of FLIP_PARTS; each belongs to one."""
        lower = np.array([stem(name) in LOWER for name in self.names], bool)
        return np.stack([~lower, lower])

    @property
    def bones(self) -> list[tuple[int, int]]:
        """Pairs of keypoints to draw lines between."""
        pairs = (bone.split("-") for bone in _BONES.split())
        return [(self.names.index(a), self.names.index(b)) for a, b in pairs if a in self.names and b in self.names]


BLAZEPOSE: Final = KeypointSet(BLAZEPOSE_NAMES)


def smpl_joints(names: Sequence[str], joint_names: Sequence[str]) -> Int64[np.ndarray, "pairs 2"]:
    """Rows (keypoint index, joint index) of the keypoints that show one of the body's joints."""
    pairs = ((i, SMPL_JOINT_OF_KEYPOINT.get(name, "")) for i, name in enumerate(names))
    found = [(i, list(joint_names).index(joint)) for i, joint in pairs if joint in joint_names]
    return np.array(found, np.int64).reshape(-1, 2)


def smpl_vertices(names: Sequence[str], keypoint_vertices: dict[str, int]) -> Int64[np.ndarray, "pairs 2"]:
    """Rows (keypoint index, vertex index) of the keypoints that lie on the skin of a body."""
    pairs = ((i, SMPL_VERTEX_OF_KEYPOINT.get(name, "")) for i, name in enumerate(names))
    found = [(i, keypoint_vertices[vertex]) for i, vertex in pairs if vertex in keypoint_vertices]
    return np.array(found, np.int64).reshape(-1, 2)


def stem(name: str) -> str:
    """The name without its side: `wrist` of `left_wrist`, `mouth` of `mouth_left`."""
    for side in ("left_", "right_", "_left", "_right"):
        name = name.replace(side, "")
    return name


def _mirrored(name: str) -> str:
    if "left" in name:
        return name.replace("left", "right")
    return name.replace("right", "left")
