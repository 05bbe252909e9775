"""Motions that need little room: their travel taken out, and how far the body then reaches from its spot."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from body.model import BodyModel
from body.motion.clip import MotionClip
from body.motion.retarget import to_parameters
from body.motion.skeleton import joint_transforms


def on_the_spot(clip: MotionClip) -> MotionClip:
    """The clip without its mean travel over the floor, as on a treadmill; heights stay."""
    positions = clip.root_positions
    travel = np.linspace(0.0, 1.0, len(clip))[:, None] * (positions[-1] - positions[0])
    still = positions - travel * [1.0, 0.0, 1.0]
    return replace(clip, root_positions=still, description={**clip.description, "on_the_spot": True})


def room_m(clip: MotionClip, model: BodyModel) -> float:
    """Largest distance of a joint from the vertical line through the middle of the pelvis' path, metres."""
    rest = model.rest_joints()
    pelvis = to_parameters(clip, model, floor="none").transl + rest[0]
    _, joints = joint_transforms(clip.rotations, rest)
    over_floor = pelvis[:, None, :2] + joints[..., [0, 2]] * [1.0, -1.0]
    return float(np.linalg.norm(over_floor, axis=-1).max())
