"""The same bodies in another frame."""

from __future__ import annotations

from jaxtyping import Float
from numpy import ndarray
from scipy.spatial.transform import Rotation

from body.model import BodyModel
from body.parameters import BodyParameters
from geometry.rigid import transform


def in_frame(model: BodyModel, parameters: BodyParameters, T_new_old: Float[ndarray, "4 4"]) -> BodyParameters:
    """The same bodies in the frame `new`.

    The root turns about the rest pelvis J0, which `transl` does not move: transl' = R (J0 + transl) + t - J0.
    """
    pelvis = model.rest_joints(parameters.betas, parameters.child)[0]
    turned = Rotation.from_matrix(T_new_old[:3, :3]) * Rotation.from_rotvec(parameters.global_orient)
    return BodyParameters(
        betas=parameters.betas,
        global_orient=turned.as_rotvec(),
        body_pose=parameters.body_pose,
        transl=transform(T_new_old, pelvis + parameters.transl) - pelvis,
        child=parameters.child,
    )
