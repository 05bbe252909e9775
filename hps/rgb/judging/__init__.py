"""Whether a body that was found in keypoints should be used, and why not."""
