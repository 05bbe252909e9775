"""A body's shape from 2D keypoints without a network: few basis shapes, and a convex relaxation of their turn."""

from hps.rgb.convex.clip_lifter import ConvexClipLifter
from hps.rgb.convex.heat_maps import HeatMaps
from hps.rgb.convex.lifter import ConvexAnswer, ConvexLifter

__all__ = ["ConvexAnswer", "ConvexClipLifter", "ConvexLifter", "HeatMaps"]
