"""Clouds in which only a part of a person is: what an estimator must not take for the whole. For calibration."""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import Bool, Float
from scipy.spatial import KDTree

from body.model import BodyModel
from body.parameters import BodyParameters
from hps.points.person_cloud import PersonCloud

KINDS: Final = ("legs", "upper half", "one side", "head and shoulders")
PELVIS: Final = 0
LEFT_HIP: Final = 1
RIGHT_HIP: Final = 2
LEGS: Final = (1, 2, 4, 5, 7, 8, 10, 11)
SHOULDERS: Final = (9, 12, 13, 14, 15, 16, 17)
"""The chest and what is above it, with the upper arms."""
WITH_PELVIS: Final = 0.3
"""Share of the pairs of legs that have a pelvis: something that hides a person ends anywhere."""


def part_of_a_person(
    kind: str, cloud: PersonCloud, truth: BodyParameters, body: BodyModel, rng: np.random.Generator
) -> PersonCloud:
    """What is left of a person's cloud; `kind` is one of KINDS. truth: the body in the frame of the cloud.

    What the mask took along beside the person goes or stays with the skin next to it.
    """
    posed = body.pose(truth)
    skin, joints = posed.vertices[0], posed.joints[0]
    if kind == "one side":
        return cloud.select(_one_side(cloud.points, joints, rng))
    part = np.asarray(body.weights).argmax(1)[KDTree(skin).query(cloud.points)[1]]
    if kind == "upper half":
        return cloud.select(~np.isin(part, LEGS))
    if kind == "head and shoulders":
        return cloud.select(np.isin(part, SHOULDERS))
    parts = (PELVIS, *LEGS) if rng.uniform() < WITH_PELVIS else LEGS
    return cloud.select(np.isin(part, parts))


def _one_side(
    points: Float[np.ndarray, "points 3"], joints: Float[np.ndarray, "24 3"], rng: np.random.Generator
) -> Bool[np.ndarray, "points"]:
    """Left or right of the middle of the hips."""
    across = joints[LEFT_HIP] - joints[RIGHT_HIP]
    return (points - joints[PELVIS]) @ across * rng.choice([-1, 1]) > 0
