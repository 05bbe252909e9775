"""BVH: the fitted skeleton as a hierarchy with joint angles, under Mixamo's names, for animation programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from body.joints import JOINT_COUNT, JOINT_INDEX, JOINT_NAMES, PARENTS
from body.model import BodyModel
from body.parameters import BodyParameters
from humanrig.export.amass import even_clip
from humanrig.results import Results

R_BVH_WORLD: Final = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
"""From z up to y up: x stays, what was ahead of the world's y axis comes toward -z."""
CM_PER_M: Final = 100.0
ORDER: Final = "ZXY"
"""Of the rotation channels, as most BVH files have it; each turns about the axes that the one before turned."""
_LIMBS: Final = {
    "collar": "Shoulder", "shoulder": "Arm", "elbow": "ForeArm", "wrist": "Hand", "hand": "HandMiddle1",
    "hip": "UpLeg", "knee": "Leg", "ankle": "Foot", "foot": "ToeBase",
}  # fmt: skip
_MIDDLE: Final = {
    "pelvis": "Hips", "spine1": "Spine", "spine2": "Spine1", "spine3": "Spine2", "neck": "Neck", "head": "Head",
}  # fmt: skip
END_TIPS: Final = {
    "head": (0.0, 0.18, 0.0), "left_hand": (0.09, 0.0, 0.0), "right_hand": (-0.09, 0.0, 0.0),
    "left_foot": (0.0, 0.0, 0.08), "right_foot": (0.0, 0.0, 0.08),
}  # fmt: skip
"""Where the last bones end, metres from their joint in the rest body: they only give programs something to draw."""


def mixamo_name(joint: str) -> str:
    """Mixamo's name of an SMPL joint, without a namespace."""
    side, _, limb = joint.partition("_")
    return _MIDDLE[joint] if joint in _MIDDLE else side.capitalize() + _LIMBS[limb]


def write(results: Results, folder: Path, on_progress: Callable[[int, int], None]) -> list[str]:
    """Writes personNN.bvh; returns lines for source.txt."""
    clip = even_clip(results)
    text = bvh_text(results.model, clip.parameters, clip.rate_hz)
    (folder / f"{results.person}.bvh").write_text(text, "utf-8")
    on_progress(1, 1)
    made = "interpolated to an even rate, since instants are missing" if clip.resampled else "as fitted"
    return [
        "BVH: Mixamo's joint names without a namespace, rest pose = the body's T-pose, bones as long as this person's",
        "centimetres, y up (x of the world stays, its z becomes y), degrees; the root alone has a position",
        f"{len(clip.parameters)} frames at {clip.rate_hz:.6g} Hz, {made}; joints as the body model's, skin left out",
    ]


def bvh_text(model: BodyModel, parameters: BodyParameters, rate_hz: float) -> str:
    """The file's text. The 24 joints stand where the body model's do, to the rounding of the digits written."""
    rest = CM_PER_M * model.rest_joints(parameters.betas, parameters.child)
    lines = ["HIERARCHY", *_node(0, rest, 0), "MOTION", f"Frames: {len(parameters)}", f"Frame Time: {1 / rate_hz:.9f}"]
    values = _channels(parameters, rest)
    lines += [" ".join(f"{value:.6f}" for value in row) for row in values]
    return "\n".join(lines) + "\n"


def _node(joint: int, rest: Float[np.ndarray, "24 3"], depth: int) -> list[str]:
    name, tab = JOINT_NAMES[joint], "\t" * depth
    offset = rest[joint] - rest[PARENTS[joint]] if joint else np.zeros(3)
    channels = " ".join(f"{axis}rotation" for axis in ORDER)
    channels = f"CHANNELS 6 Xposition Yposition Zposition {channels}" if not joint else f"CHANNELS 3 {channels}"
    lines = [f"{tab}{'JOINT' if joint else 'ROOT'} {mixamo_name(name)}", f"{tab}{{", f"{tab}\tOFFSET {_text(offset)}"]
    lines.append(f"{tab}\t{channels}")
    for child in _in_file_order(joint):
        lines += _node(child, rest, depth + 1)
    if name in END_TIPS:
        tip = CM_PER_M * np.array(END_TIPS[name])
        lines += [f"{tab}\tEnd Site", f"{tab}\t{{", f"{tab}\t\tOFFSET {_text(tip)}", f"{tab}\t}}"]
    return [*lines, f"{tab}}}"]


def _in_file_order(joint: int) -> list[int]:
    """Children: the spine first, as animation programs expect it."""
    children = [child for child in range(JOINT_COUNT) if PARENTS[child] == joint]
    return sorted(children, key=lambda child: JOINT_NAMES[child] not in _MIDDLE)


def _channels(parameters: BodyParameters, rest: np.ndarray) -> Float[np.ndarray, "frames 75"]:
    """Position and angles in the order of the hierarchy's text."""
    order, waiting = [], [0]
    while waiting:
        joint = waiting.pop(0)
        order.append(joint)
        waiting = _in_file_order(joint) + waiting
    frames = len(parameters)
    R = Rotation.from_rotvec(
        np.concatenate([parameters.global_orient, parameters.body_pose], 1).reshape(-1, 3)
    ).as_matrix()
    R = R.reshape(frames, JOINT_COUNT, 3, 3)
    R[:, JOINT_INDEX["pelvis"]] = R_BVH_WORLD @ R[:, JOINT_INDEX["pelvis"]]
    pelvis = rest[0] + CM_PER_M * parameters.transl
    angles = Rotation.from_matrix(R[:, order].reshape(-1, 3, 3)).as_euler(ORDER, degrees=True)
    return np.concatenate([pelvis @ R_BVH_WORLD.T, angles.reshape(frames, -1)], 1)


def _text(offset: np.ndarray) -> str:
    return " ".join(f"{value:.6f}" for value in offset)
