"""Fitted bodies from the end of a fit: parameters, what they leave unexplained, and how sure they are."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from hps.points.fitting.body import FitBody
from hps.points.fitting.covariance import inverse_of, joint_covariance, parameter_covariance
from hps.points.fitting.equations import Equations
from hps.points.fitting.fitted import FittedBodies
from hps.points.fitting.landmark_term import LandmarkTerm
from hps.points.fitting.state import BodyStates, frames_of
from hps.points.fitting.surface_term import SurfaceTerm

EXPLAINED = 3.0
"""Standard deviations within which a point is said to lie on the body."""


def fitted_bodies(
    body: FitBody,
    states: BodyStates,
    equations: Equations,
    landmarks: LandmarkTerm | None,
    points: SurfaceTerm | None,
    refined: np.ndarray,
    milliseconds: dict[str, float],
    like: Tensor,
) -> FittedBodies:
    """The bodies of some states, in the dtype and on the device of `like`."""
    frames = frames_of(states, body.points)
    inverse = inverse_of(equations)
    landmark_rms = np.full(len(states), np.nan)
    if landmarks is not None:
        told = landmarks.information > 0
        squared = np.where(told, landmarks.distances(states, frames) ** 2, 0.0)
        landmark_rms = np.sqrt(squared.sum(1) / np.maximum(told.sum(1), 1))
    point_rms = explained = np.full(len(states), np.nan)
    if points is not None:
        along = points.distances(states, frames)
        some = np.isfinite(along)
        point_rms = np.sqrt((np.where(some, along, 0.0) ** 2).sum(1) / np.maximum(some.sum(1), 1))
        point_rms = np.where(some.any(1), point_rms, np.nan)
        kept = (points.group >= 0).sum(1)
        near = (some & (np.abs(np.where(some, along, 0.0)) < EXPLAINED * points.sigma)).sum(1)
        explained = np.where(kept > 0, near / np.maximum(kept, 1), np.nan)

    def tensor(array: np.ndarray) -> Tensor:
        return torch.as_tensor(np.ascontiguousarray(array)).to(like)

    betas = states.coefficients[:, : body.shapes]
    child = states.coefficients[:, -1] if body.has_child else np.zeros(len(states))
    return FittedBodies(
        rotations=tensor(states.rotations),
        betas=tensor(betas),
        child=tensor(child),
        transl=tensor(states.transl),
        joints=tensor(frames.joints),
        joint_covariance=tensor(joint_covariance(inverse, frames)),
        covariance=tensor(parameter_covariance(inverse, frames, body.shapes)),
        landmark_rms=tensor(landmark_rms),
        point_rms=tensor(point_rms),
        explained=tensor(explained),
        energy=tensor(equations.cost),
        refined=torch.as_tensor(refined).to(like.device),
        milliseconds=milliseconds,
    )
