"""Forward kinematics of clips in numpy: where the joints of a body are, without posing its surface."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from body.joints import JOINT_COUNT, PARENTS
from body.motion.clip import global_rotations


def joint_transforms(
    rotations: Float[np.ndarray, "frames 24 3"], rest_joints: Float[np.ndarray, "24 3"]
) -> tuple[Float[np.ndarray, "frames 24 3 3"], Float[np.ndarray, "frames 24 3"]]:
    """Orientation and position of every joint, the pelvis at the origin, in the clip's axes (y up).

    rest_joints: of the body at rest (T-pose, y up), such as `BodyModel.rest_joints()`.
    """
    world: list[Rotation] = global_rotations(rotations)
    Rs = np.stack([rotation.as_matrix() for rotation in world], 1)
    positions = np.zeros((len(rotations), JOINT_COUNT, 3))
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            positions[:, joint] = positions[:, parent] + Rs[:, parent] @ (rest_joints[joint] - rest_joints[parent])
    return Rs, positions
