"""Point clouds keep each point's facts together."""

from __future__ import annotations

import numpy as np

from geometry.cloud import PointCloud, concatenate


def cloud(count: int, seed: int = 0, **leave_out) -> PointCloud:
    rng = np.random.default_rng(seed)
    fields = {
        "points": rng.normal(size=(count, 3)).astype(np.float32),
        "normals": rng.normal(size=(count, 3)),
        "colors": rng.integers(0, 256, (count, 3), dtype=np.uint8),
        "camera": rng.integers(0, 10, count, dtype=np.uint8),
        "sigma": rng.uniform(0, 1, count).astype(np.float32),
        "time_us": rng.integers(0, 10**12, count),
    }
    return PointCloud(**{**fields, **leave_out})


def test_picking_points_picks_every_field():
    whole, index = cloud(50), np.array([3, 1, 40])
    part = whole[index]
    assert len(part) == 3
    for name in ("points", "normals", "colors", "camera", "sigma", "time_us"):
        np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[index])
    assert whole[np.zeros(50, bool)].points.shape == (0, 3)


def test_joining_keeps_what_all_clouds_know():
    joined = concatenate([cloud(5), cloud(7, 1, sigma=None)])
    assert len(joined) == 12
    assert joined.sigma is None
    np.testing.assert_array_equal(joined.time_us[5:], cloud(7, 1).time_us)
    assert len(concatenate([])) == 0
    assert joined.points.dtype == np.float32
