"""A rig calibrated without a board, from the keypoints of a person who moves before it."""
