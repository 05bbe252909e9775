"""Bodies out of the canonical frame: parameters in the frame of each cloud."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from body.joints import JOINT_COUNT
from body.model import BodyModel
from body.parameters import BodyParameters
from geometry.rigid import inverse, transform


def parameters_in_cloud(
    model: BodyModel,
    rotations: Float[np.ndarray, "24 3 3"],
    betas: Float[np.ndarray, "shapes"],
    child: float,
    transl: Float[np.ndarray, "3"],
    T_canonical_cloud: Float[np.ndarray, "4 4"],
) -> BodyParameters:
    """One frame. SMPL turns a body about its rest pelvis, so that the pelvis is moved, and transl found anew."""
    T_cloud_canonical = inverse(T_canonical_cloud)
    betas = np.asarray(betas, np.float64)
    p_rest_pelvis = model.rest_joints(betas, child)[0]
    turns = Rotation.from_matrix(np.asarray(rotations, np.float64)).as_rotvec()
    root = Rotation.from_matrix(T_cloud_canonical[:3, :3]) * Rotation.from_rotvec(turns[0])
    p_pelvis = transform(T_cloud_canonical, np.asarray(transl, np.float64) + p_rest_pelvis)
    return BodyParameters(
        betas=betas,
        global_orient=root.as_rotvec()[None],
        body_pose=turns[1:].reshape(1, 3 * (JOINT_COUNT - 1)),
        transl=(p_pelvis - p_rest_pelvis)[None],
        child=float(child),
    )
