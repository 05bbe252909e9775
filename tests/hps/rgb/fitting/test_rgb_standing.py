"""People who walk over a floor that nobody told of, with the depths that one camera would give them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from lifted_people import the_body

from hps.errors import HpsError
from hps.points.fitting import FitBody
from hps.points.fitting.skin import posed_skin
from hps.points.fitting.state import BodyStates, frames_of
from hps.points.sequence import SmoothBodies
from hps.rgb.fitting.standing import FEET, stand_on_floor
from registration.fit.rotations import exponential

FRAMES = 90
TIME_S = np.arange(FRAMES) / 15


@cache
def the_feet() -> FitBody:
    """More of the skin than other tests of fits need."""
    return FitBody.of(the_body().model, skin_vertices=600)


def clip(jump: float = 0.0) -> tuple[SmoothBodies, np.ndarray, float]:
    """Somebody upright who is carried round on a floor 2.6 m below a camera that looks down; the floor's normal."""
    R = exponential(np.array([0.5 + np.pi, 0.0, 0.0]))  # the body's y up, its z towards the camera
    up, height = R[:, 1], 2.6
    rotations = np.tile(np.eye(3), (FRAMES, 24, 1, 1))
    rotations[:, 0] = R
    swing = 0.5 * np.sin(2 * np.pi * TIME_S)
    for joint, sign in ((1, 1), (2, -1)):
        rotations[:, joint] = exponential(np.stack([sign * swing, 0 * swing, 0 * swing], 1))
    coefficients = np.zeros((FRAMES, the_feet().coefficients))
    way = np.cross(up, [1.0, 0.0, 0.0])
    angle = 2 * np.pi * TIME_S[:, None] / 6
    transl = np.array([0.2, 0.0, 5.0]) + 1.5 * (np.cos(angle) * way + np.sin(angle) * np.array([1.0, 0.0, 0.0]))
    states = BodyStates(rotations=rotations, transl=transl, coefficients=coefficients)
    part = np.asarray(the_feet().model.weights).argmax(1)[the_feet().skin_vertices]
    skin = posed_skin(the_feet(), states, frames_of(states, the_feet().points)).vertices[:, np.isin(part, FEET)]
    transl = transl - ((skin @ up).min(1) + height)[:, None] * up
    in_air = (TIME_S > 0.8) & (TIME_S < 1.2)
    transl = transl + (jump * in_air)[:, None] * up
    covariance = np.tile(np.diag(np.r_[np.full(82, 1e-4), 0.01**2, 0.01**2, 0.2**2]), (FRAMES, 1, 1))
    motion = SmoothBodies(
        rotations=rotations, betas=np.zeros((FRAMES, 10)), child=np.zeros(FRAMES), transl=transl,
        covariance=covariance, person=np.zeros(FRAMES, np.int64), known=np.ones(FRAMES, bool), notes=("",) * FRAMES,
    )  # fmt: skip
    return motion, up, height


def drifting(motion: SmoothBodies, metres: float) -> SmoothBodies:
    ray = motion.transl / np.linalg.norm(motion.transl, axis=1, keepdims=True)
    return replace(motion, transl=motion.transl + metres * np.sin(2 * np.pi * TIME_S / 2.3)[:, None] * ray)


def test_a_floor_that_is_kept_is_found_and_nothing_moves():
    motion, up, height = clip()
    found = stand_on_floor(the_feet(), motion, TIME_S)
    # the prior on the normal, 0.15 rad about a swinging body's mean, pulls by some thousandths
    assert np.degrees(np.arccos(found.up @ up)) < 1
    assert abs(found.offset_m - height) < 0.06
    assert np.abs(found.moved_m).max() < 0.03
    assert found.stands.all()


def test_depths_that_drift_are_brought_back():
    motion, up, _ = clip()
    wrong = drifting(motion, 0.25)
    found = stand_on_floor(the_feet(), wrong, TIME_S)
    before = np.linalg.norm(wrong.transl - motion.transl, axis=1)
    left = found.motion.transl - motion.transl
    assert np.degrees(np.arccos(found.up @ up)) < 4
    # measured 0.6: the floor's distance and its tilt of 1.9° are found from the same wrong depths
    assert np.linalg.norm(left - left.mean(0), axis=1).mean() < 0.75 * before.mean()
    assert np.abs(found.height_m).mean() < 0.01


def test_somebody_in_the_air_is_not_pulled_down():
    motion, up, _ = clip(jump=0.4)
    found = stand_on_floor(the_feet(), motion, TIME_S)
    in_air = (TIME_S > 0.8) & (TIME_S < 1.2)
    assert not found.stands[in_air].any()
    assert found.stands[~in_air].mean() > 0.9
    assert found.height_m[in_air].mean() > 0.3
    assert np.degrees(np.arccos(found.up @ up)) < 2


def test_bodies_keep_their_pictures():
    motion, _, _ = clip()
    wrong = drifting(motion, 0.25)
    found = stand_on_floor(the_feet(), wrong, TIME_S).motion
    pelvis = the_feet().points.joints[0]
    before, after = (one.transl + pelvis for one in (wrong, found))
    # a pixel at a focal length of 1000
    assert np.abs(before[:, :2] / before[:, 2:] - after[:, :2] / after[:, 2:]).max() < 1e-3


def test_too_few_frames_and_several_people_are_refused():
    motion, _, _ = clip()
    few = replace(motion, known=np.arange(FRAMES) < 3)
    with pytest.raises(HpsError, match="3 frames"):
        stand_on_floor(the_feet(), few, TIME_S)
    with pytest.raises(HpsError, match="several people"):
        stand_on_floor(the_feet(), replace(motion, person=(np.arange(FRAMES) >= 30).astype(np.int64)), TIME_S)
