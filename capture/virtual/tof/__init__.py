"""A time-of-flight depth camera: what it makes of exact depth and echo strength."""
