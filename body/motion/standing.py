"""Clips of somebody who stands still: for shape takes, and to see how much a still person jitters."""

from __future__ import annotations

from typing import Final

import numpy as np

from body.errors import BodyError
from body.joints import JOINT_COUNT, JOINT_INDEX
from body.motion.clip import MotionClip

STANDING: Final[dict[str, dict[str, tuple[float, float, float]]]] = {
    "t_pose": {"hip": (0.0, 0.0, 0.06)},
    "a_pose": {"hip": (0.0, 0.0, 0.12), "shoulder": (0.0, 0.0, -0.8), "elbow": (0.0, -0.15, 0.0)},
    "stand": {"hip": (0.0, 0.0, 0.04), "shoulder": (0.0, 0.05, -1.2), "elbow": (0.0, -0.3, 0.0), "neck": (0.1, 0.0, 0)},
    "arms_crossed": {
        "left_shoulder": (0.47, -1.006, -0.47),
        "left_elbow": (0.0, -2.1, 0.0),
        "right_shoulder": (0.276, 1.183, 0.493),
        "right_elbow": (0.0, 2.1, 0.0),
        "left_hip": (-0.35, -0.01, -0.059),
        "left_knee": (0.1, 0.0, 0.0),
        "right_hip": (0.25, -0.004, 0.03),
        "right_knee": (0.15, 0.0, 0.0),
    },
}
"""Axis-angle in radians; of joints without a side in their name the right one mirrors the left."""
_RATE_HZ: Final = 30.0
_LEG_M: Final = 0.86


def standing_clip(name: str) -> MotionClip:
    """The pose of that name, held for a second. Raises BodyError for another name."""
    if name not in STANDING:
        raise BodyError(f"nobody stands in the pose {name!r}; the poses are: {', '.join(STANDING)}")
    pose = np.zeros((JOINT_COUNT, 3))
    for joint, (x, y, z) in STANDING[name].items():
        if joint in JOINT_INDEX:
            pose[JOINT_INDEX[joint]] = x, y, z
            continue
        pose[JOINT_INDEX[f"left_{joint}"]] = x, y, z
        pose[JOINT_INDEX[f"right_{joint}"]] = x, -y, -z
    frames = int(_RATE_HZ) + 1
    return MotionClip(
        name=name,
        rate_hz=_RATE_HZ,
        rotations=np.tile(pose, (frames, 1, 1)),
        root_positions=np.tile([0.0, _LEG_M, 0.0], (frames, 1)),
        leg_length_m=_LEG_M,
        loops=True,
        description={"standing": name},
    )
