"""People as a colour camera with depth beside it sees them, with the truth, and networks that know it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from body.loading import load_body_model
from body.parameters import BodyParameters
from geometry.camera import Camera
from geometry.depth import depth_to_points
from geometry.mesh import TriangleMesh
from geometry.rasterizer import rasterize_camera
from geometry.rigid import look_at, rotate, transform
from hps.points.estimator import PointEstimator
from hps.points.fitted_clouds import FittedClouds, RestPelvis
from hps.points.fitting.body import FitBody
from hps.points.landmarks import landmarks_of
from hps.points.network.landmark_network import NetworkOutput
from hps.points.network_input import network_input
from hps.points.person_cloud import PersonCloud
from hps.rgb.estimator import RgbEstimator
from hps.rgb.keypoint_batch import KeypointBatch
from hps.rgb.lifted import LiftedBodies
from hps.rgb.loading import keypoint_fit
from hps.rgbd.agreement import keypoints_of
from hps.rgbd.config import FusionConfig
from hps.rgbd.estimator import RgbdEstimator
from hps.rgbd.view import RgbdView

BODY = load_body_model()
FIT_BODY = FitBody.of(BODY)
LANDMARKS = landmarks_of(BODY)
COLOR = Camera(name="color", K=np.array([[500.0, 0, 320], [0, 500.0, 240], [0, 0, 1]]), width=640, height=480)
DEPTH = Camera(name="depth", K=np.array([[250.0, 0, 160], [0, 250.0, 120], [0, 0, 1]]), width=320, height=240)
PLACE = look_at(np.array([2.6, 0.2, 1.0]), np.array([0.0, 0.0, 0.95]))
POINTS = 512


@dataclass(frozen=True, kw_only=True)
class Person:
    """In the colour camera's frame."""

    view: RgbdView
    vertices: np.ndarray
    joints: np.ndarray
    keypoints: np.ndarray
    """Where the detector means them."""
    body: FittedClouds
    """The true one."""

    @property
    def landmarks(self) -> np.ndarray:
        return LANDMARKS.of(self.vertices, self.joints)


@lru_cache(maxsize=16)
def person(seed: int, noise_px: float = 0.0) -> Person:
    """Somebody who stands somewhat crooked, arms anyhow, at 2.6 m; turned to one side, the camera, the other side."""
    rng = np.random.default_rng(seed)
    pose = rng.normal(0, 0.2, (23, 3)) * np.linspace(0.4, 1.0, 3)
    left, right = rng.uniform(-1.2, 1.2, 2)  # from arms hanging to arms up
    pose[15, 2], pose[16, 2] = pose[15, 2] + left, pose[16, 2] + right
    facing = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])  # looks along x, at the camera
    turn = Rotation.from_rotvec([0, 0, 1.2 * (seed % 3 - 1)]).as_matrix() @ facing
    world = BodyParameters(
        betas=rng.normal(0, 0.5, 10),
        global_orient=Rotation.from_matrix(turn).as_rotvec()[None],
        body_pose=pose.reshape(1, 69),
        transl=np.array([[0.0, 0.0, 0.95]]),
    )
    placed = COLOR.at(PLACE)
    posed = BODY.pose(world)
    vertices, joints = (transform(placed.T_camera_world, values[0]) for values in (posed.vertices, posed.joints))
    rotations = Rotation.from_rotvec(np.concatenate([world.global_orient, world.body_pose.reshape(-1, 3)])).as_matrix()
    bodies = FittedClouds.none(FIT_BODY)
    one = FittedClouds(
        rest=RestPelvis.of_body(FIT_BODY), rotations=rotations[None], betas=world.betas[None], child=np.zeros(1),
        transl=world.transl, covariance=np.zeros((1, *bodies.covariance.shape[1:])), joints=posed.joints,
        joint_covariance=np.zeros((1, 24, 3, 3)), landmarks=np.zeros((1, 88, 3)), landmark_sigma=np.ones((1, 88)),
    )  # fmt: skip
    one = one.moved(placed.T_camera_world[None])
    keypoints = keypoints_of(FIT_BODY, one)[0]
    depth = rasterize_camera(TriangleMesh(vertices=vertices, faces=BODY.faces), DEPTH).depth
    points = depth_to_points(depth, DEPTH)
    points = points[np.isfinite(points).all(-1)] + rng.normal(0, 0.002, (1, 1))
    up = rotate(placed.T_camera_world, np.array([0.0, 0, 1]))
    return Person(
        view=RgbdView(
            cloud=PersonCloud.of_camera(points, up=up),
            keypoints=seen_at(COLOR.project_camera(keypoints) + rng.normal(0, 1, (27, 2)) * noise_px),
        ),
        vertices=vertices,
        joints=joints,
        keypoints=keypoints,
        body=one,
    )


def seen_at(q: np.ndarray, confidence: float = 0.95) -> KeypointBatch:
    """Keypoints of one person in the colour picture."""
    return KeypointBatch(
        q=torch.from_numpy(q[None].astype(np.float32)),
        confidence=torch.full((1, 27), confidence),
        pixel_size=torch.tensor([1.5]),
        K=torch.from_numpy(COLOR.K[None].astype(np.float32)),
        size=torch.tensor([[640.0, 480.0]]),
        focal_known=torch.tensor([True]),
    )


class KnowingNetwork:
    """A point network that knows the landmarks of given clouds but for an error that it states."""

    def __init__(self, people: Sequence[Person], sigma_m: float, seed: int = 0) -> None:
        self.given = network_input([one.view.cloud for one in people], POINTS)
        rng = np.random.default_rng(seed)
        self.truth = [
            transform(T, one.landmarks) + rng.normal(0, sigma_m, (88, 3))
            for T, one in zip(self.given.T_canonical_cloud, people)
        ]
        self.sigma_m = sigma_m

    def __call__(self, points: Tensor, rays: Tensor) -> NetworkOutput:
        position = []
        for cloud in points:
            gap = (cloud[None] - self.given.points).abs().amax((1, 2))
            position.append(torch.from_numpy(self.truth[int(gap.argmin())]).float())
        position = torch.stack(position)
        logits = torch.zeros(*points.shape[:2], 25)
        logits.scatter_(2, torch.cdist(points, position[:, :24]).argmin(-1)[..., None], 5.0)
        return NetworkOutput(
            position=position,
            log_sigma=torch.full((len(points), 88), float(np.log(self.sigma_m))),
            part_logits=logits,
            skin_offset=torch.zeros(*points.shape[:2], 3),
            skin_log_sigma=torch.full(points.shape[:2], float(np.log(0.01))),
        )


class KnowingLifter:
    """A lifter that knows the landmarks of given keypoints but for an error that it states; the root only roughly."""

    def __init__(self, people: Sequence[Person], sigma_m: float, seed: int = 1, root_m: float = 0.15) -> None:
        self.people, self.sigma_m, self.root_m = people, sigma_m, root_m
        self.rng = np.random.default_rng(seed)

    def __call__(self, batch: KeypointBatch) -> LiftedBodies:
        found = []
        for q in batch.q:
            known = [one.view.keypoints.q[0] for one in self.people if one.view.keypoints is not None]
            found.append(self.people[int(torch.stack([(q - other).abs().mean() for other in known]).argmin())])
        count = len(batch)
        landmarks = np.stack([one.landmarks for one in found])
        relative = landmarks - landmarks[:, :1] + self.rng.normal(0, self.sigma_m, (count, 88, 3))
        relative[:, 0] = 0
        root = landmarks[:, 0] * (1 + self.root_m / np.linalg.norm(landmarks[:, 0], axis=1, keepdims=True))

        def tensor(values: np.ndarray) -> Tensor:
            return torch.from_numpy(values.astype(np.float32))

        return LiftedBodies(
            relative=tensor(relative),
            sigma=torch.full((count, 88, 2), self.sigma_m),
            root=tensor(root),
            root_sigma=tensor(np.tile([0.02, self.root_m], (count, 1))),
            rotations=torch.eye(3).repeat(count, 24, 1, 1),
            betas=torch.zeros(count, 10),
            child=torch.zeros(count),
        )


def knowing_estimator(people: Sequence[Person], points_m: float = 0.03, lifter_m: float = 0.04) -> RgbdEstimator:
    """An estimator of such networks; the lifter's errors are independent, unlike a real one's, and
    both state theirs rightly."""
    config = FusionConfig(lifter_redundancy=2.0, network_factor=1.0, lifter_factor=1.0, covariance_factor=1.0)
    points = PointEstimator(KnowingNetwork(people, points_m), BODY, points=POINTS, twice=False)
    return RgbdEstimator(points, RgbEstimator(KnowingLifter(people, lifter_m), keypoint_fit(BODY), BODY), config)
