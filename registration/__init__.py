"""Masks, fused clouds, keypoints and the registration of an SMPL-format body."""
