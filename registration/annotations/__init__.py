"""What a fitted body says about every picture: 2D keypoints, which of them are hidden, and the parts of the body."""
