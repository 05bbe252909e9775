from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from simulated_scene import open_body, standing

from registration.fit.clip import fit_clip
from registration.fit.clip_keypoints import ClipKeypoints
from registration.fit.config import FitConfig
from registration.fit.energy import Energy
from registration.fit.facing import GAIN, facing
from registration.fit.landmarks import Landmarks
from registration.fit.rest import RestBody
from registration.fit.state import FitState
from registration.fit.swaps import EXCHANGED, exchanged
from registration.keypoints.sets import BLAZEPOSE_NAMES

CONFIG = FitConfig(betas=10)
FRAMES = 6


@pytest.fixture(scope="module")
def scene():
    model = open_body()
    parameters = standing(model, FRAMES, np.random.default_rng(1), betas=0.5)
    landmarks = Landmarks.of(model, BLAZEPOSE_NAMES, RestBody.of(model, model.shape_count))
    state = replace(FitState.from_parameters(parameters), offsets=landmarks.offset_m)
    p = np.full((FRAMES, len(BLAZEPOSE_NAMES), 3), np.nan)
    p[:, landmarks.index] = landmarks.positions(state)
    none = np.zeros((FRAMES, 0, p.shape[1]))
    keypoints = ClipKeypoints(
        names=BLAZEPOSE_NAMES, cameras=[], p_world=p, sigma=np.full(p.shape[:2], 0.003), q=np.zeros((*none.shape, 2)),
        confidence=none, used=none.astype(bool), time_us=np.arange(FRAMES) * 33_333, instants=np.arange(FRAMES),
    )  # fmt: skip
    return model, keypoints, parameters


def test_both_ways_are_compared(scene):
    model, keypoints, _ = scene
    wrong = exchanged(keypoints, np.ones(FRAMES, bool))
    right, other = (facing(Energy(model, k, CONFIG), k) for k in (keypoints, wrong))
    assert right is not None
    assert not right.wrong
    assert right.exchanged > right.labelled + GAIN
    assert other is not None
    assert other.wrong


def test_a_clip_that_is_labelled_the_wrong_way_round_is_turned_and_flagged(scene):
    model, keypoints, parameters = scene
    fit = fit_clip(model, exchanged(keypoints, np.ones(FRAMES, bool)), None, CONFIG)
    found, true = (Rotation.from_rotvec(p.global_orient) for p in (fit.track.parameters, parameters))
    assert np.rad2deg((found * true.inv()).magnitude()).max() < 10  # a body that is turned round is 180 off
    assert all(EXCHANGED in flag for flag in fit.track.flags.tolist())
    assert not any(EXCHANGED in flag for flag in fit_clip(model, keypoints, None, CONFIG).track.flags.tolist())


def test_without_a_trunk_nothing_is_said(scene):
    model, keypoints, _ = scene
    p = keypoints.p_world.copy()
    p[:, list(keypoints.names).index("left_hip")] = np.nan
    assert facing(Energy(model, keypoints, CONFIG), replace(keypoints, p_world=p)) is None
