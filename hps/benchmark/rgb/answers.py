"""From what lifters and fits give to what a benchmarked method answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float
from torch import Tensor

from body.model import BodyModel
from body.parameters import BodyParameters
from body.rotations import matrix_to_axis_angle
from hps.benchmark.prediction import Prediction
from hps.points.fitting.fitted import FittedBodies
from hps.rgb.keypoint_batch import KeypointBatch
from hps.rgb.lifted import LiftedBodies
from hps.rgb.lifting import KeypointFit, Lifter

LiftingMethod = Callable[[KeypointBatch], Sequence[Prediction]]
"""A method: what it may know of a person is all in the batch. One answer for each row."""


def of_lifter(lifter: Lifter, model: BodyModel) -> LiftingMethod:
    """A lifter by itself: its landmarks are the joints, its SMPL answer the body."""
    return lambda batch: of_lifted(lifter(batch), model)


def of_fit(lifter: Lifter, fit: KeypointFit) -> LiftingMethod:
    """A lifter and the fit after it."""
    return lambda batch: of_fitted(fit(batch, lifter(batch)))


def of_lifted(bodies: LiftedBodies, model: BodyModel) -> list[Prediction]:
    """The body's pelvis is put at the root."""
    betas, child = _array(bodies.betas), _array(bodies.child)
    transl = _array(bodies.root) - rest_pelvis(model, betas, child)
    joints = _array(bodies.landmarks)[:, :24]
    return _predictions(_array(matrix_to_axis_angle(bodies.rotations.double())), betas, child, transl, joints)


def of_fitted(bodies: FittedBodies) -> list[Prediction]:
    """The fitted body and its joints."""
    turns = _array(matrix_to_axis_angle(bodies.rotations.double()))
    child, transl, joints = _array(bodies.child), _array(bodies.transl), _array(bodies.joints)
    return _predictions(turns, _array(bodies.betas), child, transl, joints)


def rest_pelvis(
    model: BodyModel, betas: Float[np.ndarray, "bodies shapes"], child: Float[np.ndarray, "bodies"]
) -> Float[np.ndarray, "bodies 3"]:
    """Of the shaped bodies: the pelvis is this plus `transl`."""
    row = model.J_regressor[[0]].toarray()[0]
    directions = np.einsum("v,vis->is", row, model.shapedirs[..., : betas.shape[1]])
    own = row @ model.v_template + betas @ directions.T
    return own if model.child_direction is None else own + child[:, None] * (row @ model.child_direction)


def _predictions(
    turns: np.ndarray, betas: np.ndarray, child: np.ndarray, transl: np.ndarray, joints: np.ndarray
) -> list[Prediction]:
    return [
        Prediction(
            parameters=BodyParameters(
                betas=betas[row],
                global_orient=turns[row, :1],
                body_pose=turns[row, 1:].reshape(1, 69),
                transl=transl[row, None],
                child=float(child[row]),
            ),
            joints=joints[row],
        )
        for row in range(len(turns))
    ]


def _array(values: Tensor) -> np.ndarray:
    return values.detach().double().numpy()
