"""Loads the estimator of pictures: the lifter that comes with the package and the fit that follows it."""

from __future__ import annotations

from pathlib import Path

from body.loading import load_body_model
from body.model import BodyModel
from hps.points.fitting.body import FitBody
from hps.points.fitting.fitted import FittedBodies
from hps.points.unknowns import SHAPES
from hps.rgb.estimator import RgbEstimator
from hps.rgb.fitting.config import COVARIANCE_SPREAD, LIFTER_SIZE_SIGMA, KeypointFitConfig
from hps.rgb.fitting.fit import fit_keypoints
from hps.rgb.fitting.who import ADULTS, Who
from hps.rgb.keypoint_batch import KeypointBatch
from hps.rgb.lifted import LiftedBodies
from hps.rgb.lifting import KeypointFit
from registration.shape.prior import ShapePrior


def load(
    weights: Path | str | None = None, *, body: BodyModel | None = None, mirror: bool = True, who: Who = ADULTS
) -> RgbEstimator:
    """The estimator with the weights of a file; None: those that come with the package.

    body and mirror: as of `hps.rgb.lifter.load`. who: is in the pictures, which decides how large they are; adults,
    where nothing else is said. Raises HpsError as that does.
    """
    from hps.rgb.lifter import load as load_lifter

    body = load_body_model() if body is None else body
    prior = who.shape_prior(body, SHAPES)
    return RgbEstimator(
        load_lifter(weights, body=body, mirror=mirror),
        keypoint_fit(body, prior, LIFTER_SIZE_SIGMA),
        body,
        spread=COVARIANCE_SPREAD,
        shape_prior=prior,
    )


def keypoint_fit(model: BodyModel, shape: ShapePrior | None = None, size_sigma: float = 0.0) -> KeypointFit:
    """The perspective fit that begins with what a lifter says, under the focal length that is given.

    How far that may be off is not part of the fit: one lens took all pictures of a clip (`hps.rgb.estimator`).
    shape: what is believed of it beforehand; None: people in general. size_sigma: as of `KeypointFitConfig`.
    """
    body, config = FitBody.of(model), KeypointFitConfig(focal_sigma=0.0, shape=shape, size_sigma=size_sigma)

    def fit(batch: KeypointBatch, lifted: LiftedBodies) -> FittedBodies:
        return fit_keypoints(body, batch, lifted, config)

    return fit
