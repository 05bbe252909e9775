"""A body's shape from 2D keypoints without a network: few basis shapes, and a convex relaxation of their turn."""
