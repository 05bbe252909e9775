"""A solved rig is moved into a world with z up: nothing between its cameras changes, and the covariance goes along."""

from __future__ import annotations

import numpy as np
import pytest

from calibration.errors import CalibrationError
from calibration.pose_covariance import PoseCovariance
from calibration.rig import RigCalibration
from calibration.world.floor_from_board import floor_from_board, lying_on_floor
from calibration.world.floor_from_depth import floor_from_depth
from calibration.world.floor_plane import FloorPlane
from calibration.world.placing import move_world, place_world, world_placement
from calibration.world.upright import up_direction
from capture.board import Board
from geometry.camera import Camera
from geometry.rigid import from_rotvec, inverse, look_at, rigid, rotation_angle, transform

K = np.array([[600.0, 0, 640], [0, 600, 360], [0, 0, 1]])
T_OLD_TRUE = from_rotvec(np.array([1.1, -0.4, 0.7]), np.array([0.4, -1.2, 2.0]))
"""An arbitrary world, as a solver leaves it."""


def ring(count: int = 6, roll_deg: tuple[float, ...] = (0.0,)) -> dict[str, Camera]:
    cameras = {}
    for i in range(count):
        angle = 2 * np.pi * i / count
        eye = np.array([2.2 * np.cos(angle), 2.2 * np.sin(angle), 1.0 + 0.5 * (i % 2)])
        roll = from_rotvec(np.array([0, 0, np.deg2rad(roll_deg[i % len(roll_deg)])]), np.zeros(3))
        T = look_at(eye, np.array([0, 0, 0.9])) @ roll
        name = f"cam{i}/color"
        cameras[name] = Camera(name=name, K=K, width=1280, height=720, T_world_camera=T_OLD_TRUE @ T)
    return cameras


def true_floor() -> FloorPlane:
    normal = T_OLD_TRUE[:3, 2]
    return FloorPlane(normal=normal, offset_m=-float(normal @ T_OLD_TRUE[:3, 3]), source="truth")


def room(rng: np.random.Generator, bias_m: np.ndarray, cameras: dict[str, Camera]) -> dict[str, np.ndarray]:
    """Points of a floor, walls, a table and some below the floor, off along the ray by each camera's bias."""
    points = {}
    for (name, camera), bias in zip(cameras.items(), bias_m, strict=True):
        floor = np.column_stack([rng.uniform(-2, 2, (3000, 2)), np.zeros(3000)])
        wall = np.column_stack([rng.uniform(-3, 3, 4000), np.full(4000, 3.0), rng.uniform(0, 2.5, 4000)])
        table = np.column_stack([rng.uniform(0, 0.8, (1500, 2)), np.full(1500, 0.7)])
        mirrored = np.column_stack([rng.uniform(-2, 2, (80, 2)), rng.uniform(-1, -0.3, 80)])
        p = transform(T_OLD_TRUE, np.concatenate([floor, wall, table, mirrored]))
        rays = p - camera.center
        along = bias + rng.normal(0, 0.003, len(p))
        points[name] = p + along[:, None] * rays / np.linalg.norm(rays, axis=1, keepdims=True)
    return points


def test_up_is_known_from_upright_cameras_and_from_a_ring_of_cameras_on_their_sides():
    for rolls in [(0.0,), (90.0, -90.0)]:
        up = up_direction(ring(roll_deg=rolls))
        angle = np.rad2deg(np.arccos(min(1.0, up @ T_OLD_TRUE[:3, 2])))
        assert angle < 20  # the floor search allows 30
    with pytest.raises(CalibrationError, match="board that lies on it"):
        up_direction(ring(2, roll_deg=(90.0,)))


def test_the_floor_is_found_below_a_table_beside_walls_and_with_device_errors():
    rng = np.random.default_rng(1)
    cameras = ring()
    floor = floor_from_depth(room(rng, rng.normal(0, 0.002, 6), cameras), up_direction(cameras))
    assert np.rad2deg(np.arccos(min(1.0, floor.normal @ T_OLD_TRUE[:3, 2]))) < 0.1
    height_of_truth = floor.height(T_OLD_TRUE[:3, 3])
    # biases of 2 mm along rays that fall at about 30°, mean of six cameras: 0.4 mm; the noise averages out
    assert abs(height_of_truth) < 0.0015
    assert 1e-4 < floor.sigma_m < 1.5e-3
    assert floor.rms_m < 0.005


def test_the_height_of_the_floor_is_off_as_much_as_it_says():
    cameras = ring()
    up = up_direction(cameras)
    off, said = [], []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        floor = floor_from_depth(room(rng, rng.normal(0, 0.004, 6), cameras), up, rng=rng)
        off.append(floor.height(T_OLD_TRUE[:3, 3]))
        said.append(floor.sigma_m)
    ratio = np.sum(np.square(off)) / np.sum(np.square(said))
    assert 0.2 < ratio < 2.5  # the 98 % interval of chi-square with 8 degrees, widened by the jackknife's own scatter


def test_without_a_floor_in_sight_the_next_step_is_named():
    rng = np.random.default_rng(2)
    wall = np.column_stack([rng.uniform(-3, 3, 4000), np.full(4000, 3.0), rng.uniform(0.5, 2.5, 4000)])
    with pytest.raises(CalibrationError, match="lay the board"):
        floor_from_depth({"a/depth": wall}, np.array([0, 0, 1.0]))
    with pytest.raises(CalibrationError, match="at least 300"):
        floor_from_depth({"a/depth": wall[:10]}, np.array([0, 0, 1.0]))


def test_the_floor_below_a_board_that_lies_on_it():
    rng = np.random.default_rng(3)
    board = Board()
    face_up = rigid(np.diag([1.0, -1, -1]), np.array([0.3, 0.2, 0.006]))
    carried = look_at(np.array([0.0, -1, 1]), np.array([0.0, 0, 1.2]))
    on_table = face_up.copy()
    on_table[2, 3] = 0.7
    true = {0: carried, 1: on_table, 2: face_up, 3: face_up, 4: face_up}
    noisy = {i: T_OLD_TRUE @ T @ from_rotvec(rng.normal(0, 1e-3, 3), rng.normal(0, 5e-4, 3)) for i, T in true.items()}
    up = up_direction(ring())
    assert lying_on_floor(board, noisy, up) == (2, 3, 4)
    floor = floor_from_board(board, noisy, up, above_floor_m=0.006)
    assert abs(floor.height(T_OLD_TRUE[:3, 3])) < 0.001  # three placements of 0.5 mm each, tilt over 0.5 m
    assert np.rad2deg(np.arccos(min(1.0, floor.normal @ T_OLD_TRUE[:3, 2]))) < 0.15
    with pytest.raises(CalibrationError, match="face up"):
        floor_from_board(board, {0: noisy[0]}, up)


def test_placing_keeps_the_rig_rigid_and_puts_the_floor_at_zero():
    rig = RigCalibration(cameras=ring(), source="test")
    for origin in ("centre", "cam3", "cam2/color"):
        placed = place_world(rig, true_floor(), origin)
        for a, b in (("cam0/color", "cam1/color"), ("cam2/color", "cam5/color")):
            before = inverse(rig.cameras[a].T_world_camera) @ rig.cameras[b].T_world_camera
            after = inverse(placed.cameras[a].T_world_camera) @ placed.cameras[b].T_world_camera
            np.testing.assert_allclose(after, before, atol=1e-12)
        heights = [camera.center[2] for camera in placed.cameras.values()]
        np.testing.assert_allclose(heights, [1.0, 1.5] * 3, atol=1e-9)
        np.testing.assert_allclose(placed.floor, [0, 0, 1, 0], atol=1e-9)


def test_the_origin_is_where_the_user_says():
    rig = RigCalibration(cameras=ring(), source="test")
    centre = place_world(rig, true_floor())
    np.testing.assert_allclose(centre.cameras["cam0/color"].center, [2.2, 0, 1.0], atol=1e-9)
    own = place_world(rig, true_floor(), "cam4").cameras["cam4/color"]
    np.testing.assert_allclose(own.center[:2], 0, atol=1e-9)
    assert own.T_world_camera[1, 2] > 0.9  # it looks along y
    assert abs(own.T_world_camera[0, 2]) < 1e-9
    T_true_board = rigid(np.diag([1.0, -1, -1]), np.array([0.3, 0.2, 0.006]))
    T_new_world = world_placement(rig, true_floor(), "board", T_world_board=T_OLD_TRUE @ T_true_board)
    np.testing.assert_allclose(
        T_new_world @ T_OLD_TRUE @ T_true_board, rigid(np.diag([1.0, -1, -1]), np.array([0, 0, 0.006])), atol=1e-9
    )
    with pytest.raises(CalibrationError, match="cam9"):
        place_world(rig, true_floor(), "cam9")
    with pytest.raises(CalibrationError, match="no placement"):
        place_world(rig, true_floor(), "board")


def test_the_covariance_moves_as_errors_do():
    """Errors are drawn, applied in the old world and compared in the new one: the same spread as was moved."""
    rng = np.random.default_rng(4)
    cameras = ring(3)
    root = rng.normal(0, 1e-3, (18, 18))
    covariance = PoseCovariance(cameras=tuple(cameras), matrix=root @ root.T, gauge="cam0/color")
    rig = RigCalibration(cameras=cameras, source="test", covariance=covariance)
    T_new_world = from_rotvec(np.array([0.3, 1.2, -0.5]), np.array([1.0, 2, 3]))
    moved = move_world(rig, T_new_world)
    draws = rng.normal(size=(1500, 18)) @ root.T
    errors = np.empty((1500, 18))
    for n, (name, camera) in enumerate(cameras.items()):
        for k, (w, c) in enumerate(zip(draws[:, 6 * n : 6 * n + 3], draws[:, 6 * n + 3 : 6 * n + 6])):
            off = camera.T_world_camera @ from_rotvec(w, np.zeros(3))
            off[:3, 3] = camera.center + c
            now, true = T_new_world @ off, moved.cameras[name].T_world_camera
            errors[k, 6 * n + 3 : 6 * n + 6] = now[:3, 3] - true[:3, 3]
            errors[k, 6 * n : 6 * n + 3] = w
            if k == 0:
                assert rotation_angle(inverse(true) @ now) == pytest.approx(np.linalg.norm(w), rel=1e-3)
    sampled = errors.T @ errors / len(errors)
    assert moved.covariance is not None
    scale = np.sqrt(np.outer(np.diag(sampled), np.diag(sampled)))
    assert np.abs((sampled - moved.covariance.matrix) / scale).max() < 0.13  # 5 / sqrt(1500 draws)
