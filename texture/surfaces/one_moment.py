"""A cloud as it would be had all depth cameras exposed at once: points move with the body under them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float, Integer
from scipy.spatial import KDTree

from geometry.cloud import PointCloud

REACH_M = 0.12
"""Points farther from the body stay where they are."""
SLOWEST_US = 70_000
"""Instants further apart do not tell a velocity."""
LEAST_M = 0.0003
"""Clouds of which no point would move by more are left alone: a person who stands."""


def body_velocities(
    vertices: Float[np.ndarray, "instants body 3"], time_us: Integer[np.ndarray, "instants"]
) -> Float[np.ndarray, "instants body 3"] | None:
    """Of the posed vertices, metres a second, by central differences; None where instants are too few or far apart."""
    if len(vertices) < 2 or (np.diff(time_us) <= 0).any() or np.diff(time_us).max() > SLOWEST_US:
        return None
    return np.gradient(vertices, time_us * 1e-6, axis=0)


def at_one_moment(
    cloud: PointCloud,
    time_us: int,
    vertices: Float[np.ndarray, "body 3"],
    velocity: Float[np.ndarray, "body 3"],
) -> PointCloud:
    """Each point moved by the velocity (metres a second) of the nearest body vertex to the session's `time_us`.

    Devices expose one after the other, 160 us apart: a limb at 4 m/s is seen by the tenth 6 mm from where the first saw
    it. A cloud that does not know its times is returned as it is.
    """
    if cloud.time_us is None or not len(cloud):
        return cloud
    late_s = (cloud.time_us - time_us) * 1e-6
    if np.abs(late_s).max() * np.linalg.norm(velocity, axis=-1).max() < LEAST_M:
        return cloud
    distance, nearest = KDTree(vertices).query(cloud.points, distance_upper_bound=REACH_M)
    near = np.isfinite(distance)
    points = np.array(cloud.points, np.float64)
    points[near] -= late_s[near, None] * velocity[np.asarray(nearest)[near]]
    return replace(cloud, points=points)
