"""SMPL-format body models, poses, motion clips and appearance."""
