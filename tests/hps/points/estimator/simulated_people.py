"""Clouds of posed bodies as a depth camera sees them, with the truth, and a network that knows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from body.loading import load_body_model
from body.parameters import BodyParameters
from geometry.camera import Camera
from geometry.depth import depth_to_points
from geometry.mesh import TriangleMesh
from geometry.rasterizer import rasterize_camera
from geometry.rigid import inverse, look_at, rotate, transform
from hps.points.landmarks import landmarks_of
from hps.points.network.landmark_network import NetworkOutput
from hps.points.network_input import network_input
from hps.points.person_cloud import PersonCloud

BODY = load_body_model()
LANDMARKS = landmarks_of(BODY)
CAMERA = Camera(name="depth", K=np.array([[250.0, 0, 160], [0, 250.0, 120], [0, 0, 1]]), width=320, height=240)


@dataclass(frozen=True, kw_only=True)
class Person:
    """A cloud in the frame of its camera, with the truth in that frame."""

    cloud: PersonCloud
    T_camera_world: np.ndarray
    vertices: np.ndarray
    joints: np.ndarray
    parameters: BodyParameters

    @property
    def landmarks(self) -> np.ndarray:
        return LANDMARKS.of(self.vertices, self.joints)


def arms_down(rng: np.random.Generator, spread: float = 0.25) -> BodyParameters:
    """A person who stands somewhat crooked in the z-up world, arms hanging."""
    pose = rng.normal(0, spread, (23, 3)) * np.linspace(0.4, 1.0, 3)
    pose[15, 2], pose[16, 2] = pose[15, 2] - 1.0, pose[16, 2] + 1.0
    turn = rng.uniform(-np.pi, np.pi)
    upright = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    yaw = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    from scipy.spatial.transform import Rotation

    return BodyParameters(
        betas=rng.normal(0, 0.7, 10),
        global_orient=Rotation.from_matrix(yaw @ upright).as_rotvec()[None],
        body_pose=pose.reshape(1, 69),
        transl=np.array([[0.0, 0.0, 0.95]]),
    )


@lru_cache(maxsize=32)
def person(seed: int, noise_m: float = 0.003) -> Person:
    """One person seen by one level camera at 2.4 m."""
    rng = np.random.default_rng(seed)
    parameters = arms_down(rng)
    posed = BODY.pose(parameters)
    camera = Camera(
        name="depth", K=CAMERA.K, width=320, height=240,
        T_world_camera=look_at(np.array([2.4, 0.2, 1.0]), np.array([0.0, 0.0, 0.95])),
    )  # fmt: skip
    points = seen_by(camera, posed.vertices[0]) + rng.normal(0, noise_m, (1, 1))
    T = camera.T_camera_world
    return Person(
        cloud=PersonCloud.of_camera(points, up=rotate(T, np.array([0.0, 0, 1]))),
        T_camera_world=T,
        vertices=transform(T, posed.vertices[0]),
        joints=transform(T, posed.joints[0]),
        parameters=parameters,
    )


def seen_by(camera: Camera, vertices: np.ndarray) -> np.ndarray:
    """Points of the body in the camera's frame."""
    depth = rasterize_camera(TriangleMesh(vertices=vertices, faces=BODY.faces), camera).depth
    points = depth_to_points(depth, camera)
    return points[np.isfinite(points).all(-1)]


class Knowing:
    """A network that knows the truth of given clouds, up to noise; it tells them by their points."""

    def __init__(
        self, people: Sequence[Person], sigma_m: float = 0.005, seed: int = 0, points: int = 512, lie_m: float = 0.0
    ) -> None:
        """lie_m: how far off the landmarks are without saying so."""
        self.given = network_input([one.cloud for one in people], points)
        self.truth = [transform(T, one.landmarks) for T, one in zip(self.given.T_canonical_cloud, people)]
        self.sigma_m, self.lie_m, self.rng = sigma_m, lie_m, np.random.default_rng(seed)
        self.asked: list[Tensor] = []

    def __call__(self, points: Tensor, rays: Tensor) -> NetworkOutput:
        self.asked.append(points)
        known = self.given.points
        positions = []
        for cloud in points:
            shift = (cloud[None] - known).mean(1, keepdim=True)
            gap = (cloud[None] - known - shift).abs().amax((1, 2))
            n = int(gap.argmin())
            positions.append(torch.from_numpy(self.truth[n]).float() + shift[n])
        position = torch.stack(positions)
        noise = self.rng.normal(0, max(self.sigma_m, self.lie_m), position.shape)
        batch, count, _ = points.shape
        logits = torch.zeros(batch, count, 25)
        part = torch.cdist(points, position[:, :24]).argmin(-1)
        logits.scatter_(2, part[..., None], 5.0)
        return NetworkOutput(
            position=position + torch.from_numpy(noise).float(),
            log_sigma=torch.full((batch, 88), float(np.log(self.sigma_m))),
            part_logits=logits,
            skin_offset=torch.zeros(batch, count, 3),
            skin_log_sigma=torch.full((batch, count), float(np.log(0.01))),
        )


def world(one: Person) -> np.ndarray:
    """T_world_camera of the person's camera."""
    return inverse(one.T_camera_world)
