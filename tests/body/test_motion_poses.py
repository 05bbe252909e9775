"""Random poses from the prior of training clips, walks between them, and bodies that stay on the floor."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from body.errors import BodyError
from body.joints import JOINT_INDEX
from body.motion.clip import MotionClip
from body.motion.floor import floor_correction, flying_frames, grounded_frames
from body.motion.joint_limits import human_limits
from body.motion.library import MotionLibrary
from body.motion.mean_body import mean_body
from body.motion.pose_prior import fit_pose_prior
from body.motion.pose_walk import PEAK_SPEED_RAD_S, planted, pose_walk
from body.motion.retarget import to_parameters
from body.motion.skeleton import joint_transforms
from body.motion.still_joints import with_still_joints_moved


def squats(name="run", frames=61, knee=1.2):
    """Knees and hips bend and stretch, arms hang; the trunk leans a little."""
    bend = knee * (1 - np.cos(np.linspace(0, 4 * np.pi, frames))) / 2
    rotations = np.zeros((frames, 24, 3))
    for side, sign in (("left", -1), ("right", 1)):
        rotations[:, JOINT_INDEX[f"{side}_shoulder"], 2] = sign * 1.1
        rotations[:, JOINT_INDEX[f"{side}_hip"], 0] = -bend
        rotations[:, JOINT_INDEX[f"{side}_knee"], 0] = 2 * bend * 0.9
    rotations[:, 0, 0] = 0.2 * bend
    positions = np.tile([0.0, 0.9, 0.0], (frames, 1))
    return MotionClip(name=name, rate_hz=30.0, rotations=rotations, root_positions=positions, leg_length_m=0.83)


@pytest.fixture(scope="module")
def prior():
    return fit_pose_prior([squats(), squats("jump", knee=0.7)])


def test_random_poses_are_like_the_clips_and_within_limits(prior):
    poses = prior.sample(np.random.default_rng(0), 300)
    assert human_limits().excess(poses).max() < 1e-6
    knees = poses[:, JOINT_INDEX["left_knee"], 0]
    # the clips bend from 0 to 2.16 rad; 2.5 standard deviations of a part of them reach a little further
    assert knees.min() > -0.4
    assert knees.max() < 2.62
    assert knees.std() > 0.4
    up = Rotation.from_rotvec(poses[:, 0]).apply([0.0, 1.0, 0.0])
    assert up[:, 1].min() > 0.9


def test_the_same_clips_give_the_same_prior_and_too_few_frames_are_refused(prior):
    again = fit_pose_prior([squats(), squats("jump", knee=0.7)])
    np.testing.assert_array_equal(prior.means, again.means)
    np.testing.assert_array_equal(prior.spreads, again.spreads)
    with pytest.raises(BodyError, match="needs 16 frames, the clips have 0"):
        fit_pose_prior([])


def test_a_pose_walk_has_its_length_and_the_speed_of_people(prior):
    clip = pose_walk(prior, np.random.default_rng(1), 3.0, 60.0, mean_body())
    assert len(clip) == 181
    turn = Rotation.from_rotvec(clip.rotations[:-1].reshape(-1, 3)).inv() * Rotation.from_rotvec(
        clip.rotations[1:].reshape(-1, 3)
    )
    assert turn.magnitude().max() * 60 < PEAK_SPEED_RAD_S * 1.01
    assert turn.magnitude().max() > 0.01


def test_the_joint_that_bears_keeps_its_place():
    clip, rest = squats(), mean_body().rest_joints()
    positions = planted(clip.rotations, rest)
    joints = joint_transforms(clip.rotations, rest)[1] + positions[:, None]
    assert np.abs(joints[..., 1].min(1)).max() < 1e-9
    lowest = joints[..., 1].argmin(1)
    step = np.diff(joints, axis=0)[np.arange(60), lowest[:-1]][:, [0, 2]]
    # 3 mm a frame is 9 cm/s; unplanted, the feet of these squats move by up to 40 mm a frame
    assert np.linalg.norm(step, axis=1).max() < 0.003


def test_poses_are_for_training_alone():
    library = MotionLibrary.of_clips({"run": squats(), "walk": squats("walk")})
    clip = library.draw(np.random.default_rng(0), "train", 1.0, 30.0, "poses")
    assert clip.description["recipe"] == "poses"
    with pytest.raises(BodyError, match="ask for split 'train'"):
        library.draw(np.random.default_rng(0), "test", 1.0, 30.0, "poses")


def test_a_drawn_body_neither_floats_nor_sinks():
    library = MotionLibrary.of_clips({"run": squats(), "jump": squats("jump", knee=0.7)})
    low = []
    for seed in range(4):
        clip = library.draw(np.random.default_rng(seed), "train", 1.0, 30.0)
        low.append(mean_body().pose(to_parameters(clip, mean_body())).vertices[..., 2].min(1))
    low = np.concatenate(low)
    # 15 mm: the accuracy asked of contact
    assert (np.abs(low) < 0.015).mean() > 0.95
    assert low.min() > -0.002


def column(height, moves=0.0):
    """Two points a metre apart at these heights, the lower one sliding along x."""
    x = moves * np.arange(len(height))
    return np.stack([np.stack([x, 0 * x, height], -1), np.stack([x, 0 * x, height + 1.0], -1)], 1)


def test_a_jump_keeps_its_height_and_a_floating_body_comes_down():
    t = np.arange(61) / 30
    thrown = np.maximum(0.3 - 0.5 * 9.81 * (t - 1.0) ** 2, 0.0)
    flying = flying_frames(column(thrown), np.zeros(61), 30.0)
    np.testing.assert_array_equal(flying, thrown > 0.015)
    lift = floor_correction(column(thrown), 30.0)
    # frames up to 60 mm above the ground still count as standing when they do not slide
    assert (thrown + lift).max() == pytest.approx(0.3, abs=0.035)
    floating = 0.1 * np.sin(np.pi * t / 2) ** 2
    sliding = column(floating, moves=0.05)  # faster than what stands
    assert np.abs(floating + floor_correction(sliding, 30.0)).max() < 0.015


def test_a_tucked_body_that_falls_like_a_jumper_rolls():
    t = np.arange(61) / 30
    thrown = np.maximum(0.3 - 0.5 * 9.81 * (t - 1.0) ** 2, 0.0)
    jumper, roller = column(thrown, moves=0.1), column(thrown, moves=0.1)
    roller[:, 1, 2] = thrown  # both points low, far apart along the floor
    roller[:, 1, 0] += 1.4
    assert not grounded_frames(jumper, 30.0)[30]
    assert grounded_frames(roller, 30.0).all()
    assert np.abs(thrown + floor_correction(roller, 30.0)).max() < 0.015


def test_wrists_that_a_source_never_moves_are_moved_within_limits():
    clip = with_still_joints_moved(squats(), np.random.default_rng(0))
    wrist, knee = JOINT_INDEX["left_wrist"], JOINT_INDEX["left_knee"]
    assert np.ptp(clip.rotations[:, wrist], axis=0).max() > 0.1
    assert human_limits().excess(clip.rotations)[:, wrist].max() < 1e-6
    np.testing.assert_array_equal(clip.rotations[:, knee], squats().rotations[:, knee])
    again = with_still_joints_moved(clip, np.random.default_rng(1))
    np.testing.assert_array_equal(again.rotations, clip.rotations)
