"""A motion from one random pose to the next, at the speed of people, with what stands on the floor held there."""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from body.model import BodyModel
from body.motion.blend import between, smooth_step
from body.motion.clip import MotionClip
from body.motion.pose_prior import PosePrior
from body.motion.retarget import hip_middle, leg_length
from body.motion.skeleton import joint_transforms

PEAK_SPEED_RAD_S: Final = 6.0
"""Fastest turn of a joint between two poses: brisk, half of what arms reach in sports. Assumed."""
_SHORTEST_S, _LONGEST_PAUSE_S, _LARGEST_TURN_RAD = 0.5, 0.3, 0.8
_PEAK_OF_MEAN: Final = 1.875
"""Of a minimum-jerk movement: peak speed over mean speed."""
_SUPPORT_M: Final = 0.02
"""Joints this much above the lowest one bear e times less."""


def pose_walk(
    prior: PosePrior, rng: np.random.Generator, seconds: float, rate_hz: float, model: BodyModel
) -> MotionClip:
    """A clip of `seconds` (to whole frames) between random poses; the body turns, and goes where its support lets it.

    Heights are those of the model's joints above the lowest one; `to_parameters` puts the skin on the floor.
    """
    frames = round(seconds * rate_hz) + 1
    pose, pieces, done = _turned(prior.sample(rng, 1), rng), [], 0
    while done < frames:
        following = _turned(prior.sample(rng, 1), rng)
        gap = Rotation.from_rotvec(pose[0]).inv() * Rotation.from_rotvec(following[0])
        duration = max(_SHORTEST_S, _PEAK_OF_MEAN * gap.magnitude().max() / PEAK_SPEED_RAD_S)
        steps = int(np.ceil(duration * rate_hz))
        weight = smooth_step(np.arange(steps) / steps)
        pieces.append(between(np.repeat(pose, steps, 0), np.repeat(following, steps, 0), weight))
        pause = int(rng.uniform(0.0, _LONGEST_PAUSE_S) * rate_hz)
        pieces.append(np.repeat(following, pause, 0))
        done, pose = done + steps + pause, following
    rotations = np.concatenate(pieces)[:frames]
    rest = model.rest_joints()
    return MotionClip(
        name="poses",
        rate_hz=rate_hz,
        rotations=rotations,
        root_positions=planted(rotations, rest),
        leg_length_m=leg_length(rest),
        root_to_hips=hip_middle(rest) - rest[0],
        description={"poses": len(pieces) // 2 + 1},
    )


def planted(
    rotations: Float[np.ndarray, "frames 24 3"], rest_joints: Float[np.ndarray, "24 3"]
) -> Float[np.ndarray, "frames 3"]:
    """Positions of the pelvis for which the lowest joints keep their place, the lowest one at height 0; metres."""
    _, joints = joint_transforms(rotations, rest_joints)
    height = joints[..., 1] - joints[..., 1].min(1, keepdims=True)
    bears = np.exp(-height / _SUPPORT_M)
    bears /= bears.sum(1, keepdims=True)
    step = np.diff(joints, axis=0)
    shared = (bears[1:] + bears[:-1])[..., None] / 2
    positions = np.zeros((len(rotations), 3))
    positions[1:] = -np.cumsum((shared * step).sum(1), 0)
    positions[:, 1] = -joints[..., 1].min(1)
    return positions


def _turned(poses: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    turn = Rotation.from_rotvec([0.0, rng.uniform(-_LARGEST_TURN_RAD, _LARGEST_TURN_RAD), 0.0])
    poses[:, 0] = (turn * Rotation.from_rotvec(poses[:, 0])).as_rotvec()
    return poses
