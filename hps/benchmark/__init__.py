"""Benchmarks of pose-and-shape estimators: fixed sets, methods that join, measures, and reports."""
