"""Change the rate and the length of motion clips."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final, Literal

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation, Slerp

from body.errors import BodyError
from body.joints import JOINT_COUNT
from body.motion.clip import MotionClip

_SEAM_SECONDS: Final = 0.25
"""Time over which the difference between the end of a cycle and the start of the next one fades."""


def resample(clip: MotionClip, rate_hz: float, seconds: float | None = None) -> MotionClip:
    """The clip at another rate: spherical interpolation of rotations, linear of positions.

    It starts at the clip's first frame; its length is `seconds` (all of the clip when None), to whole frames. Raises
    BodyError for a rate that is not positive, and when the clip is shorter than `seconds` (see `lengthen`).
    """
    if not rate_hz > 0:
        raise BodyError(f"cannot resample motion clip {clip.name!r} to {rate_hz} Hz; give a rate above 0")
    seconds = clip.seconds if seconds is None else seconds
    if seconds > clip.seconds + 1e-6:
        raise BodyError(
            f"motion clip {clip.name!r} lasts {clip.seconds:.2f} s, {seconds:.2f} s were asked; lengthen it first"
        )
    times = np.arange(math.floor(seconds * rate_hz + 1e-6) + 1) / rate_hz
    if len(clip) == 1:
        return replace(clip, rate_hz=rate_hz)
    old = np.arange(len(clip)) / clip.rate_hz
    times = np.minimum(times, old[-1])
    rotations, positions = interpolate(old, clip.rotations, clip.root_positions, times)
    return replace(clip, rate_hz=rate_hz, rotations=rotations, root_positions=positions)


def cut(clip: MotionClip, first: int, stop: int) -> MotionClip:
    """The frames from `first` to before `stop`. Raises BodyError when the clip lacks them."""
    if not 0 <= first < stop <= len(clip):
        raise BodyError(f"motion clip {clip.name!r} has {len(clip)} frames, {first} to {stop} were asked")
    chosen = slice(first, stop)
    return replace(clip, rotations=clip.rotations[chosen], root_positions=clip.root_positions[chosen], loops=False)


def interpolate(
    seconds: Float[np.ndarray, "frames"],
    rotations: Float[np.ndarray, "frames 24 3"],
    positions: Float[np.ndarray, "frames 3"],
    wanted: Float[np.ndarray, "wanted"],
) -> tuple[Float[np.ndarray, "wanted 24 3"], Float[np.ndarray, "wanted 3"]]:
    """Rotations and positions at other times within the given ones."""
    joints = [Slerp(seconds, Rotation.from_rotvec(rotations[:, j]))(wanted).as_rotvec() for j in range(JOINT_COUNT)]
    axes = [np.interp(wanted, seconds, positions[:, axis]) for axis in range(3)]
    return np.stack(joints, 1), np.stack(axes, 1)


def lengthen(
    clip: MotionClip, seconds: float, how: Literal["loop", "back_and_forth", "hold"] | None = None
) -> MotionClip:
    """A clip of at least `seconds`, at its own rate; unchanged when it is long enough.

    "loop" repeats it from where it ended: each cycle is turned about the vertical and moved so that it goes on, and
    what still differs between its ends fades over 0.25 s. A walk thus keeps walking forward. "back_and_forth" plays
    every second cycle backwards, "hold" stays in the last pose. None chooses "loop" for a clip that loops, else
    "back_and_forth".
    """
    missing = math.ceil(seconds * clip.rate_hz - 1e-6) + 1 - len(clip)
    if missing <= 0:
        return clip
    how = how or ("loop" if clip.loops else "back_and_forth")
    if how == "hold" or len(clip) == 1:
        order = np.concatenate([np.arange(len(clip)), np.full(missing, len(clip) - 1)])
        return _taken(clip, order)
    cycles = 1 + math.ceil(missing / (len(clip) - 1))
    if how == "back_and_forth":
        turn = np.concatenate([np.arange(len(clip) - 1), np.arange(len(clip) - 1, 0, -1)])
        return _taken(clip, np.resize(turn, len(clip) + missing))
    return _taken(_looped(clip, cycles), np.arange(len(clip) + missing))


def _taken(clip: MotionClip, frames: np.ndarray) -> MotionClip:
    return replace(clip, rotations=clip.rotations[frames], root_positions=clip.root_positions[frames], loops=False)


def _looped(clip: MotionClip, cycles: int) -> MotionClip:
    rotations, positions = [clip.rotations], [clip.root_positions]
    fade = _fade(len(clip), clip.rate_hz)
    for _ in range(cycles - 1):
        last, end = rotations[-1][-1], positions[-1][-1]
        turn = _turn(clip.rotations[0, 0], last[0])
        cycle = clip.rotations.copy()
        cycle[:, 0] = (turn * Rotation.from_rotvec(cycle[:, 0])).as_rotvec()
        for joint in range(JOINT_COUNT):
            gap = (Rotation.from_rotvec(last[joint]) * Rotation.from_rotvec(cycle[0, joint]).inv()).as_rotvec()
            faded = Rotation.from_rotvec(fade[:, None] * gap) * Rotation.from_rotvec(cycle[:, joint])
            cycle[:, joint] = faded.as_rotvec()
        moved = turn.apply(clip.root_positions - clip.root_positions[0])
        height = clip.root_positions[:, 1] + fade * (end[1] - clip.root_positions[0, 1])
        moved = np.stack([moved[:, 0] + end[0], height, moved[:, 2] + end[2]], 1)
        rotations.append(cycle[1:])
        positions.append(moved[1:])
    return replace(clip, rotations=np.concatenate(rotations), root_positions=np.concatenate(positions))


def _fade(frames: int, rate_hz: float) -> np.ndarray:
    """1 in the first frame, smoothly 0 after the seam."""
    s = np.clip(np.arange(frames) / rate_hz / min(_SEAM_SECONDS, (frames - 1) / rate_hz), 0, 1)
    return 1 - s * s * (3 - 2 * s)


def _turn(first: np.ndarray, last: np.ndarray) -> Rotation:
    """The rotation about y nearest to the one from the first orientation to the last."""
    _x, y, _z, w = (Rotation.from_rotvec(last) * Rotation.from_rotvec(first).inv()).as_quat()
    return Rotation.from_rotvec([0.0, 2 * np.arctan2(y, w), 0.0])
