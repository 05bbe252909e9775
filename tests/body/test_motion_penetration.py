"""Limbs that go through the body are found and turned out of it, and those that only hang are left alone."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import KDTree

from body.joints import JOINT_INDEX
from body.loading import OPEN_BODY, read_body_model
from body.motion.clip import MotionClip
from body.motion.joint_limits import human_limits
from body.motion.library import MotionLibrary
from body.motion.posed_skin import posed_skin
from body.motion.retarget import to_parameters
from body.motion.self_penetration import PenetrationCheck
from body.motion.skeleton import joint_transforms
from body.motion.skin_depth import REACH_M, Balls, deepest_point


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


def test_depth_under_the_skin_is_known(model):
    skin = posed_skin(model)
    points, normals = skin.at(*joint_transforms(np.zeros((1, 24, 3)), model.rest_joints()))
    thigh = np.repeat(skin.parts, np.diff(skin.starts)) == JOINT_INDEX["left_hip"]
    thigh = np.flatnonzero(thigh & ~skin.borders.any(1))[::9]
    nowhere = np.zeros(len(skin.points), bool)
    for depth_m in (0.005, 0.02, -0.02):
        p = points[0, thigh] - depth_m * normals[0, thigh]
        still, outward = (np.repeat(a, len(p), 0) for a in (points, normals))
        balls = Balls.around(still, skin.starts)
        found, _, _ = deepest_point(p[:, None], still, outward, skin.starts, skin.parts >= 0, nowhere, balls)
        # a curved surface is nearer elsewhere; never farther than the way straight out, to the sagitta of a gap
        assert found.max() < max(depth_m, 0) + 2e-3
        assert np.median(found) == pytest.approx(max(depth_m, 0), abs=1.5e-3)


def test_the_thinned_skin_moves_as_the_body_does(model):
    skin = posed_skin(model)
    poses = human_limits().sample(np.random.default_rng(1), 3)
    points, normals = skin.at(*joint_transforms(poses, skin.joints))
    clip = replace(clip_of(poses), root_positions=np.zeros((3, 3)))
    body = model.pose(to_parameters(clip, model, floor="none", place="start"))
    vertices = body.vertices - body.joints[:, :1]
    upright = points[..., [0, 2, 1]] * [1, -1, 1]
    distance = KDTree(vertices[0]).query(upright[0])[0]
    # four joints move each point, and the correctives are of single precision
    assert distance.max() < 1e-3
    np.testing.assert_allclose(np.linalg.norm(normals, axis=-1), 1.0, atol=1e-9)


def test_the_fast_search_finds_what_a_full_one_finds(model):
    skin, rng = posed_skin(model), np.random.default_rng(0)
    poses = human_limits().sample(rng, 5, share=1.0)
    points, normals = skin.at(*joint_transforms(poses, skin.joints))
    allowed, rim = rng.random(len(skin.parts)) < 0.6, rng.random(len(skin.points)) < 0.1
    p = points[:, ::40] + rng.normal(scale=0.03, size=points[:, ::40].shape)
    depth, which, at = deepest_point(p, points, normals, skin.starts, allowed, rim, Balls.around(points, skin.starts))
    there = np.repeat(allowed, np.diff(skin.starts))
    for f in range(5):
        distance = np.where(there, np.linalg.norm(p[f, :, None] - points[f], axis=-1), np.inf)
        nearest = distance.argmin(1)
        height = ((p[f] - points[f, nearest]) * normals[f, nearest]).sum(1)
        under = np.where(rim[nearest] | (distance.min(1) >= REACH_M), 0, np.clip(-height, 0, distance.min(1)))
        assert depth[f] == pytest.approx(under.max(), abs=1e-12)
        assert depth[f] > 0
        assert (which[f], at[f]) == (under.argmax(), nearest[under.argmax()])


def test_a_hand_deep_in_the_hip_is_found_and_taken_out(check):
    """Where pelvis and thigh meet, neither of them alone knows what is inside."""
    rotations = hanging(31, angle=1.45)
    for sign, side in ((-1, "left"), (1, "right")):
        rotations[:, JOINT_INDEX[f"{side}_shoulder"], 2] += sign * 0.16 * np.sin(np.linspace(0, np.pi, 31))
    mended, report = check.repaired(clip_of(rotations))
    assert report.before_m.max() > 0.03
    assert report.after_m.max() == 0
    assert mended.description["penetrating"] == 0


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
    assert step < 0.065


def test_a_clip_without_penetration_stays_as_it_is(check):
    clip = clip_of(hanging(10))
    mended, report = check.repaired(clip)
    np.testing.assert_array_equal(mended.rotations, clip.rotations)
    assert report.remaining == 0


@pytest.mark.slow
def test_drawn_motions_do_not_penetrate(check):
    clips = {"run": clip_of(arm_through_the_belly(61), name="run"), "jump": clip_of(legs_across(61), name="jump")}
    library = MotionLibrary.of_clips(clips)
    for seed in range(4):
        clip = library.draw(np.random.default_rng(seed), "train", 1.0, 30.0)
        assert check.depth(clip.rotations).max() == 0
        assert clip.description["penetrating"] == 0
