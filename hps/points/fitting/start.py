"""A closed-form start: each part turned onto its landmarks down the tree, then the likeliest shape for these turns."""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import Float

from body.joints import JOINT_COUNT, PARENTS
from hps.points.fitting.body import FitBody
from hps.points.fitting.state import BodyStates, frames_of, rest_points
from registration.fit.posing_kernels import skin_clip
from registration.fit.priors import pose_mean
from registration.fit.rotations import exponential
from registration.shape.prior import population

PARENT_SIGMA: Final = 0.7
"""Radians between a joint and the mean pose: decides turns about an axis that no landmark shows."""
ROUNDS: Final = 2
"""The second turns the parts of a body whose bones are as long as the first found."""


def closed_form(
    body: FitBody, position: Float[np.ndarray, "batch landmarks 3"], information: Float[np.ndarray, "batch landmarks"]
) -> BodyStates:
    """Bodies near their landmarks (information: 1/m²).

    Weighted orthogonal Procrustes part by part (Kabsch 1976), as in smplfitter (Sárándi and Pons-Moll 2024), with the
    mean pose as a Fisher prior; bone lengths are corrected by the shape that fits the distances between neighbours.
    """
    batch = len(position)
    coefficients = np.zeros((batch, body.coefficients))
    rotations, transl = np.tile(np.eye(3), (batch, JOINT_COUNT, 1, 1)), np.zeros((batch, 3))
    for _ in range(ROUNDS):
        directions = body.points.directions.reshape(-1, body.coefficients)
        shaped = body.points.template + (coefficients @ directions.T).reshape(batch, -1, 3)
        rotations = _turned(body, shaped, position, information)
        coefficients, transl = _shaped(body, rotations, position, information)
    return BodyStates(rotations=rotations, transl=transl, coefficients=coefficients)


def _turned(
    body: FitBody,
    rest: Float[np.ndarray, "batch landmarks 3"],
    position: Float[np.ndarray, "batch landmarks 3"],
    information: Float[np.ndarray, "batch landmarks"],
) -> Float[np.ndarray, "batch 24 3 3"]:
    mean = exponential(pose_mean())
    turned = np.empty((len(rest), JOINT_COUNT, 3, 3))
    for joint, parent in enumerate(PARENTS):
        own = np.flatnonzero(body.landmarks.part == joint)
        some = np.concatenate([own, [child for child, above in enumerate(PARENTS) if above == joint]]).astype(int)
        w = information[:, some]
        total = np.maximum(w.sum(1), 1e-9)[:, None]
        a, b = rest[:, some], position[:, some]
        a = a - (w[..., None] * a).sum(1, keepdims=True) / total[..., None]
        b = b - (w[..., None] * b).sum(1, keepdims=True) / total[..., None]
        H = (w[..., None] * b).transpose(0, 2, 1) @ a
        if parent >= 0:
            H = H + turned[:, parent] @ mean[joint] / (2 * PARENT_SIGMA**2)
        U, _, Vh = np.linalg.svd(H)
        flip = np.sign(np.linalg.det(U @ Vh))
        U[:, :, 2] *= flip[:, None]
        turned[:, joint] = U @ Vh
    relative = turned.copy()
    for joint in range(1, JOINT_COUNT):
        relative[:, joint] = turned[:, PARENTS[joint]].transpose(0, 2, 1) @ turned[:, joint]
    return relative


def _shaped(
    body: FitBody,
    rotations: Float[np.ndarray, "batch 24 3 3"],
    position: Float[np.ndarray, "batch landmarks 3"],
    information: Float[np.ndarray, "batch landmarks"],
) -> tuple[Float[np.ndarray, "batch coefficients"], Float[np.ndarray, "batch 3"]]:
    """The likeliest shape and place for these turns: landmarks are linear in both."""
    batch, C = len(rotations), body.coefficients
    each = np.concatenate([np.zeros((1, C)), np.eye(C)])
    states = BodyStates(
        rotations=np.repeat(rotations, C + 1, 0),
        transl=np.zeros((batch * (C + 1), 3)),
        coefficients=np.tile(each, (batch, 1)),
    )
    frames = frames_of(states, body.points)
    posed = skin_clip(rest_points(states, body.points), frames.R, frames.t, body.points.carriers, body.points.weights)
    posed = posed.reshape(batch, C + 1, -1)
    moved = (posed[:, 1:] - posed[:, :1]).transpose(0, 2, 1)
    along = np.broadcast_to(np.tile(np.eye(3), (position.shape[1], 1)), (batch, moved.shape[1], 3))
    J = np.concatenate([moved, along], 2)
    w = np.repeat(information, 3, 1)[..., None]
    A = (w * J).transpose(0, 2, 1) @ J
    A[:, :C, :C] += population(body.model, body.shapes).precision
    A[:, range(C, C + 3), range(C, C + 3)] += 1e-6
    b = J.transpose(0, 2, 1) @ (w * (position.reshape(batch, -1) - posed[:, 0])[..., None])
    solved = np.linalg.solve(A, b)[..., 0]
    return solved[:, :C], solved[:, C:]
