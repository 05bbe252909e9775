"""The ten parts of the body that results speak of, and patches of its skin, small and even."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from jaxtyping import Float, Int64

from body.joints import JOINT_COUNT, JOINT_INDEX
from body.model import BodyModel

PART_JOINTS: Final[dict[str, tuple[str, ...]]] = {
    "head": ("neck", "head"),
    "trunk": ("pelvis", "spine1", "spine2", "spine3", "left_collar", "right_collar"),
    "left_arm": ("left_shoulder", "left_elbow"),
    "right_arm": ("right_shoulder", "right_elbow"),
    "left_hand": ("left_wrist", "left_hand"),
    "right_hand": ("right_wrist", "right_hand"),
    "left_leg": ("left_hip", "left_knee"),
    "right_leg": ("right_hip", "right_knee"),
    "left_foot": ("left_ankle", "left_foot"),
    "right_foot": ("right_ankle", "right_foot"),
}
"""Part → joints whose skin it is: a vertex belongs to the joint that moves it most."""
PART_NAMES: Final = tuple(PART_JOINTS)
PATCHES: Final = 400
"""Of the skin: 45 cm² each, so that a cloud of 4,000 points leaves none of a seen part without a point."""


def part_of_joint() -> Int64[np.ndarray, "24"]:
    """Index of the part that each joint's skin belongs to."""
    parts = np.empty(JOINT_COUNT, np.int64)
    for index, joints in enumerate(PART_JOINTS.values()):
        parts[[JOINT_INDEX[name] for name in joints]] = index
    return parts


def part_of_vertex(model: BodyModel) -> Int64[np.ndarray, "vertices"]:
    """Index of each vertex's part."""
    return part_of_joint()[np.asarray(model.weights).argmax(1)]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Patches:
    """Pieces of the skin around evenly spread vertices; none reaches from one part into another."""

    center: Int64[np.ndarray, "patches"]
    """Vertex in the middle of each."""
    of_vertex: Int64[np.ndarray, "vertices"]
    """Patch of each vertex."""
    part: Int64[np.ndarray, "patches"]
    area: Float[np.ndarray, "patches"]
    """Square metres of the mean body."""


@lru_cache(maxsize=4)
def skin_patches(model: BodyModel, count: int = PATCHES) -> Patches:
    """Patches of a model: each vertex goes to the nearest centre of its own part.

    Centres are chosen one by one, each farthest from those before it, on the mean body at rest; every part has at
    least one.
    """
    part, points = part_of_vertex(model), np.asarray(model.v_template, np.float64)
    centers = [int(np.flatnonzero(part == p)[0]) for p in range(len(PART_NAMES)) if (part == p).any()]
    nearest, distance = np.full(len(points), -1), np.full(len(points), np.inf)
    for number in range(max(count, len(centers))):
        if number >= len(centers):
            centers.append(int(distance.argmax()))
        away = np.linalg.norm(points - points[centers[number]], axis=1)
        away[part != part[centers[number]]] = np.inf
        closer = away < distance
        nearest[closer], distance[closer] = number, away[closer]
    faces = np.asarray(model.faces)
    a, b, c = (points[faces[:, k]] for k in range(3))
    third = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 6
    area = np.bincount(nearest[faces].ravel(), np.repeat(third, 3), minlength=len(centers))
    return Patches(
        center=np.array(centers, np.int64), of_vertex=nearest.astype(np.int64), part=part[centers], area=area
    )
