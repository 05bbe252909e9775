"""How joints and skin points of a posed body move with the unknowns of a fit, and what that makes of their covariance.

The unknowns of a frame are small turns of each joint about the axes of its parent, then the translation; the betas are
the first of the shared ones. The change of the pose correctives with the pose is left out: some millimetres a radian.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer

from body.joints import JOINT_COUNT, PARENTS
from body.model import BodyModel
from body.parameters import BodyParameters
from registration.fit.uncertainty import Posterior

AT_ONCE = 8
"""Frames handled together: 8 of 400 points, 3 axes and 91 unknowns take 7 MB."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class CarriedPoints:
    """Points that joints carry: the 24 joints themselves, or vertices of the skin."""

    weights: Float[np.ndarray, "points 24"]
    shape: Float[np.ndarray, "points 3 shapes"]
    """Change in the rest body with each beta."""
    rest: Float[np.ndarray, "points 3"]
    """In the shaped rest body."""

    @classmethod
    def joints(cls, model: BodyModel, parameters: BodyParameters) -> CarriedPoints:
        """Each joint moves with its parent (the root with itself)."""
        weights = np.zeros((JOINT_COUNT, JOINT_COUNT))
        weights[np.arange(JOINT_COUNT), np.maximum(PARENTS, 0)] = 1
        rest = model.rest_joints(parameters.betas, parameters.child)
        return cls(weights=weights, shape=_rest_joint_directions(model, len(parameters.betas)), rest=rest)

    @classmethod
    def vertices(cls, model: BodyModel, parameters: BodyParameters, chosen: Integer[np.ndarray, "n"]) -> CarriedPoints:
        """Some vertices of the skin."""
        return cls(
            weights=np.asarray(model.weights, np.float64)[chosen],
            shape=np.asarray(model.shapedirs, np.float64)[chosen][..., : len(parameters.betas)],
            rest=model.shaped(parameters.betas, parameters.child)[chosen],
        )


def point_covariance(
    model: BodyModel,
    parameters: BodyParameters,
    transforms: Float[np.ndarray, "frames 24 4 4"],
    joints: Float[np.ndarray, "frames 24 3"],
    points: CarriedPoints,
    posterior: Posterior,
) -> Float[np.ndarray, "frames points 3 3"]:
    """Covariance of points in the world, m².

    transforms and joints: of the posed body (`BodyModel.pose`). The posterior's shared unknowns begin with as many
    betas as the parameters have.
    """
    shapes, out = len(parameters.betas), []
    F = posterior.frames.shape[1]
    for start in range(0, len(parameters), AT_ONCE):
        some = slice(start, start + AT_ONCE)
        J = point_jacobian(model, transforms[some], joints[some], points)
        whole = np.zeros((len(J), F + shapes, F + shapes))
        whole[:, :F, :F] = posterior.frames[some]
        whole[:, :F, F:] = posterior.cross[some, :, :shapes]
        whole[:, F:, :F] = np.swapaxes(whole[:, :F, F:], 1, 2)
        whole[:, F:, F:] = posterior.shared[:shapes, :shapes]
        count = J.shape[1]
        moved = (J.reshape(len(J), -1, F + shapes) @ whole).reshape(J.shape)
        out.append(np.einsum("tniu,tnju->tnij", moved, J).reshape(len(J), count, 3, 3))
    return np.concatenate(out) if out else np.zeros((0, len(points.rest), 3, 3))


def point_jacobian(
    model: BodyModel,
    transforms: Float[np.ndarray, "frames 24 4 4"],
    joints: Float[np.ndarray, "frames 24 3"],
    points: CarriedPoints,
) -> Float[np.ndarray, "frames points 3 unknowns"]:
    """Derivative of each point in its frame's 75 unknowns and then the betas."""
    R, t = transforms[..., :3, :3], transforms[..., :3, 3]
    T, shapes = len(R), points.shape.shape[2]
    d_rest = _rest_joint_directions(model, shapes)
    alone = np.einsum("tkij,nj->tnki", R, points.rest) + t[:, None]
    below = points.weights @ _BELOW.T
    lever = np.einsum("jk,nk,tnki->tnji", _BELOW, points.weights, alone) - below[..., None] * joints[:, None]
    R_parent = np.concatenate([np.tile(np.eye(3), (T, 1, 1, 1)), R[:, list(PARENTS[1:])]], 1)
    J = np.empty((T, len(points.rest), 3, 3 * JOINT_COUNT + 3 + shapes))
    # a turn about the parent's axis a moves the point by a x lever
    turned = np.cross(np.swapaxes(R_parent, 2, 3)[:, None], lever[:, :, :, None, :])
    J[..., : 3 * JOINT_COUNT] = np.moveaxis(turned, -1, 2).reshape(T, len(points.rest), 3, -1)
    J[..., 3 * JOINT_COUNT : 3 * JOINT_COUNT + 3] = np.eye(3)
    moved = [np.tile(d_rest[0], (T, 1, 1))]
    for joint, parent in list(enumerate(PARENTS))[1:]:
        moved.append(moved[parent] + R[:, parent] @ (d_rest[joint] - d_rest[parent]))
    of_joints = np.stack(moved, 1) - R @ d_rest
    blended = np.einsum("nk,tkij->tnij", points.weights, R)
    J[..., 3 * JOINT_COUNT + 3 :] = blended @ points.shape + np.einsum("nk,tkis->tnis", points.weights, of_joints)
    return J


def _rest_joint_directions(model: BodyModel, shapes: int) -> Float[np.ndarray, "24 3 shapes"]:
    flat = model.J_regressor @ np.asarray(model.shapedirs[..., :shapes], np.float64).reshape(model.vertex_count, -1)
    return np.asarray(flat).reshape(JOINT_COUNT, 3, shapes)


def _descendants() -> np.ndarray:
    """[j, k] is 1 where joint k hangs on joint j, or is j."""
    below = np.eye(JOINT_COUNT)
    for joint in range(JOINT_COUNT - 1, 0, -1):
        below[PARENTS[joint]] = np.maximum(below[PARENTS[joint]], below[joint])
    return below


_BELOW = _descendants()
