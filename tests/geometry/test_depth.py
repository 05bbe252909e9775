"""Depth images: millimetres and metres, points and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from geometry.depth import decode_depth_mm, depth_to_points, encode_depth_mm, points_to_depth
from geometry.errors import GeometryError


@given(arrays(np.uint16, (4, 5), elements=st.integers(0, 65535)))
def test_millimetres_survive_exactly(depth_mm):
    depth_m = decode_depth_mm(depth_mm)
    assert depth_m.dtype == np.float32
    np.testing.assert_array_equal(np.isnan(depth_m), depth_mm == 0)
    np.testing.assert_array_equal(encode_depth_mm(depth_m), depth_mm)


def test_what_millimetres_cannot_hold_is_missing():
    depth_m = np.array([np.nan, np.inf, -np.inf, -1.0, 0.0, 0.0004, 0.0006, 65.535, 65.536])
    assert encode_depth_mm(depth_m).tolist() == [0, 0, 0, 0, 0, 0, 1, 65535, 0]


def test_points_project_to_their_pixels_and_come_back(kinect):
    camera = kinect.depth_camera("NFOV_2X2BINNED")
    rng = np.random.default_rng(0)
    depth = rng.uniform(0.5, 3.8, (288, 320)).astype(np.float32)
    depth[rng.random(depth.shape) < 0.2] = np.nan
    depth[7, 9] = 0
    points = depth_to_points(depth, camera)
    valid = np.isfinite(depth) & (depth > 0)
    np.testing.assert_array_equal(np.isfinite(points).all(-1), valid)
    np.testing.assert_array_equal(np.isnan(points).all(-1), ~valid)
    np.testing.assert_array_equal(points[valid][:, 2], depth[valid])
    back = points_to_depth(points[valid], camera)
    np.testing.assert_array_equal(back, np.where(valid, depth, np.nan))


def test_the_nearest_point_wins_and_radius_fills_a_square(pinhole):
    x, y = 100, 50
    p = np.concatenate([pinhole.unproject(np.array([[x, y]]), z) for z in (2.0, 1.0, 3.0)] + [[[0, 0, -1.0]]])
    depth = points_to_depth(p, pinhole, radius_px=1)
    assert (depth[y - 1 : y + 2, x - 1 : x + 2] == 1).all()
    assert np.isfinite(depth).sum() == 9
    corner = pinhole.unproject(np.array([[-0.6, -0.6], [-2.0, 0.0]]), 1.0)
    assert np.isfinite(points_to_depth(corner, pinhole)).sum() == 0
    assert np.isfinite(points_to_depth(corner, pinhole, radius_px=1)).sum() == 1


def test_pixels_outside_the_lens_model_have_no_point(kinect):
    camera = kinect.depth_camera("WFOV_2X2BINNED")
    points = depth_to_points(np.ones((512, 512), np.float32), camera)
    assert np.isnan(points[0, 0]).all()
    assert np.isfinite(points[256, 256]).all()


def test_an_image_of_another_size_is_refused(pinhole):
    with pytest.raises(GeometryError, match="320x288 pixels, but the image has 288x320"):
        depth_to_points(np.ones((320, 288), np.float32), pinhole)
