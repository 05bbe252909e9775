"""Bodies from keypoints of one picture and what a lifter says of them: perspective SMPLify by Gauss-Newton."""

from hps.rgb.fitting.config import KeypointFitConfig
from hps.rgb.fitting.fit import fit_keypoints
from hps.rgb.fitting.fitted import KeypointBodies
from hps.rgb.fitting.keypoint_points import KeypointPoints, keypoint_points, picture_keypoints

__all__ = [
    "KeypointBodies",
    "KeypointFitConfig",
    "KeypointPoints",
    "fit_keypoints",
    "keypoint_points",
    "picture_keypoints",
]
