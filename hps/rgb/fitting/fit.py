"""Bodies from keypoints of one picture each, beginning with what a lifter says of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import fields, replace
from functools import partial
from typing import Final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hps.errors import HpsError
from hps.points.fitting.body import FitBody
from hps.points.fitting.covariance import inverse_of
from hps.points.fitting.equations import Equations
from hps.points.fitting.pictures import PictureKeypoints
from hps.points.fitting.reprojection_term import ReprojectionTerm
from hps.points.fitting.result import fitted_bodies
from hps.points.fitting.solver import minimised
from hps.points.fitting.state import BodyStates, frames_of
from hps.points.fitting.term import Term, linearised
from hps.points.fitting.term_making import picture_term, prior_term
from hps.rgb.fitting.config import KeypointFitConfig
from hps.rgb.fitting.fitted import KeypointBodies
from hps.rgb.fitting.keypoint_points import picture_keypoints
from hps.rgb.fitting.relative_term import RelativeTerm
from hps.rgb.fitting.starts import ambiguous, lifted_start, mirrored_start
from hps.rgb.fitting.zoom_term import ZoomTerm
from hps.rgb.keypoint_batch import KeypointBatch
from hps.rgb.lifted import LiftedBodies

KNOWN_FOCAL: Final = 1e-4
"""Standard deviation of the logarithm of a known focal length beside others that are not: the unknown must be there."""


def fit_keypoints(
    body: FitBody,
    batch: KeypointBatch,
    lifted: LiftedBodies,
    config: KeypointFitConfig | None = None,
    *,
    dense: Sequence[PictureKeypoints] = (),
) -> KeypointBodies:
    """The likeliest body of each person in the camera's frame, and how sure it is. Computed in float64.

    Energy: keypoints where the camera sees the body's own (t-distributed, `hps.points.fitting.ReprojectionTerm`), the
    lifter's landmarks up to a common translation, the priors of pose and shape, and of the focal length where that is
    only supposed, which is then one more unknown. After SMPLify (Bogo et al., ECCV 2016) with a perspective camera as
    in CameraHMR's CamSMPLify (Patel and Black, 3DV 2025). dense: other points of the bodies in the same pictures.
    Where the lifter is unsure of depths, the body mirrored in depth is tried too, and the likelier kept.
    Raises HpsError when keypoints and lifted bodies are not of the same people.
    """
    config = KeypointFitConfig() if config is None else config
    counts = {len(batch), len(lifted.root), *(len(picture) for picture in dense)}
    if len(counts) > 1:
        raise HpsError(f"keypoints of {len(batch)} people, lifted bodies of {len(lifted.root)}; give the same of each")
    began = time.perf_counter()
    first = _with_zoom(lifted_start(body, lifted, config.least_sigma_m), batch, config)
    seen = [picture_term(body, picture, first, config.fit) for picture in (picture_keypoints(body, batch), *dense)]
    relative = RelativeTerm.of(
        lifted, body.points, least_sigma_m=config.least_sigma_m, freedom=config.relative_freedom,
        redundancy=config.relative_redundancy, size_sigma=config.size_sigma,
    )  # fmt: skip
    terms = (relative, *seen, ZoomTerm(sigma=_focal_sigma(batch, config)))
    states, equations = _minimised(body, terms, first, config)
    both = np.flatnonzero(ambiguous(lifted, config.both_ways_above_m))
    other_energy, apart = np.full(len(batch), np.inf), np.zeros(len(batch))
    if len(both):
        second = _with_zoom(mirrored_start(body, lifted, config.least_sigma_m), batch, config).rows(both)
        second, about = _minimised(body, tuple(term.rows(both) for term in terms), second, config)
        other_energy[both] = np.abs(about.cost - equations.cost[both])
        apart[both] = _apart(body, states.rows(both), second)
        better = about.cost < equations.cost[both]
        states = states.replaced(both[better], second.rows(np.flatnonzero(better)))
        equations = equations.replaced(both[better], about.rows(np.flatnonzero(better)))
    spent = {"fit": 1e3 * (time.perf_counter() - began), "refine": 0.0}
    plain = fitted_bodies(body, states, equations, None, None, np.zeros(len(batch), bool), spent, lifted.root)
    frames = frames_of(states, body.points)
    plain = replace(plain, landmark_rms=_like(_rms(relative.distances(states, frames)), lifted.root))
    return KeypointBodies(
        **{field.name: getattr(plain, field.name) for field in fields(plain)},
        K=_like(_intrinsics(batch.K, states), lifted.root),
        focal_sigma=_like(_found_sigma(batch, states, equations), lifted.root),
        keypoint_rms=_like(_rms(_in_sigmas(seen[0], states, body)), lifted.root),
        other_energy=_like(other_energy, lifted.root),
        other_apart_m=_like(apart, lifted.root),
    )


def _minimised(
    body: FitBody, terms: tuple[Term, ...], start: BodyStates, config: KeypointFitConfig
) -> tuple[BodyStates, Equations]:
    prior = prior_term(body, config.fit)
    prior = prior if config.shape is None else replace(prior, shape=config.shape)
    return minimised(start, partial(linearised, body, terms, prior), config.steps, config.fit.greatest_turn)


def _with_zoom(states: BodyStates, batch: KeypointBatch, config: KeypointFitConfig) -> BodyStates:
    """With the focal length as an unknown, where anybody's is."""
    unknown = config.focal_sigma > 0 and not bool(batch.focal_known.all())
    return replace(states, zoom=np.zeros(len(batch))) if unknown else states


def _focal_sigma(batch: KeypointBatch, config: KeypointFitConfig) -> Float[np.ndarray, "batch"]:
    return np.where(batch.focal_known.cpu().numpy(), KNOWN_FOCAL, max(config.focal_sigma, KNOWN_FOCAL))


def _intrinsics(K: Tensor, states: BodyStates) -> Float[np.ndarray, "batch 3 3"]:
    out = K.detach().cpu().double().numpy().copy()
    if states.zoom is not None:
        out[:, :2, :2] *= np.exp(states.zoom)[:, None, None]
    return out


def _found_sigma(batch: KeypointBatch, states: BodyStates, equations: Equations) -> Float[np.ndarray, "batch"]:
    if states.zoom is None:
        return np.zeros(len(batch))
    return np.where(batch.focal_known.cpu().numpy(), 0.0, np.sqrt(inverse_of(equations)[:, -1, -1]))


def _in_sigmas(term: ReprojectionTerm, states: BodyStates, body: FitBody) -> Float[np.ndarray, "batch keypoints"]:
    """Distances along one axis."""
    return term.distances(states, frames_of(states, body.points)) * np.sqrt(term.information / 2)


def _apart(body: FitBody, one: BodyStates, other: BodyStates) -> Float[np.ndarray, "batch"]:
    a, b = frames_of(one, body.points).joints, frames_of(other, body.points).joints
    return np.linalg.norm((a - a[:, :1]) - (b - b[:, :1]), axis=-1).mean(1)


def _rms(values: Float[np.ndarray, "batch some"]) -> Float[np.ndarray, "batch"]:
    told = np.isfinite(values)
    mean = np.where(told, values**2, 0.0).sum(1) / np.maximum(told.sum(1), 1)
    return np.where(told.any(1), np.sqrt(mean), np.nan)


def _like(values: np.ndarray, like: Tensor) -> Tensor:
    return torch.as_tensor(np.ascontiguousarray(values)).to(like)
