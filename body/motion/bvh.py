"""Read BVH motion onto SMPL's 24 joints, whatever the rest pose and the size of its skeleton."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from body.errors import BodyError
from body.joints import JOINT_NAMES, PARENTS
from body.motion.bvh_file import BvhFile, parse_bvh
from body.motion.bvh_skeletons import OPTIONAL, SKELETONS, JointSource, plain_name
from body.motion.clip import MotionClip, local_rotations

_UP: Final[dict[str, tuple[float, float, float]]] = {"x": (1, 0, 0), "y": (0, 1, 0), "z": (0, 0, 1)}
_AIMED: Final[dict[str, str]] = {
    f"{side}_{joint}": f"{side}_{child}"
    for side in ("left", "right")
    for joint, child in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))
}
"""Bones whose direction is kept exactly: limb joint and the joint that it points to."""
_REST: Final[dict[str, tuple[float, float, float]]] = {
    "left_hip": (0.075, -1, 0),
    "right_hip": (-0.075, -1, 0),
    "left_knee": (-0.02, -1, -0.075),
    "right_knee": (0.02, -1, -0.075),
    "left_shoulder": (1, 0, 0),
    "right_shoulder": (-1, 0, 0),
    "left_elbow": (1, 0, 0),
    "right_elbow": (-1, 0, 0),
}
"""Directions of these bones in the open body's T-pose; SMPL's own differ by a few degrees."""


def read_bvh(path: Path | str, *, unit_m: float = 0.01, up: Literal["x", "y", "z"] = "y") -> MotionClip:
    """The clip of one file, in the body's frame (y up, facing +z).

    unit_m: length of the file's unit in metres; BVH does not state it, 0.01 means centimetres (MakeHuman: 0.1). up: the
    file's vertical axis; the front follows from the hips. Joint names of CMU, Mixamo (any namespace) and MakeHuman
    skeletons are known (bvh_skeletons.py).

    Each joint turns as the file's does from its rest pose. The limbs' rest poses may differ (T-pose, A-pose, hanging
    arms): upper arms, forearms, thighs and shins point exactly where the file's do. Position channels other than the
    root's are ignored. Raises BodyError when the file is damaged, has another skeleton, or stands in another unit.
    """
    path = Path(path)
    if not unit_m > 0:
        raise BodyError(f"unit_m is {unit_m}, expected metres for one unit of {path}, such as 0.01 for centimetres")
    file = parse_bvh(path)
    scheme, sources = _skeleton(file, path)
    starts = {joint: index for joint, (index, _) in sources.items()}
    turns = {joint: index for joint, (_, index) in sources.items()}
    rest = file.rest_positions()
    axes = _axes(rest, starts, up, path)
    rest = axes.apply(rest) * unit_m
    rotations, positions = file.posed()
    positions = axes.apply(positions.reshape(-1, 3)).reshape(positions.shape) * unit_m
    world = {joint: axes * rotations[index] * axes.inv() for joint, index in turns.items()}
    legs = [_length(rest, [starts[f"{s}_{j}"] for j in ("hip", "knee", "ankle")]) for s in ("left", "right")]
    if not 0.2 < np.mean(legs) < 2.0:
        raise BodyError(
            f"{path}: legs of {np.mean(legs):.3g} m with unit_m = {unit_m:g}; pass the file's unit (0.01 centimetres, "
            "0.0254 inches, 0.1 decimetres, 1 metres)"
        )
    hips = (rest[starts["left_hip"]] + rest[starts["right_hip"]]) / 2
    return MotionClip(
        name=path.stem,
        rate_hz=1 / file.frame_seconds,
        rotations=local_rotations(_fitted(world, positions, rest, starts)),
        root_positions=positions[:, starts["pelvis"]],
        leg_length_m=float(np.mean(legs)),
        root_to_hips=hips - rest[starts["pelvis"]],
        licence=f"as the file's ({scheme} skeleton)",
    )


def _skeleton(file: BvhFile, path: Path) -> tuple[str, dict[str, tuple[int, int]]]:
    """The naming scheme, and for each SMPL joint found the indices of `starts` and `turns`."""
    index: dict[str, int] = {}
    for number, joint in enumerate(file.joints):
        index.setdefault(plain_name(joint.name), number)

    def has(source: JointSource) -> bool:
        return plain_name(source.starts) in index and plain_name(source.turns) in index

    known = {
        scheme: {
            joint: (index[plain_name(source.starts)], index[plain_name(source.turns)])
            for joint, source in joints.items()
            if has(source)
        }
        for scheme, joints in SKELETONS.items()
    }
    scheme = max(known, key=lambda name: len(known[name]))
    missing = [joint for joint in JOINT_NAMES if joint not in known[scheme] and joint not in OPTIONAL]
    if missing:
        names = ", ".join(joint.name for joint in file.joints[:8])
        raise BodyError(
            f"{path}: the skeleton ({names}, …) is none of {', '.join(SKELETONS)}; nearest is {scheme}, without "
            f"{', '.join(missing)}; rename its joints"
        )
    return scheme, known[scheme]


def _axes(rest: np.ndarray, joints: dict[str, int], up: str, path: Path) -> Rotation:
    """From the file's axes to y up, left at +x."""
    vertical = np.array(_UP[up], np.float64)
    left = rest[joints["left_hip"]] - rest[joints["right_hip"]]
    left = left - vertical * (left @ vertical)
    trunk = (rest[joints["head"]] - rest[joints["pelvis"]]) @ vertical
    legs = (rest[joints["left_ankle"]] - rest[joints["left_hip"]]) @ vertical
    if np.linalg.norm(left) < 1e-9 or not trunk > 0 > legs:
        raise BodyError(f"{path}: the rest pose does not stand along {up}; pass the file's vertical axis as `up`")
    left = left / np.linalg.norm(left)
    return Rotation.from_matrix(np.stack([left, vertical, np.cross(left, vertical)]))


def _fitted(
    world: dict[str, Rotation], positions: np.ndarray, rest: np.ndarray, joints: dict[str, int]
) -> list[Rotation]:
    """World rotations of the 24 joints: the file's rotations after the difference of the rest poses."""
    aligned: dict[str, Rotation] = {}
    for name, parent in zip(JOINT_NAMES, PARENTS):
        before = aligned[JOINT_NAMES[parent]] if parent >= 0 else Rotation.identity()
        if name in _AIMED:
            direction = rest[joints[_AIMED[name]]] - rest[joints[name]]
            aligned[name] = _swing(before.apply(_REST[name])[None], direction[None])[0] * before
        elif name.endswith(("ankle", "foot")):
            aligned[name] = Rotation.identity()  # both rest poses stand with flat feet
        elif name.endswith(("wrist", "hand")):
            aligned[name] = before
        else:
            aligned[name] = Rotation.identity()
    fitted: list[Rotation] = []
    for name, parent in zip(JOINT_NAMES, PARENTS):
        if name not in world:
            fitted.append(fitted[parent])
            continue
        rotation = world[name] * aligned[name]
        if name in _AIMED:
            direction = positions[:, joints[_AIMED[name]]] - positions[:, joints[name]]
            rotation = _swing(rotation.apply(np.array(_REST[name], np.float64)), direction) * rotation
        fitted.append(rotation)
    return fitted


def _swing(start: Float[np.ndarray, "frames 3"], end: Float[np.ndarray, "frames 3"]) -> Rotation:
    """The smallest rotations that turn the directions `start` to `end`."""
    a = start / np.linalg.norm(start, axis=1, keepdims=True)
    b = end / np.maximum(np.linalg.norm(end, axis=1, keepdims=True), 1e-12)
    axis, cosine = np.cross(a, b), (a * b).sum(1)
    sine = np.linalg.norm(axis, axis=1)
    aside = np.cross(a, np.eye(3)[np.abs(a).argmin(1)])  # any axis serves for opposite directions
    axis = np.where(sine[:, None] > 1e-9, axis, aside)
    axis = axis / np.linalg.norm(axis, axis=1, keepdims=True)
    return Rotation.from_rotvec(axis * np.arctan2(sine, cosine)[:, None])


def _length(positions: np.ndarray, chain: list[int]) -> float:
    return float(np.linalg.norm(np.diff(positions[chain], axis=0), axis=1).sum())
