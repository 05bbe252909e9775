"""Depth images become clean, fused point clouds."""
