"""People's keypoints: found in images, followed, triangulated."""
