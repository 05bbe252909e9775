"""Read DeepMimic's `humanoid3d_*.txt` clips (Peng et al. 2018), as they ship in the pybullet package.

The file is JSON. A frame has 44 numbers: duration (s), root position, then rotations relative to the parent, of which
knees and elbows are one angle about z and the others quaternions wxyz. The world is y up and the figure faces +x with
its left at -z; its zero pose stands with hanging arms.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from scipy.spatial.transform import Rotation

from body.errors import BodyError
from body.joints import JOINT_COUNT, JOINT_INDEX
from body.motion.clip import MotionClip, local_rotations
from body.motion.resample import interpolate
from geometry.told_values import json_of

_COLUMNS: Final = 44
_QUATERNIONS: Final = (4, 8, 12, 16, 21, 25, 30, 35, 39)
"""Columns at which rotations begin."""
LEG_LENGTH_M: Final = 0.421546 + 0.409870
"""Thigh and shin of humanoid3d. Its hips are level with its root."""
_BODY_TO_HUMANOID: Final = Rotation.from_rotvec([0.0, np.pi / 2, 0.0])
_LEFT_ARM: Final = _BODY_TO_HUMANOID * Rotation.from_rotvec([0.0, 0.0, -np.pi / 2])
_RIGHT_ARM: Final = _BODY_TO_HUMANOID * Rotation.from_rotvec([0.0, 0.0, np.pi / 2])
"""From the T-pose to the humanoid's zero pose, its axes included."""


def read_deepmimic(path: Path | str) -> MotionClip:
    """The clip of one file, turned to the body's frame (y up, facing +z).

    Knees, elbows and hands without a joint of their own stay straight; the chest rotation is spread over the three
    spine joints and the neck's over neck and head. Uneven frame durations are resampled to the commonest. Raises
    BodyError when the file is missing or of another kind.
    """
    path = Path(path)
    frames, loop = _frames(path)
    seconds = np.concatenate([[0.0], np.cumsum(frames[:-1, 0])])
    if not (np.diff(seconds) > 0).all():
        raise BodyError(f"{path}: frame {int(np.argmin(frames[:-1, 0]))} has duration 0 or less; repair the file")
    rotations, positions = local_rotations(_world_rotations(frames)), _BODY_TO_HUMANOID.inv().apply(frames[:, 1:4])
    rate_hz = 1 / float(np.median(np.diff(seconds))) if len(frames) > 1 else 30.0
    if len(frames) > 1 and np.ptp(np.diff(seconds)) > 1e-3:  # `roll` pauses longer on some frames
        even = np.arange(round(seconds[-1] * rate_hz) + 1) / rate_hz
        rotations, positions = interpolate(seconds, rotations, positions, np.minimum(even, seconds[-1]))
    return MotionClip(
        name=path.stem.removeprefix("humanoid3d_"),
        rate_hz=rate_hz,
        rotations=rotations,
        root_positions=positions,
        leg_length_m=LEG_LENGTH_M,
        loops=loop,
        licence="zlib (pybullet); the clip has no notice of its own",
    )


def _frames(path: Path) -> tuple[np.ndarray, bool]:
    try:
        content = json_of(path.read_text())
        frames = np.array(content["Frames"], np.float64)
        loop = content.get("Loop") in ("wrap", True)
    except OSError as error:
        raise BodyError(f"motion clip {path} cannot be read: {error.strerror}; check the path") from error
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
        raise BodyError(f"{path} is no DeepMimic clip ({error!r}); expected JSON with a list 'Frames'") from error
    if frames.ndim != 2 or frames.shape[1] != _COLUMNS or not len(frames):
        raise BodyError(f"{path}: frames have shape {frames.shape}, expected (frames, {_COLUMNS}) of humanoid3d")
    turns = np.abs(np.stack([frames[:, k : k + 4] for k in _QUATERNIONS])).max(-1)
    if not np.isfinite(frames).all() or not ((turns > 0.1) & (turns < 10)).all():
        raise BodyError(f"{path} has numbers that are not finite, or rotations of length 0; obtain the file again")
    return frames, loop


def _world_rotations(frames: np.ndarray) -> list[Rotation]:
    """Rotation of each of the 24 joints in the body's frame."""

    def ball(column: int) -> Rotation:
        return Rotation.from_quat(frames[:, column : column + 4], scalar_first=True)

    def hinge(column: int) -> Rotation:
        return Rotation.from_rotvec(frames[:, column, None] * np.array([0.0, 0.0, 1.0]))

    def part(rotation: Rotation, fraction: float) -> Rotation:
        return Rotation.from_rotvec(fraction * rotation.as_rotvec())

    root, bend, nod = ball(4), ball(8), ball(12)
    chest = root * bend
    world: dict[str, Rotation] = {
        "pelvis": root,
        "spine1": root * part(bend, 1 / 3),
        "spine2": root * part(bend, 2 / 3),
        "spine3": chest,
        "left_collar": chest,
        "right_collar": chest,
        "neck": chest * part(nod, 0.5),
        "head": chest * nod,
    }
    world = {name: rotation * _BODY_TO_HUMANOID for name, rotation in world.items()}
    for side, hip, shoulder, arm in (("right", 16, 25, _RIGHT_ARM), ("left", 30, 39, _LEFT_ARM)):
        thigh = root * ball(hip)
        shin = thigh * hinge(hip + 4)
        foot = shin * ball(hip + 5)
        upper = chest * ball(shoulder)
        fore = upper * hinge(shoulder + 4)
        for name, rotation in (("hip", thigh), ("knee", shin), ("ankle", foot), ("foot", foot)):
            world[f"{side}_{name}"] = rotation * _BODY_TO_HUMANOID
        for name, rotation in (("shoulder", upper), ("elbow", fore), ("wrist", fore), ("hand", fore)):
            world[f"{side}_{name}"] = rotation * arm
    back = _BODY_TO_HUMANOID.inv()
    ordered: list[Rotation] = [root] * JOINT_COUNT
    for name, rotation in world.items():
        ordered[JOINT_INDEX[name]] = back * rotation
    return ordered
