"""Movement for the joints that a source never moves: DeepMimic's figure has neither wrists nor collars."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from scipy.spatial.transform import Rotation

from body.joints import JOINT_INDEX
from body.motion.blend import between, smooth_step
from body.motion.clip import MotionClip
from body.motion.joint_limits import human_limits

_JOINTS: Final = tuple(JOINT_INDEX[f"{side}_{name}"] for side in ("left", "right") for name in ("collar", "wrist"))
_SHARE: Final = 0.6
"""Of each joint's range. Assumed, as is the time between two positions."""
_KEY_SECONDS: Final = 0.9
_STILL_RAD: Final = 0.01


def with_still_joints_moved(clip: MotionClip, rng: np.random.Generator) -> MotionClip:
    """The clip whose wrists and collars, where they hold still, turn slowly between random positions within limits."""
    turns = Rotation.from_rotvec(clip.rotations.reshape(-1, 3)).magnitude().reshape(len(clip), -1)
    still = [joint for joint in _JOINTS if turns[:, joint].max() < _STILL_RAD]
    keys = human_limits().sample(rng, int(clip.seconds / _KEY_SECONDS) + 2, _SHARE)
    if not still:
        return clip
    at = np.arange(len(clip)) / clip.rate_hz / _KEY_SECONDS
    first = at.astype(int)
    moved = between(keys[first], keys[first + 1], smooth_step(at - first))
    rotations = clip.rotations.copy()
    rotations[:, still] = moved[:, still]
    return replace(clip, rotations=rotations)
