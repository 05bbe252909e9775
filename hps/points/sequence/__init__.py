"""Sequences: bodies of single clouds become one person's motion."""

from hps.points.sequence.bodies import FrameBodies
from hps.points.sequence.config import SequenceConfig
from hps.points.sequence.smooth import SmoothBodies, smooth_bodies

__all__ = ["FrameBodies", "SequenceConfig", "SmoothBodies", "smooth_bodies"]
