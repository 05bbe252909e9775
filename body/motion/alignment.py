"""Bring clips of different skeletons to one scale and place, so that they can be joined."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from scipy.spatial.transform import Rotation

from body.errors import BodyError
from body.motion.clip import MotionClip

LEG_LENGTH_M: Final = 0.83
"""Leg of the common skeleton: DeepMimic's figure has 0.831 m."""


def on_common_skeleton(clip: MotionClip) -> MotionClip:
    """The clip with legs of 0.83 m and with its root in the middle of the hips."""
    hips = clip.root_positions + Rotation.from_rotvec(clip.rotations[:, 0]).apply(clip.root_to_hips)
    scale = LEG_LENGTH_M / clip.leg_length_m
    return replace(clip, root_positions=scale * hips, leg_length_m=LEG_LENGTH_M, root_to_hips=np.zeros(3))


def vertical_turn(from_orientation: np.ndarray, to_orientation: np.ndarray) -> Rotation:
    """The rotation about y nearest to the one from the first orientation (axis-angle) to the other."""
    _x, y, _z, w = (Rotation.from_rotvec(to_orientation) * Rotation.from_rotvec(from_orientation).inv()).as_quat()
    return Rotation.from_rotvec([0.0, 2 * np.arctan2(y, w), 0.0])


def moved(clip: MotionClip, turn: Rotation, pivot: np.ndarray, to: np.ndarray) -> MotionClip:
    """The clip turned about the vertical through `pivot`, which is then carried to `to`; heights stay."""
    positions = turn.apply(clip.root_positions - pivot)
    positions = np.stack([positions[:, 0] + to[0], clip.root_positions[:, 1], positions[:, 2] + to[2]], 1)
    rotations = clip.rotations.copy()
    rotations[:, 0] = (turn * Rotation.from_rotvec(rotations[:, 0])).as_rotvec()
    return replace(clip, rotations=rotations, root_positions=positions)


def check_same_rate(first: MotionClip, second: MotionClip) -> None:
    """Raises BodyError unless both clips have one rate."""
    if abs(first.rate_hz - second.rate_hz) > 1e-6 * first.rate_hz:
        raise BodyError(
            f"motion clips {first.name!r} and {second.name!r} have {first.rate_hz:g} and {second.rate_hz:g} Hz; "
            "resample one of them first"
        )
