"""Put limbs of one clip on the body of another."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from body.errors import BodyError
from body.joints import JOINT_NAMES, PARENTS
from body.motion.alignment import check_same_rate
from body.motion.blend import joint_licence, named
from body.motion.clip import MotionClip


def _below(*roots: str) -> tuple[int, ...]:
    chosen: list[int] = []
    for joint, parent in enumerate(PARENTS):
        if JOINT_NAMES[joint] in roots or parent in chosen:
            chosen.append(joint)
    return tuple(chosen)


PARTS: Final[dict[str, tuple[int, ...]]] = {
    "upper": _below("spine1"),
    "arms": _below("left_collar", "right_collar"),
    "left_arm": _below("left_collar"),
    "right_arm": _below("right_collar"),
    "head": _below("neck"),
}
"""Joints that can be taken from another clip without moving the feet: each part hangs on the one it is put on."""


def recombined(base: MotionClip, donor: MotionClip, part: str, start_frame: int = 0) -> MotionClip:
    """The base clip with one part of the body doing what the donor does, from the donor's `start_frame` on.

    The part keeps its rotations relative to what it hangs on. Raises BodyError for an unknown part, different rates, or
    a donor that ends too early (see `lengthen`).
    """
    if part not in PARTS:
        raise BodyError(f"there is no body part {part!r} to recombine; the parts are: {', '.join(PARTS)}")
    check_same_rate(base, donor)
    if start_frame < 0 or start_frame + len(base) > len(donor):
        raise BodyError(
            f"motion clip {donor.name!r} has {len(donor)} frames, {len(base)} from frame {start_frame} are needed for "
            f"{base.name!r}; lengthen it first"
        )
    joints = list(PARTS[part])
    rotations = base.rotations.copy()
    rotations[:, joints] = donor.rotations[start_frame : start_frame + len(base)][:, joints]
    return replace(
        base,
        name=f"{base.name}/{donor.name}",
        rotations=np.ascontiguousarray(rotations),
        loops=False,
        licence=joint_licence(base, donor),
        description={"base": named(base), part: {**named(donor), "start_frame": start_frame}},
    )
