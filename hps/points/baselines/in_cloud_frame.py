"""Bodies out of the canonical frame: parameters in the frame of each cloud."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from body.joints import JOINT_COUNT
from body.model import BodyModel
from body.parameters import BodyParameters
from body.reframing import in_frame
from geometry.rigid import inverse


def parameters_in_cloud(
    model: BodyModel,
    rotations: Float[np.ndarray, "24 3 3"],
    betas: Float[np.ndarray, "shapes"],
    child: float,
    transl: Float[np.ndarray, "3"],
    T_canonical_cloud: Float[np.ndarray, "4 4"],
) -> BodyParameters:
    """One frame; rotations of each joint against its parent, the root's in the canonical frame."""
    turns = Rotation.from_matrix(np.asarray(rotations, np.float64)).as_rotvec()
    canonical = BodyParameters(
        betas=np.asarray(betas, np.float64),
        global_orient=turns[:1],
        body_pose=turns[1:].reshape(1, 3 * (JOINT_COUNT - 1)),
        transl=np.asarray(transl, np.float64)[None],
        child=float(child),
    )
    return in_frame(model, canonical, inverse(T_canonical_cloud))
