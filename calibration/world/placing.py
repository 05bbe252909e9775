"""Moves a solved rig into a world with z up and the floor at z = 0, with its origin where the user says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from calibration.errors import CalibrationError
from calibration.pose_covariance import PoseCovariance
from calibration.rig import RigCalibration
from calibration.workspace import workspace
from calibration.world.floor_plane import FloorPlane
from geometry.camera import Camera
from geometry.rigid import rigid, rotate

CENTRE, BOARD = "centre", "board"
"""Origins with a name of their own; any other origin is a camera."""
LEVEL = 1e-3
"""A direction whose horizontal part is shorter says nothing about x."""


def place_world(
    calibration: RigCalibration,
    floor: FloorPlane,
    origin: str = CENTRE,
    *,
    T_world_board: Float[np.ndarray, "4 4"] | None = None,
) -> RigCalibration:
    """The same rig in the world of `world_placement`: cameras, covariance and floor are moved. Raises as it does."""
    T_new_world = world_placement(calibration, floor, origin, T_world_board=T_world_board)
    return move_world(with_floor(calibration, floor), T_new_world)


def world_placement(
    calibration: RigCalibration,
    floor: FloorPlane,
    origin: str = CENTRE,
    *,
    T_world_board: Float[np.ndarray, "4 4"] | None = None,
) -> Float[np.ndarray, "4 4"]:
    """T_new_world: z up, floor at z = 0.

    origin: `centre`, below the point where the optical axes meet, x towards the first camera; `board`, below the
    board's own origin at `T_world_board`, x along the board's x (its y if the board stands on end); or a camera's or
    device's name, below it, x to its right, so that it looks along y. Raises CalibrationError for an unknown origin.
    """
    if not calibration.cameras:
        raise CalibrationError("a world without cameras cannot be placed; calibrate the rig first")
    if origin == CENTRE:
        point = workspace(calibration.cameras).center
        directions = [camera.center - point for camera in calibration.cameras.values()]
    elif origin == BOARD:
        if T_world_board is None:
            raise CalibrationError(
                "the origin shall be the board, but no placement of it was solved; choose --origin centre or a camera"
            )
        point, directions = T_world_board[:3, 3], [T_world_board[:3, 0], T_world_board[:3, 1]]
    else:
        camera = _camera(calibration, origin)
        point, directions = camera.center, [camera.T_world_camera[:3, 0], -camera.T_world_camera[:3, 1]]
    z = floor.normal / np.linalg.norm(floor.normal)
    x = _level(directions, z)
    R_new_world = np.stack([x, np.cross(z, x), z])
    return rigid(R_new_world, -R_new_world @ floor.onto(point))


def move_world(calibration: RigCalibration, T_new_world: Float[np.ndarray, "4 4"]) -> RigCalibration:
    """The same rig in another world: p_new = T_new_world @ p_world. Corrections, notes and verdicts stay."""
    cameras = {name: camera.at(T_new_world @ camera.T_world_camera) for name, camera in calibration.cameras.items()}
    normal = rotate(T_new_world, calibration.floor[:3])
    plane = np.array([*normal, calibration.floor[3] - normal @ T_new_world[:3, 3]])
    covariance = None if calibration.covariance is None else move_covariance(calibration.covariance, T_new_world)
    return replace(calibration, cameras=cameras, floor=plane, covariance=covariance)


def move_covariance(covariance: PoseCovariance, T_new_world: Float[np.ndarray, "4 4"]) -> PoseCovariance:
    """The same uncertainty in another world: rotations are in the cameras' own axes and stay, centres turn."""
    return replace(covariance, matrix=turned_centers(covariance.matrix, len(covariance.cameras), T_new_world))


def turned_centers(
    matrix: Float[np.ndarray, "numbers_cameras numbers_cameras"], cameras: int, T_new_world: Float[np.ndarray, "4 4"]
) -> Float[np.ndarray, "numbers_cameras numbers_cameras"]:
    """A joint covariance in another world. Of each camera the first six numbers are as in `PoseCovariance`; numbers
    after these, such as its lens, do not know the world."""
    turn = np.eye(len(matrix) // max(cameras, 1))
    turn[3:6, 3:6] = T_new_world[:3, :3]
    whole = np.kron(np.eye(cameras), turn)
    return whole @ matrix @ whole.T


def with_floor(calibration: RigCalibration, floor: FloorPlane) -> RigCalibration:
    """The same rig, in the same world, with its floor stated."""
    return replace(calibration, floor=np.array([*floor.normal, floor.offset_m]))


def _camera(calibration: RigCalibration, origin: str) -> Camera:
    for name in (origin, f"{origin}/color", f"{origin}/depth"):
        if name in calibration.cameras:
            return calibration.cameras[name]
    raise CalibrationError(
        f"there is no camera '{origin}' for the origin; choose {CENTRE}, {BOARD} or one of "
        f"{', '.join(sorted(calibration.cameras))}"
    )


def _level(directions: Sequence[Float[np.ndarray, "3"]], z: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3"]:
    """The horizontal part of the first direction that has one."""
    for direction in directions:
        level = direction - (direction @ z) * z
        if (length := float(np.linalg.norm(level))) > LEVEL * max(float(np.linalg.norm(direction)), 1e-12):
            return level / length
    raise CalibrationError("no camera stands beside the origin, so x has no direction; choose a camera as the origin")
