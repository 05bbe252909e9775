"""The learned lifter: keypoints of one picture to landmarks with their spread, the root, and an SMPL-format body."""

from hps.rgb.lifter.lifter import Lifter
from hps.rgb.lifter.loading import load

__all__ = ["Lifter", "load"]
