"""Loads the estimator of pictures: the lifter that comes with the package and the fit that follows it."""

from __future__ import annotations

from pathlib import Path

from body.loading import load_body_model
from body.model import BodyModel
from hps.points.fitting.body import FitBody
from hps.points.fitting.fit import fit_bodies
from hps.points.fitting.fitted import FittedBodies
from hps.rgb.estimator import RgbEstimator, gaussians_of
from hps.rgb.keypoint_batch import KeypointBatch
from hps.rgb.lifted import LiftedBodies


def load(weights: Path | str | None = None, *, body: BodyModel | None = None, mirror: bool = True) -> RgbEstimator:
    """The estimator with the weights of a file; None: those that come with the package.

    body and mirror: as of `hps.rgb.lifter.load`. Raises HpsError as that does.
    """
    from hps.rgb.lifter import load as load_lifter

    body = load_body_model() if body is None else body
    return RgbEstimator(load_lifter(weights, body=body, mirror=mirror), keypoint_fit(body), body)


def keypoint_fit(model: BodyModel):
    """The fit of bodies to keypoints and to what a lifter says of them."""
    body = FitBody.of(model)

    def fit(batch: KeypointBatch, lifted: LiftedBodies) -> FittedBodies:
        return fit_bodies(body, gaussians_of(lifted))

    return fit
