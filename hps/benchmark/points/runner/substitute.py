"""The answer that stands in for one that a method did not give: a body at rest in the middle of the cloud."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from body.parameters import BodyParameters
from geometry.rigid import inverse
from hps.benchmark.points.runner.posed_rows import benchmark_model, whole_rows
from hps.benchmark.prediction import Prediction
from hps.points.canonical import canonical_frame
from hps.points.person_cloud import PersonCloud

FACING_CAMERA = Rotation.from_matrix(np.array([[0.0, 0, -1], [-1, 0, 0], [0, 1, 0]]))
"""From SMPL's axes (y up, facing +z) to the canonical frame's (z up), facing its camera at -x."""


def substitute(cloud: PersonCloud) -> Prediction:
    """The mean shape in the T-pose, upright, facing the first camera, its pelvis at the cloud's median.

    It knows nothing but where the cloud is; of a cloud without points it stands at the origin.
    """
    finite = whole_rows(cloud.points)
    turn, middle = FACING_CAMERA, np.zeros(3)
    if finite.any():
        T_cloud_canonical = inverse(canonical_frame(cloud.select(finite)))
        turn, middle = Rotation.from_matrix(T_cloud_canonical[:3, :3]) * FACING_CAMERA, T_cloud_canonical[:3, 3]
    return Prediction(
        parameters=BodyParameters(
            betas=np.zeros(1),
            global_orient=turn.as_rotvec()[None],
            body_pose=np.zeros((1, 69)),
            transl=(middle - benchmark_model().rest_joints()[0])[None],
        )
    )
