from __future__ import annotations

import numpy as np
import pytest
from simulated_scene import open_body, standing

from body.joints import JOINT_INDEX
from geometry.cloud import PointCloud
from registration.fit.matching import Ring
from registration.fit.posing import PosedClip
from registration.fit.rest import RestBody
from registration.fit.sampling import points_by_part
from registration.fit.state import FitState

STEP_US = 33_333


@pytest.fixture(scope="module")
def walking():
    """A body that slides along x at 3 m/s, and clouds of its vertices measured 2 ms late."""
    model = open_body()
    state = FitState.from_parameters(standing(model, 3, np.random.default_rng(0)))
    state = state.stepped(
        np.concatenate([np.zeros((3, 72)), 0.1 * np.arange(3)[:, None] * [[1.0, 0, 0]]], 1), np.zeros(16)
    )
    rest = RestBody.of(model, 16)
    body, times = PosedClip(state, rest), np.arange(3) * STEP_US
    velocity = np.gradient(body.vertices, times * 1e-6, axis=0)
    clouds = [
        PointCloud(
            points=body.vertices[t] + 2e-3 * velocity[t], normals=body.normals[t],
            sigma=np.full(len(rest.template), 1e-3), time_us=np.full(len(rest.template), times[t] + 2000),
        )
        for t in range(3)
    ]  # fmt: skip
    return body, times, clouds, Ring.of(rest.faces, len(rest.template))


def test_feet_get_more_than_their_share(walking):
    body, times, clouds, ring = walking
    feet = np.isin(body.model.carriers[:, 0], [JOINT_INDEX["left_foot"], JOINT_INDEX["right_foot"]])
    seen = ~feet | (np.arange(len(feet)) % 8 == 0)
    some = points_by_part([c[seen] for c in clouds], 800, body, ring, np.random.default_rng(0), times)
    near = np.linalg.norm(some.points[0][:, None] - body.vertices[0][feet], axis=-1).min(1) < 1e-3
    assert some.weight.sum() == 3 * 800
    assert near.mean() > 1.5 * (feet & seen).sum() / seen.sum()
    assert len(np.unique(some.points[0], axis=0)) == 800


def test_points_move_to_the_frame_they_belong_to(walking):
    body, times, clouds, ring = walking
    for given, least, most in ((times, 0.0, 2e-4), (None, 4e-3, 2e-2)):
        some = points_by_part(clouds, 800, body, ring, np.random.default_rng(0), given)
        off = np.linalg.norm(some.points[1][:, None] - body.vertices[1], axis=-1).min(1)
        # matched to the nearest triangle some millimetres away, whose velocity is nearly the point's own
        assert least <= np.median(off) < most


def test_few_points_are_all_taken(walking):
    body, times, clouds, ring = walking
    few = [clouds[0][:50], None, clouds[2]]
    some = points_by_part(few, 800, body, ring, np.random.default_rng(0), times)
    assert some.weight.sum(1).tolist() == [50, 0, 800]
