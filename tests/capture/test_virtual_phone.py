"""Virtual phones and RealSense units: believable paths, drift of the size asked for, cameras that agree."""

import json

import numpy as np
import pytest

from capture.errors import CaptureError
from capture.iphone.message import PhoneMessage
from capture.virtual.hand_held import HandHeld, hand_held_path
from capture.virtual.iphone import PhoneConfig, phone_take
from capture.virtual.odometry import OdometryEffects, track
from capture.virtual.realsense import MODELS, place_realsense
from geometry.rigid import inverse, look_at, rotation_angle, transform

SUBJECT = np.array([0.0, 0.0, 0.95])


@pytest.fixture(scope="module")
def long_take():
    return phone_take(PhoneConfig(seconds=60.0, seed=1))


def test_the_subject_stays_in_the_picture(long_take):
    q = np.stack([long_take.color_camera(k).project(SUBJECT) for k in range(0, 3600, 30)])
    width, height = 1920, 1440
    assert (q > 0.2 * np.array([width, height])).all()
    assert (q < 0.8 * np.array([width, height])).all()


def test_a_portrait_phone_has_the_head_on_the_left(long_take):
    head, foot = (long_take.color_camera(0).project(np.array([0.0, 0.0, z])) for z in (1.6, 0.2))
    assert head[0] < foot[0] - 500
    assert abs(head[1] - foot[1]) < 0.2 * (foot[0] - head[0])
    upright = phone_take(PhoneConfig(hand=HandHeld(portrait=False)))
    head, foot = (upright.color_camera(0).project(np.array([0.0, 0.0, z])) for z in (1.6, 0.2))
    assert head[1] < foot[1] - 500


def test_it_moves_as_a_hand_does(long_take):
    """Median speeds of a real capture: 0.065 m/s and 4.2 degrees/s, over steps of 0.17 s (psegs-ios-lidar-ext)."""
    poses = long_take.Ts_world_camera[::10]  # 1/6 s
    speed = 6 * np.linalg.norm(np.diff(poses[:, :3, 3], axis=0), axis=1)
    turn_deg = 6 * np.rad2deg(rotation_angle(inverse(poses[:-1]) @ poses[1:]))
    assert 0.04 < np.median(speed) < 0.11
    assert 2.5 < np.median(turn_deg) < 7.0
    assert speed.max() < 0.4


def test_the_path_is_one_function_of_time(long_take):
    again = long_take.path.at(long_take.times_s[[7]])
    assert np.array_equal(again[0], long_take.Ts_world_camera[7])


def test_colour_and_depth_see_the_same(long_take):
    color, depth = long_take.color_camera(5), long_take.depth_camera(5)
    p = np.random.default_rng(0).normal(SUBJECT, 0.3, (20, 3))
    assert np.allclose((color.project(p) + 0.5) / 7.5 - 0.5, depth.project(p), atol=1e-9)
    assert (depth.width, depth.height) == (256, 192)


def test_no_drift_is_one_rigid_motion():
    take = phone_take(
        PhoneConfig(
            odometry=OdometryEffects(drift_m_per_root_m=0, drift_m_per_root_s=0, heading_deg_per_root_s=0, tilt_deg=0)
        )
    )
    T = take.odometry.Ts_world_odometry
    assert np.allclose(T, T[0], atol=1e-12)
    assert np.allclose(T[0][:3, 2], [0, 0, 1], atol=1e-12)  # up stays up
    assert np.allclose(take.odometry.Ts_odometry_camera[0][:3, 3], 0)
    assert take.odometry.drift_m.max() < 1e-12


def test_truth_takes_reports_to_the_world(long_take):
    odometry = long_take.odometry
    back = odometry.Ts_world_odometry @ odometry.Ts_odometry_camera
    assert np.allclose(back, long_take.Ts_world_camera, atol=1e-12)


def test_drift_grows_with_the_root_of_time():
    times = np.arange(0, 100, 0.1)
    still = np.tile(look_at(np.array([2.0, 0, 1]), SUBJECT), (len(times), 1, 1))
    effects = OdometryEffects(drift_m_per_root_s=0.01, heading_deg_per_root_s=0, tilt_deg=0)
    ends = np.array(
        [track(times, still, effects, np.random.default_rng(seed)).Ts_odometry_camera[:, :3, 3] for seed in range(200)]
    )
    for count in (100, 999):
        expected = 0.01 * np.sqrt(times[count])
        assert abs(ends[:, count].std() / expected - 1) < 4 / np.sqrt(2 * 600)  # four sigma of 600 values' spread


def test_drift_of_a_hand_held_minute_is_that_of_a_real_capture(long_take):
    """About 1 m of travel: the true path of the real capture; its board stayed within 3.1 mm."""
    travel = np.cumsum(np.linalg.norm(np.diff(long_take.Ts_world_camera[::10, :3, 3], axis=0), axis=1))
    count = 10 * int(np.searchsorted(travel, 1.0))
    assert 0.0003 < np.median(long_take.odometry.drift_m[:count]) < 0.006


def test_arkit_axes(long_take):
    """World y up; the camera looks along its -z, and its y is up in the landscape image."""
    message = long_take.message(0, 12.5, np.full((192, 256), 2, np.uint8))
    pose = message.T_arkit_camera
    T_world_camera = long_take.Ts_world_camera[0]
    tilted = np.deg2rad(0.3) * 4
    assert abs(-pose[1, 2] - T_world_camera[2, 2]) < tilted  # how steeply it looks down
    assert abs(pose[1, 1] + T_world_camera[2, 1]) < tilted
    assert abs(pose[0, 3]) < 1e-9


def test_a_message_comes_back_as_it_was_sent(long_take):
    confidence = np.random.default_rng(0).integers(0, 3, (192, 256)).astype(np.uint8)
    sent = long_take.message(3, 12.25, confidence)
    read = PhoneMessage.of(json.loads(sent.encode()))
    assert read.timestamp_s == 12.25
    assert np.array_equal(read.K, long_take.Ks[3])
    assert np.array_equal(read.T_arkit_camera, sent.T_arkit_camera)
    assert np.array_equal(read.confidence, confidence)
    with pytest.raises(CaptureError, match="frame 3 of iphone/imu is not a phone's message"):
        PhoneMessage.of({"acc_mss": [0, 0, 9.81]}, "frame 3 of iphone/imu")


def test_intrinsics_wander_as_a_real_phones_do(long_take):
    focal, center = long_take.Ks[:, 0, 0], long_take.Ks[:, 0, 2]
    assert 0.6 < focal.std() < 2.0
    assert 2.5 < center.std() < 9.0
    fixed = phone_take(PhoneConfig(lens_moves=False))
    assert np.ptp(fixed.Ks, axis=0).max() == 0


def test_the_same_seed_gives_the_same_take(long_take):
    again = phone_take(long_take.config)
    assert all(np.array_equal(a, b) for a, b in zip(long_take.truth().values(), again.truth().values()))
    other = phone_take(PhoneConfig(seconds=1.0, seed=2))
    assert not np.allclose(other.Ts_world_camera[0], long_take.Ts_world_camera[0])


@pytest.mark.parametrize(("model", "baseline"), [("D435", 0.05), ("D455", 0.095)])
def test_realsense_fields_of_view(model, baseline):
    """Datasheet 337029: depth 87 x 58 degrees, ±3; colour 69 x 42 (D435) and 90 wide (D455), ±3."""
    unit = place_realsense("rs", look_at(np.array([2.0, 0, 1]), SUBJECT), model=model)
    assert unit.baseline_m == baseline
    angles = [
        np.rad2deg(2 * np.arctan(size / 2 / f))
        for camera in (unit.depth, unit.color)
        for size, f in ((camera.width, camera.K[0, 0]), (camera.height, camera.K[1, 1]))
    ]
    expected = [87, 58, *((69, 42) if model == "D435" else (90, 58.4))]
    assert np.abs(np.array(angles) - expected).max() < 3


def test_realsense_cameras_sit_as_published():
    T = look_at(np.array([2.0, 0, 1]), SUBJECT)
    unit = place_realsense("rs", T)
    p_depth = np.array([0.1, 0.2, 1.5])
    p_color = transform(MODELS["D435"].T_color_depth, p_depth)
    assert np.allclose(unit.color.project(transform(T, p_depth)), unit.color.project_camera(p_color))
    in_device = {camera.name: camera for camera in unit.description().cameras}
    assert np.allclose(in_device["rs/depth"].T_world_camera, np.eye(4), atol=1e-12)
    assert np.allclose(in_device["rs/color"].T_camera_world, MODELS["D435"].T_color_depth, atol=1e-12)
    varied = place_realsense("rs", T, rng=np.random.default_rng(0))
    assert 0 < abs(varied.depth.K[0, 2] - unit.depth.K[0, 2]) < 10


def test_a_phone_on_top_of_its_subject():
    with pytest.raises(CaptureError, match="stands on its subject"):
        hand_held_path(np.random.default_rng(0), stand=np.array([0.0, 0.1, 2.0]), target=SUBJECT)
