"""Coordinates along and around the trunk and the limbs of a rest body, on which clothes are cut and folded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float, Integer

from body.joints import JOINT_INDEX
from body.model import BodyModel

TRUNK, LEFT_ARM, RIGHT_ARM, LEFT_LEG, RIGHT_LEG = range(5)
_CHAINS: Final = {
    LEFT_ARM: ("left_shoulder", "left_elbow", "left_wrist"),
    RIGHT_ARM: ("right_shoulder", "right_elbow", "right_wrist"),
    LEFT_LEG: ("left_hip", "left_knee", "left_ankle"),
    RIGHT_LEG: ("right_hip", "right_knee", "right_ankle"),
    TRUNK: ("pelvis", "spine1", "spine2", "spine3", "neck", "head"),
}
_ENDS: Final = {
    LEFT_ARM: "left_hand",
    RIGHT_ARM: "right_hand",
    LEFT_LEG: "left_foot",
    RIGHT_LEG: "right_foot",
}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LimbCoordinates:
    """Where points of the rest body are on its trunk and limbs."""

    part: Integer[np.ndarray, "points"]
    """TRUNK, LEFT_ARM, …"""
    along: Float[np.ndarray, "points"]
    """Metres: outwards on arms, downwards on trunk and legs."""
    angle: Float[np.ndarray, "points"]
    """Radians around the part's axis; 0 is the front (arms: the top)."""
    radius: Float[np.ndarray, "points"]
    """Metres from the axis."""


def part_weights(weights: Float[np.ndarray, "points 24"]) -> Float[np.ndarray, "points 5"]:
    """Share of each part in the skinning weights."""
    shares = np.zeros((len(weights), 5))
    for part, chain in _CHAINS.items():
        names = [*chain, _ENDS[part]] if part in _ENDS else [*chain, "left_collar", "right_collar"]
        shares[:, part] = weights[:, [JOINT_INDEX[name] for name in names]].sum(1)
    return shares


def limb_coordinates(
    points: Float[np.ndarray, "points 3"], part: Integer[np.ndarray, "points"], model: BodyModel
) -> LimbCoordinates:
    """Coordinates of rest points on given parts."""
    joints = model.rest_joints()
    along, angle, radius = (np.zeros(len(points)) for _ in range(3))
    for which, chain in _CHAINS.items():
        mine = part == which
        p, axis = points[mine], joints[[JOINT_INDEX[name] for name in chain]]
        if which in (LEFT_ARM, RIGHT_ARM):
            side = 1 if which == LEFT_ARM else -1
            s, knots, centre = side * p[:, 0], side * axis[:, 0], axis[:, [1, 2]]
            across = p[:, [1, 2]]
        else:
            if which == TRUNK:
                axis = axis[::-1]
            s, knots, centre = -p[:, 1], -axis[:, 1], axis[:, [2, 0]]
            across = p[:, [2, 0]]
        order = np.argsort(knots)
        offset = across - np.stack([np.interp(s, knots[order], centre[order, i]) for i in range(2)], -1)
        along[mine], angle[mine] = s, np.arctan2(offset[:, 1], offset[:, 0])
        radius[mine] = np.hypot(offset[:, 0], offset[:, 1])
    return LimbCoordinates(part=part, along=along, angle=angle, radius=radius)


def directions(part: Integer[np.ndarray, "points"]) -> Float[np.ndarray, "points 3"]:
    """Unit direction of `along` in the rest frame."""
    return np.array([(0, -1, 0), (1, 0, 0), (-1, 0, 0), (0, -1, 0), (0, -1, 0)], np.float64)[part]
