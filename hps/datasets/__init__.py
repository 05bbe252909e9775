"""Data sets of people in point clouds, each read into the same kind of sample."""
