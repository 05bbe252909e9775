"""Trials of the point estimator that are no part of the program: whether the rig's bodies can train it, and noise."""
