from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from simulated_scene import open_body, standing

from body.joints import JOINT_INDEX
from registration.fit.landmarks import Landmarks
from registration.fit.lost_limbs import FOUND_M, LIMBS, with_limbs_found
from registration.fit.rest import RestBody
from registration.fit.state import FitState
from registration.keypoints.sets import BLAZEPOSE_NAMES

FRAMES, LOST = 9, 5


@pytest.fixture(scope="module")
def scene():
    model = open_body()
    landmarks = Landmarks.of(model, BLAZEPOSE_NAMES, RestBody.of(model, model.shape_count))
    parameters = standing(model, FRAMES, np.random.default_rng(1), betas=0.5)
    state = replace(FitState.from_parameters(parameters), offsets=landmarks.offset_m)
    return landmarks, state, landmarks.positions(state)


def _turned_away(state: FitState, frames: list[int]) -> FitState:
    """The left arm on the other side of its shoulder."""
    rotations = state.rotations.copy()
    for frame in frames:
        rotations[frame, JOINT_INDEX["left_shoulder"]] = np.diag([-1.0, 1.0, -1.0])
    return replace(state, rotations=rotations)


def test_a_lost_arm_starts_again_as_in_the_nearest_right_frame(scene):
    landmarks, state, p = scene
    wrong = _turned_away(state, [LOST])
    wrist = list(landmarks.names).index("left_wrist")
    assert np.linalg.norm(landmarks.positions(wrong)[LOST, wrist] - p[LOST, wrist]) > 0.3
    found, changed = with_limbs_found(wrong, landmarks, p)
    assert changed.tolist() == [frame == LOST for frame in range(FRAMES)]
    arm = [JOINT_INDEX[f"left_{name}"] for name in LIMBS["elbow", "wrist"]]
    np.testing.assert_array_equal(found.rotations[LOST, arm], state.rotations[LOST - 1, arm])
    assert np.linalg.norm(landmarks.positions(found)[LOST, wrist] - p[LOST, wrist]) < FOUND_M
    others = np.setdiff1d(np.arange(24), arm)
    np.testing.assert_array_equal(found.rotations[:, others], state.rotations[:, others])


def test_what_is_right_unseen_or_right_nowhere_stays(scene):
    landmarks, state, p = scene
    assert not with_limbs_found(state, landmarks, p)[1].any()
    assert not with_limbs_found(_turned_away(state, list(range(FRAMES))), landmarks, p)[1].any()
    unseen = p.copy()
    unseen[LOST, [list(landmarks.names).index(f"left_{name}") for name in ("elbow", "wrist")]] = np.nan
    assert not with_limbs_found(_turned_away(state, [LOST]), landmarks, unseen)[1].any()
