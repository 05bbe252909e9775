"""What a factory's numbers are worth."""

from __future__ import annotations

import numpy as np
import pytest

from calibration.errors import CalibrationError
from calibration.intrinsics.factory import FACTORY_SIGMAS, corner_radius, device_kind, factory_prior
from capture.virtual.unit import COLOR_UNIT, DEPTH_UNIT, draw_unit, place_unit
from geometry.camera import Camera
from geometry.camera_files.azure_kinect import KinectCalibration
from geometry.distortion import distort


def kinect() -> tuple[Camera, Camera]:
    return place_unit(KinectCalibration(serial="", depth=DEPTH_UNIT, color=COLOR_UNIT), "kinect_000", np.eye(4))


def test_a_kinects_prior_in_pixels():
    depth, color = kinect()
    prior = factory_prior(color, "azure-kinect")
    assert prior.mean == pytest.approx([*color.K[[0, 1], [0, 1]], *color.K[:2, 2], *color.distortion])
    assert prior.sigma[:4] == pytest.approx([1.84, 1.84, 3.06, 3.06], abs=0.05)  # 0.3 % of f, 3 px at 720p
    assert (prior.sigma > 0).all()
    # a coefficient one sigma off moves no corner of the image by more than 0.3 % of f, and one corner by that much
    for camera in (depth, color):
        radius = corner_radius(camera)
        points = radius * np.array([[np.sqrt(0.5), np.sqrt(0.5)], [1.0, 0.0], [0.0, 1.0]])
        for n, sigma in enumerate(factory_prior(camera, "azure-kinect").sigma[4:]):
            moved = distort(points, camera.distortion + sigma * 1e-3 * np.eye(8)[n]) - distort(
                points, camera.distortion
            )
            assert np.linalg.norm(moved, axis=-1).max() == pytest.approx(0.003e-3, rel=0.01)


def test_units_differ_no_more_than_the_prior_allows():
    reference = kinect()[1]
    prior = factory_prior(reference, "azure-kinect")
    rng = np.random.default_rng(0)
    units = [place_unit(draw_unit(n, rng), "kinect_000", np.eye(4))[1] for n in range(20)]
    pulls = np.array([(u.K[[0, 1, 0, 1], [0, 1, 2, 2]] - prior.mean[:4]) / prior.sigma[:4] for u in units])
    assert np.abs(pulls).max() < 3


def test_what_the_factory_left_out_stays_out():
    plain = Camera(
        name="iphone/color", K=np.array([[1454.0, 0, 974], [0, 1454.0, 714], [0, 0, 1]]), width=1920, height=1440
    )
    prior = factory_prior(plain, "iphone")
    assert (prior.sigma[:8] > 0).all()
    assert (prior.sigma[8:] == 0).all()


def test_kinds():
    models = ("azure-kinect", "Azure Kinect DK", "virtual Azure Kinect", "Intel RealSense D455", "iPhone15,3", "GoPro")
    kinds = [device_kind(model) for model in models]
    assert kinds == ["azure-kinect"] * 3 + ["realsense", "iphone", "other"]
    assert set(kinds) <= set(FACTORY_SIGMAS)
    with pytest.raises(CalibrationError, match=r"'webcam'.*azure-kinect"):
        factory_prior(kinect()[0], "webcam")
