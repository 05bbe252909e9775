"""The mean of the training set's bodies, put where the cloud is: what any method must beat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy.spatial.transform import Rotation

from body.joints import JOINT_COUNT
from body.loading import load_body_model
from body.model import BodyModel
from body.parameters import BodyParameters
from hps.benchmark.points.set.rarity import mean_pose
from hps.benchmark.prediction import Prediction
from hps.points.baselines.asking import asked
from hps.points.baselines.in_cloud_frame import parameters_in_cloud
from hps.points.canonical import STANDING, canonical_frame
from hps.points.person_cloud import PersonCloud

MEAN_BETAS: Final = (0.260, 0.217, 0.004, -0.027, 0.056, 0.099, 0.079, 0.284, -0.023, 0.124)
MEAN_CHILD: Final = 0.064
MEAN_PELVIS_M: Final = (0.147, 0.0, -0.047)
"""In the canonical frame: behind the middle of what one camera sees. All three are of 12,000 clouds of `train_kinect`;
their people face every direction equally (mean of the direction ahead: 0.01 in the plane), so that facing the camera is
as good as any other heading."""


class MeanPose:
    """The same body for every cloud, upright, facing the first camera."""

    parameters = 0
    gflops = 0.0

    def __init__(self, body: BodyModel | None = None) -> None:
        self.body = load_body_model() if body is None else body

    def __call__(self, clouds: Sequence[PersonCloud]) -> list[Prediction]:
        """One body for each cloud."""
        return asked(clouds, lambda some: [Prediction(parameters=self.of(cloud)) for cloud in some])

    def of(self, cloud: PersonCloud) -> BodyParameters:
        """The mean body in the frame of one cloud."""
        rotations, betas, transl = mean_body(self.body)
        return parameters_in_cloud(self.body, rotations, betas, MEAN_CHILD, transl, canonical_frame(cloud))


def mean_body(body: BodyModel) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rotations (24, 3, 3), betas and transl of the mean body in the canonical frame."""
    rotations = np.empty((JOINT_COUNT, 3, 3))
    rotations[0] = STANDING
    rotations[1:] = Rotation.from_rotvec(mean_pose().reshape(-1, 3)).as_matrix()
    betas = np.array(MEAN_BETAS)
    return rotations, betas, np.array(MEAN_PELVIS_M) - body.rest_joints(betas, MEAN_CHILD)[0]
