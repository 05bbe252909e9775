"""Golden numbers of the official Azure Kinect SDK: pyk4a's and the SDK's own tests print what its C code computed.

The SDK works in float32: half a unit in the last place is 6e-5 mm at 1 m and 6e-5 px at 1000 px, so that 1e-4 mm and
1e-3 px are agreement to its precision.
"""

from __future__ import annotations

import numpy as np
import pytest

from geometry.camera_files.azure_kinect import KinectCalibration, read_kinect_calibration
from geometry.rigid import transform

MM, PX = 1e-4, 1e-3


def check_720p(calibration: KinectCalibration) -> None:
    """etiennedub/pyk4a, tests/unit/test_calibration.py: NFOV_UNBINNED and 720P."""
    depth, color = calibration.depth_camera("NFOV_UNBINNED"), calibration.color_camera("720P")
    T_depth_color = depth.T_camera_world @ color.T_world_camera
    p = transform(T_depth_color, np.array([1.0, 1.5, 2.0])) * 1000
    np.testing.assert_allclose(p, [1031.4664306640625, 1325.8529052734375, 2117.6611328125], rtol=0, atol=MM)
    p_color = color.unproject(np.array([250.0, 300.0]), 0.25)
    np.testing.assert_allclose(p_color * 1000, [-154.5365753173828, -26.12171173095703, 250], rtol=0, atol=MM)
    np.testing.assert_allclose(
        transform(T_depth_color, p_color) * 1000,
        [-122.29087829589844, -45.17741394042969, 243.19528198242188],
        rtol=0,
        atol=MM,
    )


def test_720p_from_constants(kinect):
    check_720p(kinect)


@pytest.mark.real_data
def test_720p_from_the_file(real_data):
    check_720p(read_kinect_calibration(real_data / "azure_kinect_mkv/calibration.json"))


@pytest.mark.real_data
def test_2160p_and_wide_depth_of_a_legacy_calibration(real_data):
    """Azure-Kinect-Sensor-SDK, tests/Transformation/transformation.cpp: WFOV_2X2BINNED and 2160P, 16:9 calibration."""
    calibration = read_kinect_calibration(real_data / "azure_kinect_mkv/sdk_ut_calibration.json")
    depth, color = calibration.depth_camera("WFOV_2X2BINNED"), calibration.color_camera("2160P")
    p_depth = depth.unproject(np.array([256.0, 256.0]), 1.0)
    np.testing.assert_allclose(p_depth * 1000, [-2.45376134, -1.66107690, 1000], rtol=0, atol=MM)
    p_color = transform(color.T_camera_world @ depth.T_world_camera, p_depth)
    np.testing.assert_allclose(p_color * 1000, [-37.6291695, 63.3947754, 1001.46521], rtol=0, atol=MM)
    np.testing.assert_allclose(color.project_camera(p_color), [1835.689453, 1206.290039], rtol=0, atol=PX)


@pytest.mark.real_data
def test_pre_production_lens_model_is_refused(real_data):
    from geometry.errors import GeometryError

    with pytest.raises(GeometryError, match="Rational6KT' is not supported"):
        read_kinect_calibration(real_data / "azure_kinect_mkv/sdk_csharp_TestCalibration.json")
