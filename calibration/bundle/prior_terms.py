"""What is known beforehand, as normal equations: lenses, timings, and the two cameras of one housing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from calibration.bundle.layout import Layout
from calibration.bundle.problem import DevicePair
from calibration.bundle.state import CAMERA_NUMBERS, State, cross_matrix


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PriorTerms:
    """All priors at a state; no loss but the square acts on them."""

    cost: float
    """Half of the sum of squares."""
    information: Float[np.ndarray, "all all"]
    """Of the cameras' 20 numbers each."""
    gradient: Float[np.ndarray, "all"]


def prior_terms(state: State, layout: Layout) -> PriorTerms:
    """The priors of lenses, of timings and of pairs that are not exact."""
    cameras = len(layout.names)
    away = state.own - layout.own_mean
    information = np.zeros((cameras, CAMERA_NUMBERS))
    gradient = np.zeros((cameras, CAMERA_NUMBERS))
    information[:, 6:] = layout.own_information
    gradient[:, 6:] = layout.own_information * away
    cost = 0.5 * float((layout.own_information * away**2).sum())
    matrix, vector = np.diag(information.ravel()), gradient.ravel()
    for a, b, pair in layout.pairs:
        error, J = pair_error(pair, state.R_world_camera[a], state.center[a], state.R_world_camera[b], state.center[b])
        cost += 0.5 * float(error @ error)
        at = np.concatenate([CAMERA_NUMBERS * a + np.arange(6), CAMERA_NUMBERS * b + np.arange(6)])
        matrix[np.ix_(at, at)] += J.T @ J
        vector[at] += J.T @ error
    return PriorTerms(cost=cost, information=matrix, gradient=vector)


def pair_error(
    pair: DevicePair,
    R_world_a: Float[np.ndarray, "3 3"],
    center_a: Float[np.ndarray, "3"],
    R_world_b: Float[np.ndarray, "3 3"],
    center_b: Float[np.ndarray, "3"],
) -> tuple[Float[np.ndarray, "6"], Float[np.ndarray, "6 12"]]:
    """How far two cameras are from what their factory says, in sigmas, and its derivative by (w, c) of a and of b.

    First the turn about b's axes, then the shift along a's.
    """
    R_a_world = R_world_a.T
    R_a_b = R_a_world @ R_world_b
    t_a_b = R_a_world @ (center_b - center_a)
    turn = Rotation.from_matrix(pair.T_a_b[:3, :3].T @ R_a_b).as_rotvec()
    by_turn = _inverse_right_jacobian(turn)
    error = np.concatenate([turn / pair.sigma_rad, (t_a_b - pair.T_a_b[:3, 3]) / pair.sigma_m])
    J = np.zeros((6, 12))
    J[:3, :3] = -by_turn @ R_a_b.T / pair.sigma_rad
    J[:3, 6:9] = by_turn / pair.sigma_rad
    J[3:, :3] = cross_matrix(t_a_b) / pair.sigma_m
    J[3:, 3:6] = -R_a_world / pair.sigma_m
    J[3:, 9:] = R_a_world / pair.sigma_m
    return error, J


def _inverse_right_jacobian(v: np.ndarray) -> np.ndarray:
    """d Log(Exp(v) Exp(d)) / dd at d = 0."""
    angle = float(np.linalg.norm(v))
    X = cross_matrix(v)
    square = 1 / 12 if angle < 1e-4 else 1 / angle**2 - (1 + np.cos(angle)) / (2 * angle * np.sin(angle))
    return np.eye(3) + X / 2 + square * X @ X
