"""The answer that stands in for one that a method did not give: a body at rest in the middle of the cloud."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from body.parameters import BodyParameters
from geometry.rigid import inverse
from hps.benchmark.points.runner.posed_rows import benchmark_model, whole_rows
from hps.benchmark.prediction import Prediction
from hps.points.canonical import STANDING, canonical_frame
from hps.points.person_cloud import PersonCloud


def substitute(cloud: PersonCloud) -> Prediction:
    """The mean shape in the T-pose, upright, facing the first camera, its pelvis at the cloud's median.

    It knows nothing but where the cloud is; of a cloud without points it stands at the origin.
    """
    finite = whole_rows(cloud.points)
    T_cloud_canonical = np.eye(4)
    if finite.any():
        T_cloud_canonical = inverse(canonical_frame(cloud.select(finite)))
    turn = Rotation.from_matrix(T_cloud_canonical[:3, :3] @ np.array(STANDING))
    return Prediction(
        parameters=BodyParameters(
            betas=np.zeros(1),
            global_orient=turn.as_rotvec()[None],
            body_pose=np.zeros((1, 69)),
            transl=(T_cloud_canonical[:3, 3] - benchmark_model().rest_joints()[0])[None],
        )
    )
