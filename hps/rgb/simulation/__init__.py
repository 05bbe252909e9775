"""Keypoints of simulated people before simulated cameras, with the truth: no pictures are drawn."""

from hps.rgb.simulation.poses import kept_poses
from hps.rgb.simulation.sampler import LiftingSampler

__all__ = ["LiftingSampler", "kept_poses"]
