"""A body for what a network says of a cloud: a closed-form start, Gauss-Newton on landmarks, then on the points."""

from hps.points.fitting.body import FitBody
from hps.points.fitting.config import BodyFitConfig
from hps.points.fitting.evidence import LandmarkGaussians, SurfacePoints
from hps.points.fitting.fit import fit_bodies
from hps.points.fitting.fitted import FittedBodies
from hps.points.fitting.keypoint_free import KeypointFreeConfig, fit_keypoint_free
from hps.points.fitting.pictures import PictureKeypoints
from hps.points.fitting.reprojection_term import ReprojectionTerm

__all__ = [
    "BodyFitConfig",
    "FitBody",
    "FittedBodies",
    "KeypointFreeConfig",
    "LandmarkGaussians",
    "PictureKeypoints",
    "ReprojectionTerm",
    "SurfacePoints",
    "fit_bodies",
    "fit_keypoint_free",
]
