"""The points of a body that a detector's keypoints show, for the fit of pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from body.model import BodyModel
from hps.points.fitting.body import FitBody
from hps.points.fitting.pictures import PictureKeypoints
from hps.rgb.detector_error.one_view import ONE_VIEW_NOISE
from hps.rgb.keypoint_batch import KeypointBatch
from hps.rgb.keypoint_names import LIFTED
from registration.fit.landmarks import Landmarks
from registration.fit.rest import RestBody
from registration.keypoints.confidence import DetectorNoise


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class KeypointPoints:
    """Where keypoints lie on a body, and how far from there the detector may mean them."""

    names: tuple[str, ...]
    points: RestBody
    """In the order of the names, at the places where the detector means them on average."""
    spread_m: Float[np.ndarray, "keypoints"]
    """Standard deviation about these places along each axis: of a person's own offset, and from frame to frame."""


def keypoint_points(body: FitBody, names: Sequence[str] = LIFTED.names) -> KeypointPoints:
    """The keypoints' points with the offsets of `registration.fit.landmarks`; every name must be of the body.

    Raises RegistrationError when shoulders or hips are not among them.
    """
    return _points(body.model, body.shapes, tuple(names))


@lru_cache(maxsize=8)
def _points(model: BodyModel, shapes: int, names: tuple[str, ...]) -> KeypointPoints:
    whole = RestBody.of(model, shapes, fit_child=model.child_direction is not None)
    own = Landmarks.of(model, names, whole)
    order = np.argsort(own.index)
    points, moved = own.points, own.points.template + own.offset_m
    posedirs = None
    if points.posedirs is not None:
        posedirs = np.ascontiguousarray(points.posedirs.reshape(207, -1, 3)[:, order].reshape(207, -1))
    return KeypointPoints(
        names=tuple(own.names[n] for n in order),
        points=replace(
            points,
            template=np.ascontiguousarray(moved[order]),
            directions=np.ascontiguousarray(points.directions[order]),
            posedirs=posedirs,
            carriers=np.ascontiguousarray(points.carriers[order]),
            weights=np.ascontiguousarray(points.weights[order]),
        ),
        spread_m=np.hypot(own.jitter_m, own.offset_sigma_m)[order],
    )


def picture_keypoints(
    body: FitBody,
    batch: KeypointBatch,
    Ts_camera_frame: Float[Tensor, "batch 4 4"] | None = None,
    noise: DetectorNoise = ONE_VIEW_NOISE,
) -> PictureKeypoints:
    """A detector's keypoints as evidence of bodies, as sure as that detector is at its confidence.

    Ts_camera_frame: from the frame that the bodies are fitted in; None: that is the camera's.
    """
    own = keypoint_points(body)
    confidence = batch.confidence.detach().cpu().double().numpy()
    sigma = noise.sigma_px(confidence, batch.pixel_size.detach().cpu().double().numpy())
    sigma = np.where(confidence > 0, sigma, np.inf)
    return PictureKeypoints(
        points=own.points,
        q=batch.q.double(),
        sigma_px=torch.as_tensor(sigma),
        spread_m=torch.as_tensor(own.spread_m),
        K=batch.K.double(),
        Ts_camera_frame=Ts_camera_frame,
    )
