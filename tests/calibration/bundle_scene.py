"""A ring of cameras that look at a board in many places, with truth."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import Rotation

from calibration.board_view import BoardView
from calibration.bundle.problem import BundleProblem, CameraStart, DevicePair, IntrinsicsPrior, intrinsics_of
from geometry.camera import Camera
from geometry.rigid import inverse, look_at, rigid, transform

X, Y = np.meshgrid(np.arange(8), np.arange(5))
CORNERS = np.stack([X.ravel() + 1, Y.ravel() + 1, np.zeros(40)], -1) * 0.08
MIDDLE = CORNERS.mean(0)
LENS = np.array([0.08, -0.06, 3e-4, -2e-4, 0.02, 0, 0, 0])
FREE = np.array([np.inf] * 9 + [0.0] * 3)


@dataclass(frozen=True)
class Scene:
    cameras: dict[str, Camera]
    T_world_board: dict[int, np.ndarray]
    views: tuple[BoardView, ...]


APART = 2 * np.pi / 10
"""Angle between neighbours: ten cameras close the ring, fewer are an arc."""


def ring(count: int, rng: np.random.Generator) -> dict[str, Camera]:
    cameras = {}
    for n in range(count):
        angle = n * APART
        eye = np.array([2.2 * np.cos(angle), 2.2 * np.sin(angle), 1.0 if n % 2 else 1.5])
        fx, fy, cx, cy = np.array([915, 915, 960, 547]) + rng.normal(0, [3, 3, 4, 4])
        cameras[f"cam{n}/color"] = Camera(
            name=f"cam{n}/color",
            K=np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]]),
            width=1920,
            height=1080,
            distortion=LENS * (1 + rng.normal(0, 0.05, 8)),
            T_world_camera=look_at(eye, np.array([0, 0, 0.92])),
        )
    return cameras


def board_place(cameras: int, rng: np.random.Generator) -> np.ndarray:
    """Upright within 30 degrees, facing any side where a camera stands."""
    z = rng.normal(0, 0.3)
    angle = np.pi + APART * rng.uniform(-0.5, cameras - 0.5)
    into = np.array([np.cos(angle), np.sin(angle), z]) / np.hypot(1, z)
    p = np.array([*rng.uniform(-0.6, 0.6, 2), rng.uniform(0.4, 1.6)])
    R = look_at(p, p + into)[:3, :3] @ Rotation.from_rotvec([0, 0, rng.uniform(-0.4, 0.4)]).as_matrix()
    return rigid(R, p - R @ MIDDLE)


def see(
    cameras: dict[str, Camera], boards: dict[int, np.ndarray], sigma_px: float, rng: np.random.Generator
) -> tuple[BoardView, ...]:
    views = []
    for instant, T_world_board in boards.items():
        for name, camera in cameras.items():
            facing = transform(inverse(T_world_board), camera.center)
            if facing[2] > -0.5 * np.linalg.norm(facing - MIDDLE):
                continue
            q = camera.project(transform(T_world_board, CORNERS))
            inside = np.flatnonzero(((q > 5) & (q < [camera.width - 5, camera.height - 5])).all(1))
            if len(inside) < 12:
                continue
            found = q[inside] + rng.normal(0, sigma_px, (len(inside), 2))
            views.append(BoardView(camera=name, instant=instant, ids=inside, q=found, sigma_px=sigma_px or 0.1))
    return tuple(views)


def scene(cameras: int = 6, boards: int = 40, sigma_px: float = 0.15, seed: int = 0) -> Scene:
    rng = np.random.default_rng(seed)
    rig = ring(cameras, rng)
    places = {10 * n: board_place(cameras, rng) for n in range(boards)}
    return Scene(cameras=rig, T_world_board=places, views=see(rig, places, sigma_px, rng))


def shaken(T: np.ndarray, rad: float, m: float, rng: np.random.Generator) -> np.ndarray:
    turn = Rotation.from_rotvec(rng.normal(0, rad, 3)).as_matrix()
    return rigid(T[:3, :3] @ turn, T[:3, 3] + rng.normal(0, m, 3))


def problem_of(
    scene: Scene,
    *,
    seed: int = 1,
    sigma: np.ndarray = FREE,
    f_error: float = 0.01,
    rad: float = 0.02,
    m: float = 0.02,
    pairs: tuple[DevicePair, ...] = (),
    held: str = "",
) -> BundleProblem:
    """The scene begun away from its truth; the held camera begins at it, lenses with sigma 0 are the true ones."""
    rng = np.random.default_rng(seed)
    starts = {}
    for name, camera in scene.cameras.items():
        truth = intrinsics_of(camera)
        wrong = truth * (1 + rng.normal(0, f_error, 12))
        mean = np.where(sigma > 0, wrong, truth)
        T = (
            camera.T_world_camera
            if name == (held or next(iter(scene.cameras)))
            else shaken(camera.T_world_camera, rad, m, rng)
        )
        K = np.array([[mean[0], 0, mean[2]], [0, mean[1], mean[3]], [0, 0, 1]])
        begun = replace(camera, K=K, distortion=mean[4:], T_world_camera=T)
        starts[name] = CameraStart(camera=begun, prior=IntrinsicsPrior(mean=mean, sigma=sigma))
    return BundleProblem(
        corners=CORNERS,
        views=scene.views,
        cameras=starts,
        T_world_board={instant: shaken(T, rad, m, rng) for instant, T in scene.T_world_board.items()},
        pairs=pairs,
        held=held or next(iter(scene.cameras)),
    )


def aligned_centers_mm(solved: dict[str, Camera], true: dict[str, Camera]) -> np.ndarray:
    """Distance of each camera's centre from the truth after the best rigid alignment, without scale."""
    a = np.array([solved[name].center for name in true])
    b = np.array([camera.center for camera in true.values()])
    R = Rotation.align_vectors(b - b.mean(0), a - a.mean(0))[0].as_matrix()
    return 1000 * np.linalg.norm((a - a.mean(0)) @ R.T - (b - b.mean(0)), axis=1)
