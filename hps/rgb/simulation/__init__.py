"""Keypoints of simulated people before simulated cameras, with the truth: no pictures are drawn."""
