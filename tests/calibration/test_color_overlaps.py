"""Exposure and white balance from clouds that overlap, against gains that the estimate never saw."""

from __future__ import annotations

import numpy as np
import pytest

from calibration.color.from_overlaps import colors_from_overlaps
from calibration.color.srgb import values_of
from calibration.errors import CalibrationError
from geometry.cloud import PointCloud, concatenate

CAMERAS = 5


def ring_cloud(gains, rng, shine=0.0):
    """A textured cylinder as tall as a child, seen by cameras all around; each sees 140° of it."""
    clouds = []
    for n, gain in enumerate(gains):
        angle = 2 * np.pi * n / len(gains) + np.radians(rng.uniform(-70, 70, 20_000))
        height = rng.uniform(0, 1.2, 20_000)
        normals = np.stack([np.cos(angle), np.sin(angle), 0 * angle], -1)
        points = 0.2 * normals + [0, 0, 1] * height[:, None] + rng.normal(0, 0.002, (20_000, 3))
        cloth = 0.35 + 0.2 * np.stack([np.sin(3 * angle + 2 * k) * np.cos(9 * height + k) for k in range(3)], -1)
        light = cloth * (0.8 + 0.15 * normals[:, :1]) * gain
        light += shine * (np.cos(angle - 2 * np.pi * n / len(gains))[:, None] > 0.98)  # a highlight that goes along
        colors = values_of(light + rng.normal(0, 0.01, light.shape))
        clouds.append(PointCloud(points=points, normals=normals, colors=colors, camera=np.full(20_000, n, np.uint8)))
    return concatenate(clouds)


@pytest.mark.parametrize("shine", [0.0, 0.2])
def test_gains_of_a_ring(shine):
    rng = np.random.default_rng(4)
    gains = np.exp(rng.normal(0, 0.05, (CAMERAS, 3)))
    names = [f"cam{n}/color" for n in range(CAMERAS)]
    solve = colors_from_overlaps([ring_cloud(gains, rng, shine) for _ in range(2)], names)
    assert not solve.unsolved
    made_alike = np.array([np.diag(solve.corrections[name].matrix) for name in names]) * gains
    off = np.log(made_alike) - np.log(made_alike).mean(0)
    # texture within a voxel and 8-bit values; gains were 5 % apart
    assert np.sqrt(np.mean(off**2)) < 0.005
    assert np.sqrt(np.mean((off / np.array([solve.sigma[name] for name in names])) ** 2)) < 1.5


def test_a_camera_beside_the_others_is_named():
    rng = np.random.default_rng(1)
    cloud = ring_cloud(np.ones((3, 3)), rng)
    away = ring_cloud(np.ones((1, 3)), rng)
    lonely = PointCloud(
        points=away.points + [5, 0, 0], normals=away.normals, colors=away.colors, camera=np.full(len(away), 3, np.uint8)
    )
    names = ["a/color", "b/color", "c/color", "d/color"]
    solve = colors_from_overlaps([concatenate([cloud, lonely])], names)
    assert set(solve.corrections) == {"a/color", "b/color", "c/color"}
    assert set(solve.unsolved) == {"d/color"}


def test_clouds_without_colour():
    with pytest.raises(CalibrationError, match="no colours"):
        colors_from_overlaps([PointCloud(points=np.zeros((4, 3)))], ["a/color"])
