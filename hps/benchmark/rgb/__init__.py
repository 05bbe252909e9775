"""The benchmark of lifting: bodies from the keypoints of one picture, of people and motions that nobody trained on."""

from hps.benchmark.rgb.answers import of_fit, of_lifter
from hps.benchmark.rgb.lifting_scenes import read_scenes
from hps.benchmark.rgb.scoring import score_lifter

__all__ = ["of_fit", "of_lifter", "read_scenes", "score_lifter"]
