"""Poses to learn correctives from: drawn about human joints' ranges, and frames of motion clips."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from body.joints import JOINT_COUNT, JOINT_INDEX
from body.motion.deepmimic import read_deepmimic

_Angles = tuple[float, float, float]

POSE_DEG: dict[str, tuple[_Angles, _Angles]] = {
    "spine1": ((5, 0, 0), (9, 7, 6)),
    "spine2": ((5, 0, 0), (9, 7, 6)),
    "spine3": ((5, 0, 0), (9, 7, 6)),
    "neck": ((0, 0, 0), (12, 14, 8)),
    "head": ((0, 0, 0), (12, 14, 8)),
    "left_hip": ((-40, 5, 5), (38, 16, 14)),
    "left_knee": ((60, 0, 0), (38, 3, 2)),
    "left_ankle": ((0, 0, 0), (20, 10, 10)),
    "left_foot": ((0, 0, 0), (18, 3, 3)),
    "left_collar": ((0, 0, 0), (5, 8, 8)),
    "left_shoulder": ((0, -15, -45), (40, 30, 42)),
    "left_elbow": ((0, -60, 0), (28, 38, 4)),
    "left_wrist": ((0, 0, 0), (18, 14, 25)),
    "left_hand": ((0, 0, -10), (3, 5, 20)),
}
"""Mean and standard deviation about x, y and z of the T-pose, drawn up to twice the deviation. Flexion of legs and
spine is about x, of the elbow about y; the arm twists about x and hangs down at z = -90 degrees. The right side mirrors
the left."""
LIMIT = 2.0
HELD_OUT_CLIPS = ("crawl", "dance_a", "kick", "spinkick", "walk")
"""Clips that only the report looks at."""


def drawn_poses(count: int, rng: np.random.Generator) -> Float[np.ndarray, "count 24 3"]:
    """Axis-angle poses, root at rest."""
    poses = np.zeros((count, JOINT_COUNT, 3))
    for name, (mean, deviation) in POSE_DEG.items():
        joints = [(name, 1.0)] if not name.startswith("left_") else [(name, 1.0), ("right_" + name[5:], -1.0)]
        for joint, sign in joints:
            angles = np.radians(mean + rng.normal(size=(count, 3)).clip(-LIMIT, LIMIT) * deviation)
            rotation = Rotation.from_euler("ZYX", (angles * [1.0, sign, sign])[:, ::-1])
            poses[:, JOINT_INDEX[joint]] = rotation.as_rotvec()
    return poses


def clip_poses(
    clips: Mapping[str, Path], held_out: bool, count: int, rng: np.random.Generator
) -> Float[np.ndarray, "count 24 3"]:
    """Random frames, the root at rest, of the held-out clips or of all others."""
    names = sorted(name for name in clips if (name in HELD_OUT_CLIPS) == held_out)
    poses = np.concatenate([read_deepmimic(clips[name]).rotations for name in names])
    poses = poses[rng.choice(len(poses), count, replace=False)]
    poses[:, 0] = 0
    return poses
