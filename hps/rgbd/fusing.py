"""One body for what points, keypoints and painted points say together, from the best of several starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hps.points.fitting.body import FitBody
from hps.points.fitting.config import BodyFitConfig
from hps.points.fitting.evidence import LandmarkGaussians, SurfacePoints
from hps.points.fitting.fit import fit_bodies
from hps.points.fitting.fitted import FittedBodies
from hps.points.fitting.start import closed_form
from hps.points.fitting.state import BodyStates
from hps.points.fitting.term import Term
from hps.points.fitting.term_making import array_of
from hps.rgb.fitting.keypoint_points import keypoint_points, picture_keypoints
from hps.rgb.fitting.relative_term import RelativeTerm
from hps.rgb.keypoint_batch import KeypointBatch
from hps.rgb.lifted import LiftedBodies
from hps.rgbd.config import FusionConfig
from hps.rgbd.depth_term import JointDepthTerm
from hps.rgbd.painting import JointDepths
from hps.rgbd.product import LEAST_SIGMA_M, FusedLandmarks


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Evidence:
    """What is known of a batch of bodies, each in a frame of its own."""

    network: LandmarkGaussians
    """Landmarks that the point network sees."""
    surface: SurfacePoints
    keypoints: KeypointBatch
    Ts_camera_frame: Float[np.ndarray, "batch 4 4"]
    """p_camera = T_camera_frame @ p."""
    depths: tuple[JointDepths, ...]
    """Of the painted points, one for each body."""
    lifted: LiftedBodies
    """What the lifter says, in the cameras' frames."""
    fused: FusedLandmarks
    """Landmarks of the point network and of the lifter together."""


def fuse(body: FitBody, evidence: Evidence, fit: BodyFitConfig, config: FusionConfig) -> FittedBodies:
    """The likeliest bodies under everything that is known.

    A network may take left for right, or front for back, where the other one does not: the fit starts from the point
    network's landmarks, from the lifter's, and from the product of both, and goes on with the end of the least energy.
    """
    fit = replace(fit, keypoint_redundancy=config.keypoint_redundancy)
    terms = _terms(body, evidence, config)
    picture = picture_keypoints(body, evidence.keypoints, torch.from_numpy(evidence.Ts_camera_frame))
    found = [
        fit_bodies(body, evidence.network, None, fit, pictures=[picture], start=start, more=terms)
        for start in _starts(body, evidence, fit)
    ]
    best = torch.stack([one.energy for one in found]).argmin(0)
    start = _states(body, [_picked(found, best, name) for name in ("rotations", "transl", "betas", "child")])
    return fit_bodies(body, evidence.network, evidence.surface, fit, pictures=[picture], start=start, more=terms)


def _terms(body: FitBody, evidence: Evidence, config: FusionConfig) -> Sequence[Term]:
    own = keypoint_points(body)
    depths = JointDepthTerm.of(evidence.depths, own.points, own.spread_m, config.depth_freedom)
    relative = RelativeTerm.of(
        evidence.lifted, body.points, least_sigma_m=LEAST_SIGMA_M, freedom=config.lifter_freedom,
        redundancy=config.lifter_redundancy,
    )  # fmt: skip
    R_frame_camera = evidence.Ts_camera_frame[:, :3, :3].transpose(0, 2, 1)
    turned = replace(
        relative,
        position=relative.position @ R_frame_camera.transpose(0, 2, 1),
        axes=relative.axes @ R_frame_camera.transpose(0, 2, 1),
    )
    return (depths, turned)


def _starts(body: FitBody, evidence: Evidence, fit: BodyFitConfig) -> list[BodyStates]:
    """Of the point network's landmarks, of the lifter's in their place, and of both together."""
    network = array_of(evidence.network.sigma)
    fused = evidence.fused
    both = 3 / np.trace(fused.covariance, axis1=-2, axis2=-1)
    alone = 3 / np.trace(fused.lifted_covariance, axis1=-2, axis2=-1)
    of = [(array_of(evidence.network.position), 1 / network**2), (fused.lifted, alone), (fused.mean, both)]
    return [closed_form(body, position, information / fit.landmark_redundancy) for position, information in of]


def _picked(found: Sequence[FittedBodies], best: Tensor, name: str) -> np.ndarray:
    """The values of each body's best end."""
    values = np.stack([array_of(getattr(one, name)) for one in found])
    return values[best.cpu().numpy(), np.arange(values.shape[1])]


def _states(body: FitBody, values: Sequence[np.ndarray]) -> BodyStates:
    rotations, transl, betas, child = values
    coefficients = np.concatenate([betas, child[:, None]], 1) if body.has_child else betas
    return BodyStates(rotations=rotations, transl=transl, coefficients=np.ascontiguousarray(coefficients))
