"""The virtual ring: real optics, the person in view, devices that depend on the seed alone."""

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from capture.virtual.config import SimulationConfig
from capture.virtual.rig import AIM_SPREAD, HEIGHTS_M, TARGET_M, build_rig
from capture.virtual.unit import COLOR_UNIT, DEPTH_UNIT
from geometry.camera_files.azure_kinect import parse_kinect_calibration
from geometry.camera_files.azure_kinect_writing import calibration_json
from geometry.rigid import rotation_angle


@pytest.mark.parametrize("seed", range(5))
def test_every_camera_sees_the_whole_of_a_tall_person(seed):
    height, reach = 1.9, 0.45  # metres; arms a little out
    ring = np.linspace(0, 2 * np.pi, 32)
    body = np.array([[reach * np.cos(a), reach * np.sin(a), z] for a in ring for z in (0.0, 1.0, 1.5)])
    head = np.array([[0.12 * np.cos(a), 0.12 * np.sin(a), height] for a in ring])
    for device in build_rig(SimulationConfig(cameras=10, seed=seed)):
        for camera in (device.color, device.depth):
            q = camera.project(np.concatenate([body, head]))
            assert np.isfinite(q).all()
            assert (q >= 0).all(), camera.name
            assert (q <= [camera.width - 1, camera.height - 1]).all(), camera.name


def test_the_ring_without_jitter_is_exact():
    rig = build_rig(SimulationConfig(cameras=10, placement_jitter=0.0))
    for index, device in enumerate(rig):
        assert np.hypot(*device.color.center[:2]) == pytest.approx(2.3)
        assert device.color.center[2] == HEIGHTS_M[index % 2]
        axis = device.color.T_world_camera[:3, 2]
        to_target = TARGET_M - device.color.center
        assert axis @ to_target == pytest.approx(np.linalg.norm(to_target))
        assert device.color.T_world_camera[2, 0] == pytest.approx(0, abs=1e-12)  # no roll


def test_jitter_moves_devices_by_centimetres_and_degrees():
    exact = build_rig(SimulationConfig(cameras=10, placement_jitter=0.0))
    moved = build_rig(SimulationConfig(cameras=10))
    shifts = [np.linalg.norm(a.color.center - b.color.center) for a, b in zip(exact, moved)]
    assert 0.005 < np.median(shifts) < 0.1
    turns = [rotation_angle(a.color.T_camera_world @ b.color.T_world_camera) for a, b in zip(exact, moved)]
    assert 0.2 * AIM_SPREAD < np.median(turns) < 5 * AIM_SPREAD


def test_colour_and_depth_stand_as_in_the_published_unit():
    for device in build_rig(SimulationConfig(cameras=10)):
        T_color_depth = device.color.T_camera_world @ device.depth.T_world_camera
        # the spread of units is 0.2 mm and 0.3 degrees for each axis; 5 standard deviations
        assert T_color_depth[:3, 3] == pytest.approx(COLOR_UNIT.T_camera_device[:3, 3], abs=1e-3)
        assert np.rad2deg(rotation_angle(T_color_depth)) == pytest.approx(4.94, abs=1.5)
        assert (device.depth.width, device.depth.height) == (640, 576)
        assert (device.color.width, device.color.height) == (1280, 720)
        assert np.array_equal(device.depth.distortion, DEPTH_UNIT.distortion)


def test_the_attached_calibration_gives_the_cameras_back():
    for device in build_rig(SimulationConfig(cameras=3)):
        text = calibration_json(device.depth, device.color, device.unit.serial)
        read = parse_kinect_calibration(text.encode(), "attachment")
        assert read.serial == device.unit.serial
        for mine, theirs in (
            (device.depth, read.depth_camera("NFOV_UNBINNED")),
            (device.color, read.color_camera("720P")),
        ):
            assert np.allclose(theirs.K, mine.K, rtol=0, atol=1e-9)
            assert theirs.distortion == pytest.approx(mine.distortion, abs=1e-12)
        T_depth_color = device.depth.T_camera_world @ device.color.T_world_camera
        assert read.color_camera("720P").T_world_camera == pytest.approx(T_depth_color, abs=1e-12)


def test_a_device_does_not_depend_on_how_many_there_are():
    for a, b in zip(build_rig(SimulationConfig(cameras=3)), build_rig(SimulationConfig(cameras=10))):
        assert np.array_equal(a.depth.K, b.depth.K)
        assert np.array_equal(a.color.distortion, b.color.distortion)
    one, other = (build_rig(SimulationConfig(cameras=3, seed=seed)) for seed in (1, 2))
    assert one[0].depth.K[0, 2] != other[0].depth.K[0, 2]


@pytest.mark.parametrize(
    "wrong", [{"camera": 4}, {"cameras": 11}, {"cameras": 0}, {"outfit": "gown"}, {"seconds": 0.0}, {"rate_hz": 60.0}]
)
def test_a_wrong_configuration_is_an_error(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        TypeAdapter(SimulationConfig).validate_python(wrong)
