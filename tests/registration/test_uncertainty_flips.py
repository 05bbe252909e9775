"""Bodies with their sides exchanged or turned round are flagged; bodies that only move are not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from simulated_scene import open_body, ring, standing

from body.joints import JOINT_INDEX
from registration.fit.flips import exchanged, turned_round
from registration.fit.landmarks import Landmarks
from registration.fit.rest import RestBody

NAMES = tuple(f"{s}_{n}" for n in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle") for s in ("left", "right"))
FRAMES = 5


@pytest.fixture(scope="module")
def scene() -> Any:
    """Landmarks that lie on the joints, seen by five cameras with a pixel of noise; the last three frames go unseen."""
    model = open_body()
    joints = model.pose(standing(model, FRAMES, np.random.default_rng(1))).joints
    landmarks = Landmarks.of(model, NAMES, RestBody.of(model, 2))
    p = joints[:, landmarks.joint]
    cameras = list(ring(5, 640, 576).values())
    q = np.stack([camera.project(joints[:, [JOINT_INDEX[name] for name in NAMES]]) for camera in cameras], 1)
    q = q + np.random.default_rng(0).normal(0, 1, q.shape)
    keypoints = SimpleNamespace(cameras=cameras, q=q, used=np.ones(q.shape[:-1], bool))
    keypoints.used[3:] = False
    return p, landmarks, keypoints


def test_exchanged_sides_are_flagged(scene) -> None:
    p, landmarks, keypoints = scene
    assert exchanged(p, landmarks, keypoints) == {}
    wrong = p.copy()
    wrong[1] = p[1].reshape(-1, 2, 3)[:, ::-1].reshape(-1, 3)
    wrong[4] = p[4].reshape(-1, 2, 3)[:, ::-1].reshape(-1, 3)  # no camera sees this one
    assert exchanged(wrong, landmarks, keypoints) == {1: ["left and right fit better exchanged"]}


def test_a_body_that_is_off_is_not_exchanged(scene) -> None:
    p, landmarks, keypoints = scene
    assert exchanged(p + [0.05, 0.02, 0.0], landmarks, keypoints) == {}


def test_a_sudden_turn_is_flagged_and_a_spin_is_not() -> None:
    angles = np.deg2rad([0, 23, 46, 226, 249])  # 700° a second, and half a turn in between
    pelvis = Rotation.from_rotvec(angles[:, None] * [0.0, 0, 1]).as_matrix()
    times = np.array([0, 33333, 66667, 100000, 133333])
    assert turned_round(pelvis, times) == {3: ["turned by 180° since the last instant"]}
    late = times + np.array([0, 0, 0, 100000, 100000])  # instants were missing in between
    assert turned_round(pelvis, late) == {}
    assert turned_round(pelvis[:1], times[:1]) == {}
