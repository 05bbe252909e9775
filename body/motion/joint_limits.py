"""How far human joints turn: the share of a rotation about the bone (twist) and across it (swing), with limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from body.joints import JOINT_COUNT, JOINT_NAMES

_Range = tuple[float, float]

LIMITS_DEG: Final[dict[str, tuple[int, _Range, _Range, _Range]]] = {
    "spine1": (1, (-15, 35), (-15, 15), (-15, 15)),
    "spine2": (1, (-12, 30), (-15, 15), (-12, 12)),
    "spine3": (1, (-12, 30), (-15, 15), (-12, 12)),
    "neck": (1, (-35, 35), (-40, 40), (-25, 25)),
    "head": (1, (-35, 35), (-40, 40), (-25, 25)),
    "left_hip": (1, (-130, 30), (-45, 50), (-30, 55)),
    "left_knee": (1, (-5, 150), (-15, 20), (-8, 8)),
    "left_ankle": (1, (-35, 55), (-35, 35), (-35, 35)),
    "left_foot": (2, (-45, 30), (-5, 5), (-5, 5)),
    "left_collar": (0, (-10, 10), (-20, 20), (-15, 35)),
    "left_shoulder": (0, (-95, 90), (-135, 45), (-100, 95)),
    "left_elbow": (0, (-90, 90), (-150, 5), (-8, 8)),
    "left_wrist": (0, (-30, 30), (-35, 35), (-85, 80)),
    "left_hand": (0, (-5, 5), (-10, 10), (-60, 30)),
}
"""Axis of the bone in the T-pose (0 x, 1 y, 2 z), then ranges about x, y and z of the body's rest axes, degrees: the
one about the bone is twist, the other two are swing. The right side mirrors the left.

Flexion: hip -120, knee 135..150, ankle dorsiflexion 20 (with bent knee 30) and plantar flexion 50, elbow 150, shoulder
abduction 180 (split here between collar and shoulder), thoracolumbar flexion 80..90 and extension 25..30, lateral 35,
turn 45, cervical flexion and extension 45..60, turn 80, wrist 80/70, forearm turn 80..90 each way: American Academy of
Orthopaedic Surgeons, Joint Motion (1965), and Soucie et al., Haemophilia 17 (2011), for the means of healthy people.
How they are shared out among spine, neck and collar joints, and tolerances of about 10 degrees, are assumed."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class JointLimits:
    """Lowest and highest components of each joint, radians."""

    twist_axis: tuple[int, ...]
    lowest: Float[np.ndarray, "24 3"]
    highest: Float[np.ndarray, "24 3"]

    def components(self, rotations: Float[np.ndarray, "*batch 24 3"]) -> Float[np.ndarray, "*batch 24 3"]:
        """Twist on the bone's axis and swing on the two others, radians; the rotation is swing after twist."""
        rotations = np.asarray(rotations, np.float64)
        found = np.zeros_like(rotations)
        for joint, axis in enumerate(self.twist_axis):
            full = Rotation.from_rotvec(rotations[..., joint, :].reshape(-1, 3))
            quaternion = full.as_quat()
            angle = 2 * np.arctan2(quaternion[:, axis], quaternion[:, 3])
            angle = (angle + np.pi) % (2 * np.pi) - np.pi
            vector = np.zeros((len(angle), 3))
            vector[:, axis] = angle
            part = (full * Rotation.from_rotvec(vector).inv()).as_rotvec()
            part[:, axis] = angle
            found[..., joint, :] = part.reshape(*rotations.shape[:-2], 3)
        return found

    def rotations(self, components: Float[np.ndarray, "*batch 24 3"]) -> Float[np.ndarray, "*batch 24 3"]:
        """Axis-angle of components; the inverse of `components` for swings under half a turn."""
        components = np.asarray(components, np.float64)
        found = np.zeros_like(components)
        for joint, axis in enumerate(self.twist_axis):
            part = components[..., joint, :].reshape(-1, 3)
            twist, swing = np.zeros_like(part), part.copy()
            twist[:, axis], swing[:, axis] = part[:, axis], 0.0
            both = Rotation.from_rotvec(swing) * Rotation.from_rotvec(twist)
            found[..., joint, :] = both.as_rotvec().reshape(*components.shape[:-2], 3)
        return found

    def clamped(self, rotations: Float[np.ndarray, "*batch 24 3"]) -> Float[np.ndarray, "*batch 24 3"]:
        """The nearest rotations within the limits, component by component; those within stay as they are."""
        components = self.components(rotations)
        limited = np.clip(components, self.lowest, self.highest)
        return np.where((limited == components).all(-1, keepdims=True), rotations, self.rotations(limited))

    def excess(self, rotations: Float[np.ndarray, "*batch 24 3"]) -> Float[np.ndarray, "*batch 24"]:
        """How far each joint is beyond its limits, radians; 0 within."""
        components = self.components(rotations)
        return np.abs(np.clip(components, self.lowest, self.highest) - components).max(-1)

    def sample(self, rng: np.random.Generator, count: int, share: float = 0.7) -> Float[np.ndarray, "count 24 3"]:
        """Poses whose joints are drawn within the middle `share` of their ranges, each on its own; the root at rest.

        Density falls towards the ends (a beta distribution with both parameters 2). Nothing keeps limbs apart.
        """
        lowest, highest = (np.where(np.isfinite(limit), limit, 0.0) for limit in (self.lowest, self.highest))
        part = (rng.beta(2.0, 2.0, (count, JOINT_COUNT, 3)) - 0.5) * share + 0.5
        components = lowest + part * (highest - lowest)
        return self.rotations(components)


def human_limits(tolerance: float = 1.0) -> JointLimits:
    """The limits of LIMITS_DEG, ranges scaled by `tolerance`; the root is free."""
    lowest, highest = np.full((JOINT_COUNT, 3), -np.inf), np.full((JOINT_COUNT, 3), np.inf)
    axes = [1] * JOINT_COUNT
    for joint, name in enumerate(JOINT_NAMES):
        side, _, rest = name.partition("_")
        entry = LIMITS_DEG.get(f"left_{rest}" if side == "right" else name)
        if entry is None:
            continue
        axes[joint] = entry[0]
        ranges = np.radians(entry[1:]) * tolerance
        if side == "right":
            ranges[1:] = -ranges[1:, ::-1]
        lowest[joint], highest[joint] = ranges[:, 0], ranges[:, 1]
    return JointLimits(twist_axis=tuple(axes), lowest=lowest, highest=highest)
