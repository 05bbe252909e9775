"""A body fitted to keypoints and clouds."""
