"""How sure a fitted track is: the equations at its end, carried to joints and skin, with what they leave out."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from body.model import BodyModel
from registration.body_track import TrackSigma
from registration.fit.parts import skin_patches
from registration.fit.posing import PosedClip
from registration.fit.system import NormalEquations
from registration.fit.uncertainty import posterior
from registration.fit.uncertainty_inflation import inflated
from registration.fit.uncertainty_points import joint_covariance, vertex_covariance


def track_sigma(
    model: BodyModel,
    body: PosedClip,
    system: NormalEquations,
    residual_mm: Float[np.ndarray, "frames parts"],
    clouded: Bool[np.ndarray, "frames"],
    inflate: bool = True,
) -> TrackSigma:
    """Standard deviations of joints, of one vertex for each patch of the skin, of the pose and of the betas.

    system: all terms at the optimum, undamped. residual_mm: of each part, NaN where it has no points; clouded: frames
    with a cloud. Without `inflate` the equations' own belief comes back. The pose's and the betas' deviations are never
    inflated: they are the equations' own. Raises RegistrationError when the equations are not positive definite.
    """
    known, patches = posterior(system), skin_patches(model)
    joints, skin = joint_covariance(body, known), vertex_covariance(body, known, patches.center)
    if inflate:
        joints, skin = inflated(joints, skin, patches.part, residual_mm, clouded)
    shapes = len(body.betas)
    return TrackSigma(
        joint_covariance=joints,
        vertex_sigma=np.sqrt(np.trace(skin, axis1=-2, axis2=-1) / 3),
        vertices=patches.center,
        pose_sigma=np.sqrt(np.diagonal(known.frames, axis1=1, axis2=2)),
        betas_covariance=known.shared[:shapes, :shapes],
    )
