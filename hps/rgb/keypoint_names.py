"""Which keypoints of a detector are lifted: those that are points of an SMPL-format body."""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import Int64

from registration.keypoints.sets import BLAZEPOSE, SMPL_JOINT_OF_KEYPOINT, SMPL_VERTEX_OF_KEYPOINT, KeypointSet

LIFTED: Final = KeypointSet(
    tuple(name for name in BLAZEPOSE.names if name in SMPL_JOINT_OF_KEYPOINT or name in SMPL_VERTEX_OF_KEYPOINT)
)
"""BlazePose's landmarks that the body has, in BlazePose's order; inner and outer corners of eyes and mouth are not."""
LIFTED_COUNT: Final = len(LIFTED)


def places(names: tuple[str, ...]) -> Int64[np.ndarray, "lifted"]:
    """Where each lifted keypoint is in another set; -1 where that set has none of the name."""
    place = {name: n for n, name in enumerate(names)}
    return np.array([place.get(name, -1) for name in LIFTED.names], np.int64)
