"""Three fitted bodies of different shapes, and what small changes of their unknowns are."""

import numpy as np
from scipy.spatial.transform import Rotation
from simulated_people import BODY

from body.joint_orientations import parent_rotations
from body.parameters import BodyParameters
from hps.points.fitted_clouds import FittedClouds, RestPelvis
from hps.points.fitting.body import FitBody

FIT_BODY = FitBody.of(BODY)


def bodies() -> FittedClouds:
    rng = np.random.default_rng(2)
    spread = rng.normal(0, 0.05, (3, 85, 85))
    rotations = Rotation.from_rotvec(rng.normal(0, 0.4, (72, 3))).as_matrix().reshape(3, 24, 3, 3)
    betas, child, transl = rng.normal(0, 1, (3, 10)), np.array([0.0, 0.2, 0.7]), rng.normal(0, 1, (3, 3))
    found = FittedClouds(
        rest=RestPelvis.of_body(FIT_BODY), rotations=rotations, betas=betas, child=child, transl=transl,
        covariance=spread @ spread.transpose(0, 2, 1), joints=np.zeros((3, 24, 3)),
        joint_covariance=np.tile(np.diag([1.0, 4.0, 9.0]), (3, 24, 1, 1)), landmarks=rng.normal(0, 1, (3, 88, 3)),
        landmark_sigma=np.ones((3, 88)),
    )  # fmt: skip
    joints = np.concatenate([posed(found.parameters(row))[1] for row in range(3)])
    return FittedClouds(**{**{name: getattr(found, name) for name in FittedClouds.__slots__}, "joints": joints})


def posed(parameters: BodyParameters) -> tuple[np.ndarray, np.ndarray]:
    body = BODY.pose(parameters)
    return body.vertices, body.joints


def changed(one: FittedClouds, unknown: int, step: float) -> FittedClouds:
    """The first body with one of the 85 unknowns of its covariance a little larger."""
    values = {name: getattr(one, name).copy() for name in FittedClouds.__slots__ if name != "rest"}
    if unknown < 72:
        joint, axis = divmod(unknown, 3)
        above = parent_rotations(one.rotations[0])[joint]
        turn = Rotation.from_rotvec(step * np.eye(3)[axis]).as_matrix()
        values["rotations"][0, joint] = above.T @ turn @ above @ one.rotations[0, joint]
    elif unknown < 82:
        values["betas"][0, unknown - 72] += step
    else:
        values["transl"][0, unknown - 82] += step
    return FittedClouds(rest=one.rest, **values)
