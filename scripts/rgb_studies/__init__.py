"""Small studies of lifters of keypoints, each a table with seeds."""
