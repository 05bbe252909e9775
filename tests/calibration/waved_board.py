"""A board waved in a ring of Kinects: its corners as the cameras would find them, with the truth."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import Rotation

from calibration.board_view import BoardTake, BoardView
from calibration.bundle.problem import DevicePair
from calibration.rig import device_of
from capture.board import Board
from capture.virtual.config import SimulationConfig
from capture.virtual.rig import build_rig
from geometry.camera import Camera
from geometry.rigid import from_rotvec, inverse, look_at, rigid, transform

BOARD = Board()
MAX_SLANT = np.cos(np.deg2rad(65.0))
"""Between a board's normal and the line of sight; flatter ones are not found."""
FACTORY_F, FACTORY_C = 0.003, 3.0
"""Deviation of factory focal lengths, a part, and of principal points, pixels."""
FACTORY_TURN_RAD, FACTORY_SHIFT_M = 2e-3, 1e-3
"""Deviation of the factory's place of the colour camera in its device."""


@dataclass(frozen=True)
class Waved:
    take: BoardTake
    truth: dict[str, Camera]
    known: dict[str, Camera]
    """With a factory's error, all at the world's origin."""
    pairs: tuple[DevicePair, ...]
    T_world_board: np.ndarray


def ring(cameras: int = 10, seed: int = 0, infrared: bool = True) -> dict[str, Camera]:
    devices = build_rig(SimulationConfig(cameras=cameras, seed=seed))
    of_all = [c for d in devices for c in ((d.color, d.depth) if infrared else (d.color,))]
    return {camera.name: camera for camera in of_all}


def placements(count: int, rng: np.random.Generator, board: Board = BOARD) -> np.ndarray:
    """T_world_board of boards within 0.7 m of the middle, facing anywhere around, tilted by up to 40 degrees."""
    poses = []
    for _ in range(count):
        radius, around, facing = 0.7 * np.sqrt(rng.uniform()), *rng.uniform(0, 2 * np.pi, 2)
        p = np.array([radius * np.cos(around), radius * np.sin(around), rng.uniform(0.5, 1.7)])
        R = look_at(p + [np.cos(facing), np.sin(facing), rng.uniform(-0.3, 0.4)], p)[:3, :3]
        direction = rng.uniform(0, 2 * np.pi)
        tilt = np.deg2rad(40) * np.sqrt(rng.uniform()) * np.array([np.cos(direction), np.sin(direction), 0])
        R = R @ Rotation.from_rotvec(tilt + [0, 0, rng.normal(0, 0.2)]).as_matrix()
        poses.append(rigid(R, p - R @ board.middle))
    return np.array(poses)


def seen(camera: Camera, T_world_board: np.ndarray, board: Board = BOARD, margin_px: float = 5.0) -> BoardView | None:
    """The exact corners inside the image, or None."""
    away = transform(T_world_board, board.middle) - camera.center
    if T_world_board[:3, 2] @ away < MAX_SLANT * np.linalg.norm(away):
        return None
    q = camera.project(transform(T_world_board, board.corners))
    inside = ((q > margin_px) & (q < np.array([camera.width, camera.height]) - margin_px)).all(-1)
    if inside.sum() < 8:
        return None
    return BoardView(camera=camera.name, instant=0, ids=np.flatnonzero(inside), q=q[inside])


def wave(
    cameras: dict[str, Camera],
    count: int = 150,
    seed: int = 0,
    *,
    sigma_px: float = 0.1,
    factory_error: float = 1.0,
    moved: tuple[str, int, np.ndarray] | None = None,
    board: Board = BOARD,
) -> Waved:
    """`moved`: a device, an instant, and T_camera_camera of its cameras from then on, in colour's frame."""
    rng = np.random.default_rng([seed, 5])
    poses = placements(count, rng, board)
    views = []
    for instant, T in enumerate(poses):
        for camera in cameras.values():
            if moved and device_of(camera.name) == moved[0] and instant >= moved[1]:
                color = cameras[moved[0] + "/color"].T_world_camera
                camera = camera.at(color @ moved[2] @ inverse(color) @ camera.T_world_camera)
            if (view := seen(camera, T, board)) is not None:
                noisy = view.q + rng.normal(0, sigma_px, view.q.shape)
                views.append(replace(view, instant=instant, q=noisy, sigma_px=sigma_px))
    take = BoardTake(
        board=board,
        views=tuple(views),
        image_sizes={name: (camera.width, camera.height) for name, camera in cameras.items()},
        time_us={instant: 2_000_000 * instant for instant in range(count)},
    )
    known = {name: _factory(camera, factory_error, rng) for name, camera in cameras.items()}
    pairs = []
    for name, color in cameras.items():
        depth = cameras.get(device_of(name) + "/depth")
        if name.endswith("/color") and depth is not None:
            wrong = from_rotvec(
                factory_error * FACTORY_TURN_RAD * rng.normal(size=3),
                factory_error * FACTORY_SHIFT_M * rng.normal(size=3),
            )
            T_a_b = inverse(color.T_world_camera) @ depth.T_world_camera @ wrong
            pairs.append(
                DevicePair(a=name, b=depth.name, T_a_b=T_a_b, sigma_rad=FACTORY_TURN_RAD, sigma_m=FACTORY_SHIFT_M)
            )
    return Waved(take=take, truth=dict(cameras), known=known, pairs=tuple(pairs), T_world_board=poses)


def alignment(found: dict[str, Camera], truth: dict[str, Camera]) -> np.ndarray:
    """T_truth_found, the best rigid alignment of the centres."""
    p, q = (np.array([cameras[name].center for name in found]) for cameras in (found, truth))
    u, _, vt = np.linalg.svd((p - p.mean(0)).T @ (q - q.mean(0)))
    R = vt.T @ np.diag([1, 1, np.linalg.det(vt.T @ u.T)]) @ u.T
    return rigid(R, q.mean(0) - R @ p.mean(0))


def aligned(found: dict[str, Camera], truth: dict[str, Camera]) -> dict[str, tuple[float, float]]:
    """Error of each camera's centre, mm, and rotation, degrees, after `alignment`."""
    T = alignment(found, truth)
    errors = {}
    for name in found:
        placed = T @ found[name].T_world_camera
        turn = Rotation.from_matrix(truth[name].T_world_camera[:3, :3].T @ placed[:3, :3]).magnitude()
        errors[name] = (1e3 * float(np.linalg.norm(placed[:3, 3] - truth[name].center)), float(np.rad2deg(turn)))
    return errors


def _factory(camera: Camera, scale: float, rng: np.random.Generator) -> Camera:
    K = camera.K.copy()
    K[[0, 1], [0, 1]] *= 1 + scale * FACTORY_F * rng.normal()
    K[:2, 2] += scale * FACTORY_C * rng.normal(size=2)
    return replace(camera, K=K, T_world_camera=np.eye(4))
