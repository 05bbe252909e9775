"""Two calibrations compared: nothing of the world's choice, all of the cameras' differences, measured by sigma."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from calibration.comparison import compare, matched_names
from calibration.errors import CalibrationError
from calibration.pose_covariance import PoseCovariance
from calibration.rig import RigCalibration
from geometry.camera import Camera
from geometry.rigid import from_rotvec, look_at, rigid

NAMES = tuple(f"kinect_{i:03d}/{kind}" for i in range(5) for kind in ("color", "depth"))
MOTION = from_rotvec(np.array([0.4, -1.1, 2.0]), np.array([3.0, -2.0, 0.7]))


def camera(name: str, T: np.ndarray) -> Camera:
    return Camera(
        name=name, K=np.array([[600.0, 0, 640], [0, 600, 360], [0, 0, 1]]), width=1280, height=720, T_world_camera=T
    )


def ring(names: tuple[str, ...] = NAMES) -> RigCalibration:
    cameras = {}
    for index, name in enumerate(names):
        angle = 2 * np.pi * index / len(names)
        eye = np.array([2.2 * np.cos(angle), 2.2 * np.sin(angle), 1.0 + 0.2 * (index % 3)])
        cameras[name] = camera(name, look_at(eye, np.array([0.0, 0, 0.9])))
    return RigCalibration(cameras=cameras, source="a ring")


def changed(rig: RigCalibration, name: str, T_camera_new: np.ndarray) -> RigCalibration:
    cameras = dict(rig.cameras)
    cameras[name] = cameras[name].at(cameras[name].T_world_camera @ T_camera_new)
    return replace(rig, cameras=cameras)


def in_another_world(rig: RigCalibration) -> RigCalibration:
    return replace(rig, cameras={name: c.at(MOTION @ c.T_world_camera) for name, c in rig.cameras.items()})


def test_the_choice_of_the_world_is_no_difference():
    found = compare(ring(), in_another_world(ring()))
    assert found.center_mm.max() < 1e-9
    assert found.rotation_deg.max() < 1e-9
    np.testing.assert_allclose(found.T_a_b @ MOTION, np.eye(4), atol=1e-12)
    assert found.scale == pytest.approx(1.0)
    assert not found.held
    assert np.isnan(found.pooled)


def test_a_moved_camera_is_found_by_how_far_it_moved():
    """The alignment gives it a share: of ten cameras the moved one keeps about nine tenths of its own step."""
    moved = changed(
        in_another_world(ring()), "kinect_003/color", from_rotvec(np.array([0, 0.02, 0]), np.array([0, 0, 0.01]))
    )
    found = {c.name: c for c in compare(ring(), moved).cameras}
    assert 6.5 < found["kinect_003/color"].center_mm < 10.0
    assert found["kinect_003/color"].rotation_deg == pytest.approx(np.rad2deg(0.02), rel=0.15)
    assert max(c.center_mm for name, c in found.items() if name != "kinect_003/color") < 3.5


def test_a_pure_turn_leaves_the_centres_and_is_told_exactly():
    turned = changed(ring(), "kinect_001/depth", from_rotvec(np.array([0.0, 0, 0.005]), np.zeros(3)))
    found = {c.name: c for c in compare(ring(), turned).cameras}
    assert found["kinect_001/depth"].rotation_deg == pytest.approx(np.rad2deg(0.005), rel=1e-9)
    assert found["kinect_001/depth"].center_mm < 1e-9


def test_a_scale_is_told_and_not_taken_off():
    rig = ring()
    larger = {n: c.at(rigid(c.T_world_camera[:3, :3], 1.01 * c.center)) for n, c in rig.cameras.items()}
    found = compare(rig, replace(rig, cameras=larger))
    assert found.scale == pytest.approx(1.01)
    assert found.center_mm.mean() == pytest.approx(22, rel=0.05)  # one per cent of 2.2 m


def test_lenses_are_compared_in_pixels_of_the_first():
    rig = ring()
    name = "kinect_002/color"
    wider = replace(rig.cameras[name], K=np.array([[606.0, 0, 643], [0, 606, 356], [0, 0, 1]]))
    found = {c.name: c for c in compare(rig, replace(rig, cameras=rig.cameras | {name: wider})).cameras}[name]
    assert found.focal_percent == pytest.approx(1.0)
    assert found.principal_px == pytest.approx(5.0)
    half = replace(rig.cameras[name].resized(640, 360), name=name)
    found = {c.name: c for c in compare(rig, replace(rig, cameras=rig.cameras | {name: half})).cameras}[name]
    assert found.focal_percent == pytest.approx(0, abs=1e-9)
    assert found.lens_px < 1e-9


def test_two_cameras_are_aligned_by_their_axes_and_one_by_itself():
    for names in (NAMES[:2], NAMES[:1]):
        found = compare(ring(names), in_another_world(ring(names)))
        assert found.held
        assert found.center_mm.max() < 1e-8
        assert found.rotation_deg.max() < 1e-8


def test_errors_in_units_of_the_stated_covariance_pool_to_one():
    """Draws from a covariance, in any world. 20 draws of 10 cameras: the mean of 200 ratios of 6 numbers scatters by
    sqrt(2 / 6 / 200) = 0.04, a little more as the cameras are correlated."""
    rng = np.random.default_rng(5)
    truth = ring()
    root = rng.normal(size=(60, 60)) * np.tile([2e-4, 2e-4, 3e-4, 6e-4, 5e-4, 4e-4], 10)[:, None] / 8
    covariance = PoseCovariance(cameras=NAMES, matrix=root @ root.T, gauge="kinect_000/color")
    normalized, pooled, solved = [], [], dict(truth.cameras)
    for _ in range(20):
        e = (root @ rng.normal(size=60)).reshape(10, 6)
        solved = {
            n: c.at(rigid(c.T_world_camera[:3, :3] @ Rotation.from_rotvec(w[:3]).as_matrix(), c.center + w[3:]))
            for (n, c), w in zip(truth.cameras.items(), e)
        }
        found = compare(replace(truth, cameras=solved, covariance=covariance), in_another_world(truth))
        normalized.append(np.mean([c.normalized for c in found.cameras]))
        pooled.append(found.pooled)
    assert np.mean(normalized) == pytest.approx(1.0, abs=0.12)
    assert np.mean(pooled) == pytest.approx(1.0, abs=0.12)
    # the covariance may also be the second's, whose world has other axes
    found = compare(in_another_world(truth), replace(truth, cameras=solved, covariance=covariance))
    assert found.pooled == pytest.approx(pooled[-1], rel=1e-3)
    assert [c.normalized for c in found.cameras][3] == pytest.approx(
        [c.normalized for c in compare(replace(truth, cameras=solved, covariance=covariance), truth).cameras][3],
        rel=1e-2,
    )


def test_names_are_matched_loosely_and_never_by_chance():
    a, b = ring(("kinect_000/color", "Cam 7/color", "left")), ring(("Kinect-000/color", "cam7", "right"))
    assert matched_names(a.cameras, b.cameras) == [("kinect_000/color", "Kinect-000/color"), ("Cam 7/color", "cam7")]
    found = compare(a, b)
    assert found.only_a == ("left",)
    assert found.only_b == ("right",)
    with pytest.raises(CalibrationError, match="no camera is in both calibrations: left and right; rename"):
        compare(ring(("left",)), ring(("right",)))
    with pytest.raises(CalibrationError, match="camera 'cam1' may be any of Cam-1, Cam_1; rename"):
        compare(ring(("cam1",)), ring(("Cam-1", "Cam_1")))


def test_figures_are_fit_for_json():
    values = compare(ring(), in_another_world(ring())).values()
    assert json.loads(json.dumps(values, allow_nan=False))["cameras"][0]["sigma_mm"] is None
