"""Where a calibrated rig's floor is, and its world put onto it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from calibration.depth_correction import DepthCorrection
from calibration.errors import CalibrationError
from calibration.rig import Verdict
from calibration.rig_solve.result import RigSolve
from calibration.world.floor_from_board import floor_from_board
from calibration.world.floor_from_depth import floor_from_depth
from calibration.world.floor_plane import FloorPlane
from calibration.world.placing import BOARD, with_floor, world_placement
from calibration.world.upright import up_direction
from capture.board import Board
from capture.session import Session
from geometry.camera import Camera
from geometry.depth import depth_to_points
from geometry.rigid import transform
from humanrig.calibrating.placed_solve import placed_solve
from humanrig.calibrating.settings import RigCalibrationConfig

FLOOR_INSTANTS = 5
"""Moments, evenly over the take, whose depth images the floor is taken from: the board and who carries it hide another
part of it in each."""
FLOOR_PIXELS = 4
"""Every so many-th pixel along each axis: 23,000 of a Kinect's image are more than the fit draws."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class InWorld:
    """The rig in its world."""

    solve: RigSolve
    is_upright: bool
    """Whether z is up and the floor at z = 0; False: the world is still that of the held camera."""
    floor: FloorPlane | None
    verdicts: tuple[Verdict, ...]


def in_world(
    session: Session, solve: RigSolve, board: Board, config: RigCalibrationConfig, depth: Mapping[str, DepthCorrection]
) -> InWorld:
    """The solve with z up and its origin where the configuration says.

    Where `floor` is auto and no floor is found, the world stays that of the held camera, and a verdict says so; else
    raises CalibrationError.
    """
    if config.floor == "none":
        return InWorld(solve=solve, is_upright=False, floor=None, verdicts=(_unplaced("as asked"),))
    try:
        floor = _floor(session, solve, board, config, depth)
    except CalibrationError as error:
        if config.floor != "auto":
            raise
        return InWorld(solve=solve, is_upright=False, floor=None, verdicts=(_unplaced(str(error)),))
    T_world_board = _on_floor(solve, floor) if config.origin == BOARD else None
    T_new_world = world_placement(solve.calibration, floor, config.origin, T_world_board=T_world_board)
    on_floor = replace(solve, calibration=with_floor(solve.calibration, floor))
    text = (
        f"floor from {floor.source}, height within {1000 * floor.sigma_m:.1f} mm, level within "
        f"{np.rad2deg(floor.sigma_rad):.2f}°; origin: {config.origin}"
    )
    verdict = Verdict(subject="world", good=True, text=text.replace("nan", "?"))
    return InWorld(solve=placed_solve(on_floor, T_new_world), is_upright=True, floor=floor, verdicts=(verdict,))


def _unplaced(why: str) -> Verdict:
    return Verdict(subject="world", good=False, text=f"not placed on a floor, z is not up: {why}")


def _floor(
    session: Session, solve: RigSolve, board: Board, config: RigCalibrationConfig, depth: Mapping[str, DepthCorrection]
) -> FloorPlane:
    """The floor in the world of the solve. Raises CalibrationError when nothing shows one."""
    up = up_direction(solve.calibration.cameras)
    if config.floor == "board":
        return floor_from_board(board, solve.solution.T_world_board, up)
    points = floor_points(session, solve.calibration.cameras, depth)
    if config.floor == "depth" or points:
        try:
            return _from_depth(points, solve, up)
        except CalibrationError:
            if config.floor == "depth":
                raise
    return floor_from_board(board, solve.solution.T_world_board, up)


def _from_depth(
    points: Mapping[str, Float[np.ndarray, "_ 3"]], solve: RigSolve, up: Float[np.ndarray, "3"]
) -> FloorPlane:
    centers = np.stack([camera.center for camera in solve.calibration.cameras.values()])
    radius_m = float(np.median(np.linalg.norm(centers - solve.volume_middle, axis=1)))
    return floor_from_depth(points, up, solve.volume_middle, radius_m)


def floor_points(
    session: Session, cameras: Mapping[str, Camera], depth: Mapping[str, DepthCorrection]
) -> dict[str, Float[np.ndarray, "_ 3"]]:
    """World points of every calibrated depth camera, from a few moments of the take."""
    streams = [name for name in session.of_kind("depth") if name in cameras]
    instants = session.instants()
    chosen = [instants[k] for k in sorted({*np.linspace(0, len(instants) - 1, FLOOR_INSTANTS).astype(int).tolist()})]
    found: dict[str, Float[np.ndarray, "_ 3"]] = {}
    for name in streams:
        seen = []
        for instant in chosen:
            if instant.has(name):
                z = session.frame(name, instant.index[name]).payload
                z = depth[name].corrected(z) if name in depth else z
                points = depth_to_points(z, cameras[name])[::FLOOR_PIXELS, ::FLOOR_PIXELS].reshape(-1, 3)
                seen.append(transform(cameras[name].T_world_camera, points[np.isfinite(points[:, 2])]))
        if seen:
            found[name] = np.concatenate(seen)
    return found


def _on_floor(solve: RigSolve, floor: FloorPlane) -> Float[np.ndarray, "4 4"] | None:
    """The placement in which the board lay on the floor; the lowest, where it never did."""
    placements = list(solve.solution.T_world_board.values())
    return min(placements, key=lambda T: float(floor.height(T[:3, 3]))) if placements else None
