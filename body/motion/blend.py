"""Let one clip run into another, or mix two that are done at the same time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from body.errors import BodyError
from body.joints import JOINT_COUNT
from body.motion.alignment import check_same_rate, moved, on_common_skeleton, vertical_turn
from body.motion.clip import MotionClip
from body.motion.resample import interpolate


def cross_fade(first: MotionClip, second: MotionClip, seconds: float = 0.5) -> MotionClip:
    """The first clip, whose last `seconds` turn smoothly into the first ones of the second clip.

    The second clip is turned about the vertical and moved so that both pelvises agree in the middle of the overlap:
    the person goes on from where they are. Both are put on the common skeleton (alignment.py). Raises BodyError when
    the rates differ, or when the overlap has fewer than two frames or is longer than one of the clips.
    """
    check_same_rate(first, second)
    first, second = on_common_skeleton(first), on_common_skeleton(second)
    overlap = round(seconds * first.rate_hz) + 1
    if overlap < 2 or overlap > min(len(first), len(second)):
        raise BodyError(
            f"cannot fade motion clip {first.name!r} ({first.seconds:.2f} s) into {second.name!r} "
            f"({second.seconds:.2f} s) over {seconds:.2f} s; give a time that both have"
        )
    start, middle = len(first) - overlap, overlap // 2
    turn = vertical_turn(second.rotations[middle, 0], first.rotations[start + middle, 0])
    second = moved(second, turn, second.root_positions[middle], first.root_positions[start + middle])
    weight = smooth_step(np.linspace(0.0, 1.0, overlap))
    rotations = between(first.rotations[start:], second.rotations[:overlap], weight)
    tail, head = first.root_positions[start:], second.root_positions[:overlap]
    positions = tail + weight[:, None] * (head - tail)
    return MotionClip(
        name=f"{first.name}+{second.name}",
        rate_hz=first.rate_hz,
        rotations=np.concatenate([first.rotations[:start], rotations, second.rotations[overlap:]]),
        root_positions=np.concatenate([first.root_positions[:start], positions, second.root_positions[overlap:]]),
        leg_length_m=first.leg_length_m,
        licence=joint_licence(first, second),
        description={"faded": [named(first), named(second)], "fade_seconds": round(seconds, 3)},
    )


def mixed(first: MotionClip, second: MotionClip, weight: float) -> MotionClip:
    """What lies between two clips done at the same time: 0 is the first, 1 the second.

    The second clip is stretched to the first one's frames, so the phases of two cycles agree where they agree at the
    ends. Travel is mixed relative to each start. Raises BodyError for a weight outside 0..1 or a single frame.
    """
    if not 0 <= weight <= 1:
        raise BodyError(f"cannot mix {first.name!r} and {second.name!r} with weight {weight}; give one from 0 to 1")
    if len(first) < 2 or len(second) < 2:
        raise BodyError(f"cannot mix {first.name!r} and {second.name!r}: one has a single frame; use longer clips")
    first, second = on_common_skeleton(first), on_common_skeleton(second)
    turn = vertical_turn(second.rotations[0, 0], first.rotations[0, 0])
    second = moved(second, turn, second.root_positions[0], first.root_positions[0])
    phase, wanted = np.linspace(0.0, 1.0, len(second)), np.linspace(0.0, 1.0, len(first))
    rotations, positions = interpolate(phase, second.rotations, second.root_positions, wanted)
    weights = np.full(len(first), weight)
    return replace(
        first,
        name=f"{first.name}~{second.name}",
        rotations=between(first.rotations, rotations, weights),
        root_positions=first.root_positions + weight * (positions - first.root_positions),
        loops=first.loops and second.loops,
        licence=joint_licence(first, second),
        description={"mixed": [named(first), named(second)], "weight": round(weight, 4)},
    )


def between(
    first: Float[np.ndarray, "frames 24 3"],
    second: Float[np.ndarray, "frames 24 3"],
    weight: Float[np.ndarray, "frames"],
) -> Float[np.ndarray, "frames 24 3"]:
    """Spherical interpolation of every joint, frame by frame, the short way."""
    a, b = (Rotation.from_rotvec(r.reshape(-1, 3)) for r in (first, second))
    part = np.repeat(weight, JOINT_COUNT)[:, None] * (a.inv() * b).as_rotvec()
    return (a * Rotation.from_rotvec(part)).as_rotvec().reshape(-1, JOINT_COUNT, 3)


def smooth_step(s: Float[np.ndarray, "*any"]) -> Float[np.ndarray, "*any"]:
    """0 to 1 with no speed and no acceleration at the ends (minimum jerk)."""
    s = np.clip(s, 0.0, 1.0)
    return s**3 * (10 - 15 * s + 6 * s * s)


def named(clip: MotionClip) -> dict[str, object]:
    """What a recipe says of one ingredient."""
    return {"clip": clip.name, **clip.description}


def joint_licence(*clips: MotionClip) -> str:
    """Licences of all ingredients, each once."""
    return "; ".join(dict.fromkeys(clip.licence for clip in clips if clip.licence))
