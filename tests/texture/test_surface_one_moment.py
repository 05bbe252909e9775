import numpy as np
import pytest

from geometry.cloud import PointCloud
from texture.surfaces.one_moment import at_one_moment, body_velocities


def test_a_moving_body_seen_at_several_times_comes_together():
    rng = np.random.default_rng(2)
    body = rng.uniform(-0.5, 0.5, (200, 3))
    velocity = np.tile([3.0, 0, -1], (200, 1))
    late_us = rng.integers(-200, 1440, 500)
    on = rng.integers(0, 200, 500)
    seen = body[on] + late_us[:, None] * 1e-6 * velocity[on]
    cloud = PointCloud(points=seen, time_us=5_000_000 + late_us)
    moved = at_one_moment(cloud, 5_000_000, body, velocity)
    # microseconds times metres a second: exact but for rounding
    np.testing.assert_allclose(moved.points, body[on], atol=1e-9)
    assert np.abs(seen - body[on]).max() > 0.003


def test_points_far_from_the_body_and_clouds_without_times_stay():
    body, velocity = np.zeros((1, 3)), np.array([[5.0, 0, 0]])
    points = np.array([[0.01, 0, 0], [0.5, 0, 0]])
    moved = at_one_moment(PointCloud(points=points, time_us=np.array([1000, 1000])), 0, body, velocity)
    np.testing.assert_allclose(moved.points, [[0.005, 0, 0], [0.5, 0, 0]])
    plain = PointCloud(points=points)
    assert at_one_moment(plain, 0, body, velocity) is plain


def test_velocities_need_instants_that_follow_each_other():
    vertices = np.arange(4)[:, None, None] * np.array([[[0.1, 0, 0]]])
    found = body_velocities(vertices, 33_333 * np.arange(4))
    assert found is not None
    assert found[2, 0, 0] == pytest.approx(0.1 / 0.033333)
    assert body_velocities(vertices, 500_000 * np.arange(4)) is None
    assert body_velocities(vertices[:1], np.zeros(1, np.int64)) is None
