"""One person before a moving camera, as plain numbers, and files of it written by hand from the formats' own tables."""

from __future__ import annotations

import pickle
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from scipy.spatial.transform import Rotation

from body.loading import load_body_model
from body.parameters import BodyParameters

FRAMES = 4
PIXELS = 1e-9
"""What a projection in float64 may differ by: 1e-16 relative of 2000 pixels, a few operations."""


@lru_cache(maxsize=2)
def person(seed: int = 0) -> SimpleNamespace:
    """SMPL-format parameters in a world, its camera, joints in both frames and their pixels."""
    rng = np.random.default_rng(seed)
    p = BodyParameters(
        betas=rng.normal(size=10),
        global_orient=Rotation.random(FRAMES, random_state=seed).as_rotvec(),
        body_pose=0.2 * rng.normal(size=(FRAMES, 69)),
        transl=rng.normal(size=(FRAMES, 3)),
    )
    joints = load_body_model().pose(p).joints
    Ts = np.tile(np.eye(4), (FRAMES, 1, 1))
    Ts[:, :3, :3] = Rotation.random(FRAMES, random_state=seed + 1).as_matrix()
    Ts[:, :3, 3] = [0.1, -0.2, 4.0] - np.einsum("fij,fj->fi", Ts[:, :3, :3], joints[:, 0])
    K = np.array([[1000.0, 0, 960], [0, 1010.0, 540], [0, 0, 1]])
    seen = in_camera(joints, Ts)
    return SimpleNamespace(parameters=p, joints=joints, Ts=Ts, K=K, in_camera=seen, q=projected(K, seen))


def in_camera(points: np.ndarray, Ts: np.ndarray) -> np.ndarray:
    """Points of each frame, moved by its T_camera_world."""
    return np.einsum("fij,fnj->fni", Ts[:, :3, :3], points) + Ts[:, None, :3, 3]


def projected(K: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Pixels of points in a camera's frame."""
    q = np.einsum("...ij,...nj->...ni", K, points)
    return q[..., :2] / q[..., 2:]


def reprojected(annotations) -> np.ndarray:
    """The joints of a read person in its pictures, whatever frame they are in."""
    points = annotations.joints
    if annotations.frame == "world":
        points = in_camera(points, annotations.Ts_camera_world)
    return projected(annotations.K, points)


def dumped(path: Path, content: object, protocol: int = 2) -> Path:
    """A pickle as Python itself writes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    return path


def three_dpw(people: list[SimpleNamespace]) -> dict:
    """A sequence of 3DPW: its joints that COCO names lie on SMPL's."""
    places = [15, 12, 17, 19, 21, 16, 18, 20, 2, 5, 8, 1, 4, 7, 15, 15, 15, 15]
    points = [np.concatenate([p.q[:, places], np.ones((FRAMES, 18, 1))], 2).transpose(0, 2, 1) for p in people]
    points[0] = points[0] * np.array([0, 1, 1, 1])[:, None, None]
    return {
        "sequence": "downtown_cafe_00",
        "poses": [np.concatenate([p.parameters.global_orient, p.parameters.body_pose], 1) for p in people],
        "betas": [np.concatenate([p.parameters.betas, np.zeros(290)]) for p in people],
        "trans": [p.parameters.transl for p in people],
        "jointPositions": [p.joints.reshape(FRAMES, 72) for p in people],
        "poses2d": points,
        "cam_poses": people[0].Ts,
        "cam_intrinsics": people[0].K,
        "campose_valid": [np.array([1, 1, 0, 1]) for _ in people],
        "genders": ["m", "f"][: len(people)],
        "img_frame_ids": np.array([0, 2, 4, 6]),
        "texture_maps": [np.zeros((2, 2, 3), np.uint8) for _ in people],
    }


def emdb(p: SimpleNamespace) -> dict:
    """A sequence of EMDB."""
    low, high = p.q.min(1), p.q.max(1)
    return {
        "gender": "female",
        "name": "P5_40_indoor_walk_big_circle",
        "emdb1": True,
        "emdb2": False,
        "n_frames": FRAMES,
        "good_frames_mask": np.array([True, True, False, True]),
        "camera": {"intrinsics": p.K, "extrinsics": p.Ts, "width": 1920, "height": 1080},
        "smpl": {
            "poses_root": p.parameters.global_orient,
            "poses_body": p.parameters.body_pose,
            "trans": p.parameters.transl,
            "betas": p.parameters.betas,
        },
        "kp2d": p.q,
        "bboxes": {"bboxes": np.concatenate([low, high], 1), "invalid_idxs": np.array([2])},
    }


@lru_cache(maxsize=2)
def before_camera(seed: int = 0) -> SimpleNamespace:
    """A person whose parameters are in the camera's own frame, its joints and their pixels."""
    rng = np.random.default_rng(seed)
    pose = 0.2 * rng.normal(size=(FRAMES, 69))
    pose[:, 63:] = 0
    p = BodyParameters(
        betas=rng.normal(size=10),
        global_orient=Rotation.random(FRAMES, random_state=seed).as_rotvec(),
        body_pose=pose,
        transl=np.array([0.1, 0.2, 4.0]) + 0.1 * rng.normal(size=(FRAMES, 3)),
    )
    joints = load_body_model().pose(p).joints
    K = np.array([[1158.0337, 0, 960], [0, 1158.0337, 540], [0, 0, 1]])
    q = projected(K, joints)
    low, high = q.min(1), q.max(1)
    boxes = np.concatenate([low, high - low], 1)
    return SimpleNamespace(parameters=p, joints=joints, K=np.repeat(K[None], FRAMES, 0), q=q, boxes=boxes)


def posed(annotations) -> np.ndarray:
    """The joints of a read person's parameters, in the frame that they are in."""
    pose = annotations.body_pose
    p = BodyParameters(
        betas=annotations.betas[0, :10],
        global_orient=annotations.global_orient,
        body_pose=np.concatenate([pose, np.zeros((len(pose), 69 - pose.shape[1]))], 1),
        transl=annotations.transl,
    )
    return load_body_model().pose(p).joints
