"""A body in a room seen by a ring of small depth cameras: exact and noisy depth images for tests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from body.loading import OPEN_BODY, load_body_model
from body.model import BodyModel
from body.parameters import BodyParameters
from geometry.camera import Camera
from geometry.rays import RayScene
from geometry.rigid import look_at

UPRIGHT = np.array([np.pi / 2, 0.0, 0.0])


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Depth images by camera name, and which pixels really show the person."""

    cameras: dict[str, Camera]
    depth_m: dict[str, np.ndarray]
    room_m: dict[str, np.ndarray]
    person: dict[str, np.ndarray]
    vertices: np.ndarray
    faces: np.ndarray


def open_body() -> BodyModel:
    return load_body_model(OPEN_BODY)


def ring(count: int, width: int = 160, height: int = 144, radius: float = 2.3) -> dict[str, Camera]:
    """Depth cameras with an Azure Kinect's field of view and a mild lens distortion."""
    focal = 504.0 * width / 640
    K = np.array([[focal, 0, width / 2 - 0.5], [0, focal, height / 2 - 0.5], [0, 0, 1]])
    k = np.array([0.02, -0.01, 1e-4, -2e-4, 0, 0, 0, 0])
    cameras = {}
    for n in range(count):
        angle = 2 * np.pi * n / count
        eye = np.array([radius * np.cos(angle), radius * np.sin(angle), (1.5, 1.0)[n % 2]])
        pose = look_at(eye, np.array([0, 0, 0.9]))
        name = f"kinect_{n:03d}/depth"
        cameras[name] = Camera(name=name, K=K, width=width, height=height, T_world_camera=pose, distortion=k)
    return cameras


def standing(model: BodyModel, frames: int, rng: np.random.Generator, betas: float = 1.0) -> BodyParameters:
    """Somebody who stands on the floor at the middle, turns and swings arms and legs smoothly."""
    t = np.linspace(0, 1, frames)[:, None] if frames > 1 else np.zeros((1, 1))
    pose = np.zeros((frames, 23, 3))
    swing = np.sin(2 * np.pi * t[:, 0])
    pose[:, 15, 2], pose[:, 16, 2] = -1.0 + 0.2 * swing, 1.0 + 0.2 * swing  # shoulders: arms down
    pose[:, 17, 1], pose[:, 18, 1] = -0.5 - 0.3 * swing, 0.5 - 0.3 * swing  # elbows
    pose[:, 0, 0], pose[:, 1, 0] = -0.3 * swing, 0.3 * swing  # hips
    pose[:, 3, 0], pose[:, 4, 0] = 0.3 + 0.2 * swing, 0.3 - 0.2 * swing  # knees
    pose += 0.05 * rng.standard_normal((23, 3))
    shape = np.clip(betas * rng.standard_normal(model.shape_count), -2, 2)
    turn = np.zeros((frames, 3))
    from scipy.spatial.transform import Rotation

    turn[:, 2] = 0.4 + 0.3 * t[:, 0]
    orient = (Rotation.from_rotvec(turn) * Rotation.from_rotvec(UPRIGHT)).as_rotvec()
    parameters = BodyParameters(
        betas=shape, global_orient=orient, body_pose=pose.reshape(frames, 69), transl=np.zeros((frames, 3))
    )
    vertices = model.pose(parameters).vertices
    drop = np.zeros((frames, 3))
    drop[:, 2] = -vertices[..., 2].min()
    drop[:, 0] = 0.2 * t[:, 0]
    return BodyParameters(betas=shape, global_orient=orient, body_pose=pose.reshape(frames, 69), transl=drop)


def scene(
    vertices: np.ndarray,
    faces: np.ndarray,
    cameras: dict[str, Camera],
    noise: bool = True,
    rng: np.random.Generator | None = None,
    box: bool = False,
) -> Scene:
    """Depth of a person in a room of 7 m with a floor; `box` puts a low box into the workspace."""
    rng = rng or np.random.default_rng(0)
    room_v, room_f = _room(box)
    room, body = RayScene(room_v, room_f), RayScene(vertices, faces)
    depth, rooms, person = {}, {}, {}
    for name, camera in cameras.items():
        back, front = room.cast_camera(camera).t, body.cast_camera(camera).t
        z = np.fmin(back, front)
        person[name] = front <= np.nan_to_num(back, nan=np.inf)
        sigma = 0.5e-3 + 1e-3 * (z - 0.5)
        measured = z + (sigma * rng.standard_normal(z.shape) if noise else 0)
        empty = back + (sigma * rng.standard_normal(z.shape) if noise else 0)
        depth[name] = np.where(measured < 3.86, measured, np.nan).astype(np.float32)
        rooms[name] = np.where(empty < 3.86, empty, np.nan).astype(np.float32)
    return Scene(cameras=cameras, depth_m=depth, room_m=rooms, person=person, vertices=vertices, faces=faces)


def _room(box: bool) -> tuple[np.ndarray, np.ndarray]:
    v, f = _cuboid(np.array([-3.5, -3.5, 0.0]), np.array([3.5, 3.5, 3.0]))
    if box:
        bv, bf = _cuboid(np.array([0.4, 0.2, 0.0]), np.array([0.7, 0.5, 0.4]))
        v, f = np.concatenate([v, bv]), np.concatenate([f, bf + len(v)])
    return v, f


def _cuboid(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], float)
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = np.array([[q[0], q[i], q[i + 1]] for q in quads for i in (1, 2)])
    return low + corners * (high - low), faces
