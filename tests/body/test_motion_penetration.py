"""Limbs that go through the body are found and turned out of it, and those that only hang are left alone."""

import numpy as np
import pytest

from body.joints import JOINT_INDEX
from body.loading import OPEN_BODY, read_body_model
from body.motion.body_parts import body_parts
from body.motion.clip import MotionClip
from body.motion.joint_limits import human_limits
from body.motion.library import MotionLibrary
from body.motion.self_penetration import PenetrationCheck


@pytest.fixture(scope="module")
def model():
    return read_body_model(OPEN_BODY)


@pytest.fixture(scope="module")
def check(model):
    return PenetrationCheck(model)


def clip_of(rotations, rate_hz=30.0, name="pose"):
    positions = np.tile([0.0, 0.9, 0.0], (len(rotations), 1))
    return MotionClip(name=name, rate_hz=rate_hz, rotations=rotations, root_positions=positions, leg_length_m=0.83)


def hanging(frames, angle=1.25):
    """Arms that hang beside the body."""
    rotations = np.zeros((frames, 24, 3))
    rotations[:, JOINT_INDEX["left_shoulder"], 2] = -angle
    rotations[:, JOINT_INDEX["right_shoulder"], 2] = angle
    return rotations


def arm_through_the_belly(frames=31):
    """An arm that swings into the trunk in the middle of the clip, and out again."""
    rotations = hanging(frames)
    rotations[:, JOINT_INDEX["left_shoulder"], 2] -= 0.5 * np.sin(np.linspace(0, np.pi, frames))
    return rotations


def legs_across(frames=21):
    """Both thighs turned into each other."""
    rotations = np.zeros((frames, 24, 3))
    rotations[:, JOINT_INDEX["left_hip"], 2] = -0.25
    rotations[:, JOINT_INDEX["right_hip"], 2] = 0.25
    return rotations


def test_rest_poses_do_not_penetrate(check):
    assert check.depth(np.zeros((1, 24, 3))).max() == 0
    assert check.depth(hanging(1)).max() == 0


def test_depth_under_the_skin_of_a_part_is_known(model):
    thigh = body_parts(model)[JOINT_INDEX["left_hip"]]
    inner = np.flatnonzero(~thigh.rim)[::25]
    for depth_m in (0.005, 0.02):
        found, _ = thigh.depth(thigh.points[inner] - depth_m * thigh.normals[inner])
        # a curved surface is nearer elsewhere; never farther than the way straight out, to the sagitta of an edge
        assert found.max() < depth_m + 1e-3
        assert np.median(found) == pytest.approx(depth_m, abs=1e-3)
    outside, _ = thigh.depth(thigh.points[inner] + 0.02 * thigh.normals[inner])
    assert np.median(outside) == 0


@pytest.mark.parametrize("make", [arm_through_the_belly, legs_across])
def test_limbs_are_turned_out_of_the_body(check, make):
    clip = clip_of(make())
    mended, report = check.repaired(clip)
    assert report.before_m.max() > 0.01
    assert report.after_m.max() == 0
    assert check.depth(mended.rotations).max() == 0
    assert mended.description["penetrating"] == 0
    assert human_limits().excess(mended.rotations).max() < 1e-6


def test_a_mended_limb_moves_without_a_jerk(check):
    clip = clip_of(arm_through_the_belly(61), rate_hz=60.0)
    mended, _ = check.repaired(clip)
    step = np.abs(np.diff(mended.rotations, axis=0)).max()
    # the swing itself turns by 0.026 rad a frame; a jump out of the belly would be about 0.4
    assert step < 0.06


def test_a_clip_without_penetration_stays_as_it_is(check):
    clip = clip_of(hanging(10))
    mended, report = check.repaired(clip)
    np.testing.assert_array_equal(mended.rotations, clip.rotations)
    assert report.remaining == 0


def test_drawn_motions_do_not_penetrate(check):
    clips = {"run": clip_of(arm_through_the_belly(61), name="run"), "jump": clip_of(legs_across(61), name="jump")}
    library = MotionLibrary.of_clips(clips)
    for seed in range(4):
        clip = library.draw(np.random.default_rng(seed), "train", 1.0, 30.0)
        assert check.depth(clip.rotations).max() == 0
        assert clip.description["penetrating"] == 0
