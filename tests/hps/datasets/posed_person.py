"""A body of the open model that stands before cameras, and the depth that they would see of it exactly."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.spatial.transform import Rotation

from body.loading import load_body_model
from body.parameters import BodyParameters
from geometry.camera import Camera
from geometry.rays import RayScene
from geometry.rigid import look_at, rigid, transform

UP = np.array([0.0, 0, 1])


@lru_cache(maxsize=1)
def model():
    return load_body_model()


def person(seed: int = 0, frames: int = 1, x_m: float = 0.0) -> BodyParameters:
    """Stands in a z-up world near (x_m, 0), with bent limbs; turns from frame to frame."""
    rng = np.random.default_rng(seed)
    turn = rng.uniform(-1, 1) + 0.3 * np.arange(frames)

    upright = Rotation.from_euler("x", 90, degrees=True)
    orient = (Rotation.from_euler("z", turn.reshape(-1, 1)) * upright).as_rotvec()
    betas = rng.normal(size=10)
    return BodyParameters(
        betas=betas,
        global_orient=orient.reshape(frames, 3),
        body_pose=np.repeat(0.15 * rng.normal(size=(1, 69)), frames, 0),
        transl=np.tile([x_m, 0.0, 1.0], (frames, 1)),
    )


def ring(count: int, size: tuple[int, int] = (160, 144), far_m: float = 2.2) -> list[Camera]:
    """Level cameras round the origin, looking at the middle of a standing person; width, height of the images."""
    width, height = size
    K = np.array([[0.75 * width, 0, (width - 1) / 2], [0, 0.75 * width, (height - 1) / 2], [0, 0, 1]])
    cameras = []
    for n in range(count):
        angle = 2 * np.pi * n / count
        eye = np.array([far_m * np.cos(angle), far_m * np.sin(angle), 1.3])
        cameras.append(
            Camera(
                name=f"kinect_{n:03d}/depth",
                K=K,
                width=width,
                height=height,
                T_world_camera=look_at(eye, np.array([0, 0, 0.9])),
            )
        )
    return cameras


def skin(parameters: BodyParameters, frame: int = 0) -> RayScene:
    """The naked body of a frame, for rays and for distances."""
    return RayScene(model().pose(parameters[slice(frame, frame + 1)]).vertices[0], model().faces)


def joints(parameters: BodyParameters) -> np.ndarray:
    return model().pose(parameters).joints


def seen(camera: Camera, *bodies: RayScene, floor: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Depth in metres (NaN: nothing) and whose each pixel is: -1 nobody's, else the place in `bodies`."""
    depth = np.full((camera.height, camera.width), np.inf)
    owner = np.full(depth.shape, -1)
    for n, body in enumerate(bodies):
        t = np.nan_to_num(body.cast_camera(camera).t, nan=np.inf)
        owner[t < depth] = n
        depth = np.minimum(depth, t)
    if floor:
        corners = np.array([[-3, -3, 0], [3, -3, 0], [3, 3, 0], [-3, 3, 0]], float)
        t = np.nan_to_num(RayScene(corners, np.array([[0, 1, 2], [0, 2, 3]])).cast_camera(camera).t, nan=np.inf)
        owner[t < depth] = -1
        depth = np.minimum(depth, t)
    return np.where(np.isfinite(depth), depth, np.nan).astype(np.float32), owner


def moved(parameters: BodyParameters, T_new_old: np.ndarray) -> BodyParameters:
    """The same bodies in another frame."""

    rest = model().rest_joints(parameters.betas, parameters.child)[0]
    turn = Rotation.from_matrix(T_new_old[:3, :3]) * Rotation.from_rotvec(parameters.global_orient)
    return BodyParameters(
        betas=parameters.betas,
        global_orient=turn.as_rotvec().reshape(-1, 3),
        body_pose=parameters.body_pose,
        transl=transform(T_new_old, rest + parameters.transl) - rest,
        child=parameters.child,
    )


def off_skin_mm(sample) -> np.ndarray:
    """Distance of each point of a sample from the body of its own truth, millimetres."""
    return 1000 * skin(sample.truth).closest(sample.cloud.points).distance


__all__ = ["UP", "joints", "model", "moved", "off_skin_mm", "person", "rigid", "ring", "seen", "skin"]
