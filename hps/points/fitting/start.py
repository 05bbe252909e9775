"""A closed-form start: each part turned onto its landmarks down the tree, then the likeliest shape for these turns."""

from __future__ import annotations

from typing import Final

import numba
import numpy as np
from jaxtyping import Float

from body.joints import JOINT_COUNT
from hps.points.fitting.body import FitBody
from hps.points.fitting.state import PARENT_ARRAY, BodyStates, frames_of, rest_points
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
    mean = np.ascontiguousarray(exponential(pose_mean()))
    for _ in range(ROUNDS):
        directions = body.points.directions.reshape(-1, body.coefficients)
        shaped = body.points.template + (coefficients @ directions.T).reshape(batch, -1, 3)
        rotations = _turned(
            shaped, position, information, body.landmarks.part, PARENT_ARRAY, mean, 1 / (2 * PARENT_SIGMA**2)
        )
        coefficients, transl = _shaped(body, rotations, position, information)
    return BodyStates(rotations=rotations, transl=transl, coefficients=coefficients)


@numba.njit(cache=True, nogil=True)
def _turned(rest, position, information, part, parents, mean, concentration):
    """Rotations (B, 24, 3, 3) relative to the parents: of each part, its own landmarks and its children's joints."""
    B, L, N = len(rest), rest.shape[1], len(parents)
    world, relative = np.empty((B, N, 3, 3)), np.empty((B, N, 3, 3))
    a, b = np.empty(3), np.empty(3)
    for body in range(B):
        for joint in range(N):
            total = 1e-9
            a[:], b[:] = 0.0, 0.0
            for n in range(L):
                if part[n] == joint or (n < N and parents[n] == joint):
                    total += information[body, n]
                    a += information[body, n] * rest[body, n]
                    b += information[body, n] * position[body, n]
            a /= total
            b /= total
            H = np.zeros((3, 3))
            if parents[joint] >= 0:
                H += concentration * (world[body, parents[joint]] @ mean[joint])
            for n in range(L):
                if part[n] == joint or (n < N and parents[n] == joint):
                    H += information[body, n] * np.outer(position[body, n] - b, rest[body, n] - a)
            U, _, Vh = np.linalg.svd(H)
            if np.linalg.det(U @ Vh) < 0:
                U[:, 2] *= -1.0
            world[body, joint] = U @ Vh
            if parents[joint] < 0:
                relative[body, joint] = world[body, joint]
            else:
                relative[body, joint] = world[body, parents[joint]].T @ world[body, joint]
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
