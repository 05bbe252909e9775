"""The terms of the energy from what the caller gives: tensors of any device to arrays, unknown to no information."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from hps.points.fitting.body import ANY_PART, FitBody
from hps.points.fitting.config import BodyFitConfig
from hps.points.fitting.evidence import LandmarkGaussians, SurfacePoints
from hps.points.fitting.landmark_term import LandmarkTerm
from hps.points.fitting.pictures import PictureKeypoints
from hps.points.fitting.prior_term import PriorTerm
from hps.points.fitting.reprojection_term import NEAREST_M, ReprojectionTerm
from hps.points.fitting.state import BodyStates, frames_of
from hps.points.fitting.surface_term import SurfaceTerm
from hps.points.part_labels import NOT_BODY, UNKNOWN_PART
from registration.shape.prior import population


def landmark_term(body: FitBody, gaussians: LandmarkGaussians, config: BodyFitConfig) -> LandmarkTerm:
    """Landmarks with their information; those of infinite sigma have none, wherever they are."""
    sigma = np.maximum(array_of(gaussians.sigma), config.least_sigma_m)
    information = 1 / sigma**2
    position = np.where(information[..., None] > 0, array_of(gaussians.position), 0.0)
    return LandmarkTerm(
        position=position,
        information=information,
        points=body.points,
        freedom=config.landmark_freedom,
        redundancy=config.landmark_redundancy,
    )


def prior_term(body: FitBody, config: BodyFitConfig) -> PriorTerm:
    """People in general."""
    return PriorTerm(
        shape=population(body.model, body.shapes), pose_scale=config.pose_scale, shape_scale=config.shape_scale
    )


def surface_term(body: FitBody, surface: SurfacePoints, config: BodyFitConfig) -> SurfaceTerm:
    """Points moved onto the skin, less sure the farther they were moved; points of no body say nothing."""
    part, keep = surface.part.cpu().numpy(), surface.keep.cpu().numpy()
    group = np.where(keep & (part != NOT_BODY), np.where(part == UNKNOWN_PART, ANY_PART, part), -1).astype(np.int64)
    told = group >= 0
    points = array_of(surface.points)
    squared = array_of(surface.sigma) ** 2 + config.point_floor_m**2
    if surface.skin_offset is None:
        squared = squared + config.cloth_sigma_m**2
    else:
        offset = array_of(surface.skin_offset)
        points = points + offset
        squared = squared + (config.offset_share**2) * (offset**2).sum(-1)
    rays = np.zeros_like(points) if surface.rays is None else array_of(surface.rays)
    return SurfaceTerm(
        body=body,
        points=np.where(told[..., None], points, 0.0),
        group=group,
        rays=rays,
        sigma=np.where(told, np.sqrt(np.where(told, squared, 1.0)), 1.0),
        share=np.minimum(1.0, config.point_count / np.maximum(told.sum(1), 1)),
        kernel=config.point_kernels[-1],
        reach_m=config.reach_m,
    )


def picture_term(
    body: FitBody, pictures: PictureKeypoints, states: BodyStates, config: BodyFitConfig
) -> ReprojectionTerm:
    """Keypoints of one picture of each body; those of infinite sigma say nothing.

    The points' own spread is told in pixels at the depth of these states, and not of the fitted ones: a body that could
    make its keypoints less sure by coming nearer would.
    """
    K, q = array_of(pictures.K), array_of(pictures.q)
    Ts = pictures.Ts_camera_frame
    Ts_camera_frame = np.tile(np.eye(4), (len(K), 1, 1)) if Ts is None else array_of(Ts)
    pelvis = frames_of(states, body.points).joints[:, 0]
    depth = (Ts_camera_frame[:, 2, :3] * pelvis).sum(1) + Ts_camera_frame[:, 2, 3]
    pixels_a_metre = np.sqrt(np.abs(K[:, 0, 0] * K[:, 1, 1])) / np.maximum(depth, NEAREST_M)
    variance = array_of(pictures.sigma_px) ** 2 + (pixels_a_metre[:, None] * array_of(pictures.spread_m)) ** 2
    return ReprojectionTerm(
        q=np.where(np.isfinite(variance)[..., None], q, 0.0),
        information=1 / variance,
        points=pictures.points,
        K=K,
        Ts_camera_frame=Ts_camera_frame,
        freedom=config.keypoint_freedom,
        redundancy=config.keypoint_redundancy,
    )


def array_of(tensor: Tensor) -> np.ndarray:
    """As float64 on the processor."""
    return np.ascontiguousarray(tensor.detach().cpu().double().numpy())
