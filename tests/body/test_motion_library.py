"""The motion library: mirrored, retimed, blended and recombined clips, human limits, and draws by split."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from body.errors import BodyError
from body.joints import JOINT_INDEX, MIRROR
from body.loading import OPEN_BODY, read_body_model
from body.motion.alignment import on_common_skeleton
from body.motion.blend import cross_fade, mixed
from body.motion.clip import MotionClip
from body.motion.joint_limits import human_limits
from body.motion.library import MotionLibrary
from body.motion.mirror import mirrored
from body.motion.on_the_spot import room_m
from body.motion.recombine import PARTS, recombined
from body.motion.retarget import to_parameters
from body.motion.retiming import change_speed, random_pace, warp_time
from body.motion.skeleton import joint_transforms
from body.motion.splits import SPLIT_OF, split_of

LEFT_HIP, RIGHT_HIP, NECK = (JOINT_INDEX[n] for n in ("left_hip", "right_hip", "neck"))


@pytest.fixture(scope="module")
def model():
    return read_body_model(OPEN_BODY)


def walker(name="step", seconds=2.0, rate_hz=30.0, speed=1.0, turn=0.0, seed=0, leg=0.82):
    """Legs swing, arms hang and sway, the body moves ahead and turns."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * rate_hz) + 1) / rate_hz
    rotations = 0.05 * rng.normal(size=(24, 3)) * np.sin(2 * np.pi * t)[:, None, None]
    rotations[:, LEFT_HIP, 0] = 0.4 * np.sin(2 * np.pi * t)
    rotations[:, RIGHT_HIP, 0] = -0.4 * np.sin(2 * np.pi * t)
    rotations[:, JOINT_INDEX["left_shoulder"], 2] = -1.1
    rotations[:, JOINT_INDEX["right_shoulder"], 2] = 1.1
    rotations[:, 0] = turn * t[:, None] * [0, 1, 0]
    heading = turn * t
    step = speed / rate_hz * np.stack([np.sin(heading), 0 * t, np.cos(heading)], 1)
    positions = np.cumsum(step, 0) + [0, 0.9, 0]
    return MotionClip(
        name=name, rate_hz=rate_hz, rotations=rotations, root_positions=positions, leg_length_m=leg, licence=f"l{leg}"
    )


def library():
    names = ("walk", "spinkick", "run", "jump", "punch", "kick")
    clips = {n: walker(n, seconds=1.5 + 0.3 * i, turn=0.4 * i, seed=i) for i, n in enumerate(names)}
    return MotionLibrary.of_clips(clips)


def test_a_mirrored_body_is_the_mirror_image(model):
    clip = walker(turn=0.5)
    parameters = to_parameters(clip, model, place="start", floor="none")
    reflected = to_parameters(mirrored(clip), model, place="start", floor="none")
    a, b = model.pose(parameters).joints, model.pose(reflected).joints
    image = b[:, list(MIRROR)] * [-1, 1, 1]
    # the open body is symmetric to 0.1 mm
    np.testing.assert_allclose(a, image, atol=2e-4)


def test_mirroring_twice_changes_nothing():
    clip = walker(turn=0.5)
    twice = mirrored(mirrored(clip))
    np.testing.assert_array_equal(twice.rotations, clip.rotations)
    np.testing.assert_array_equal(twice.root_positions, clip.root_positions)
    assert mirrored(clip).description["mirrored"]
    assert not twice.description["mirrored"]


def test_speed_changes_duration_only():
    fast = change_speed(walker(), 1.25)
    assert fast.seconds == pytest.approx(2.0 / 1.25)
    assert change_speed(fast, 0.8).description["speed"] == pytest.approx(1.0)
    with pytest.raises(BodyError, match="factor above 0"):
        change_speed(walker(), 0.0)


def test_a_warp_shows_the_asked_times_and_never_goes_back():
    clip = walker(rate_hz=100.0)
    new, old = np.array([0.0, 1.0, 2.0]), np.array([0.0, 0.5, 2.0])
    warped = warp_time(clip, new, old)
    np.testing.assert_allclose(warped.root_positions[[0, 100, 200]], clip.root_positions[[0, 50, 200]], atol=1e-9)
    assert (np.diff(warped.root_positions[:, 2]) > 0).all()
    pace, shown = random_pace(np.random.default_rng(0), 2.0, 0.3)
    assert pace[-1] == pytest.approx(2.0)
    assert shown[-1] == pytest.approx(2.0)
    assert (np.diff(pace) > 0).all()
    with pytest.raises(BodyError, match="lengthen it"):
        warp_time(clip, new, old * 2)
    with pytest.raises(BodyError, match="start at 0 and increase"):
        warp_time(clip, new[::-1], old)


def test_a_cross_fade_has_both_ends_and_no_jump():
    first, second = walker("a", turn=0.8), walker("b", turn=-0.3, seed=3, leg=0.9)
    clip = cross_fade(first, second, 0.5)
    assert len(clip) == len(first) + len(second) - 16
    np.testing.assert_allclose(clip.rotations[:45], first.rotations[:45], atol=1e-9)
    np.testing.assert_allclose(clip.rotations[-40:, 1:], second.rotations[-40:, 1:], atol=1e-9)
    steps = np.linalg.norm(np.diff(clip.root_positions, axis=0), axis=1)
    # both walk at 1 m/s, the second one scaled by its legs; a jump would be decimetres
    assert steps.max() < 1.35 / 30
    turned = Rotation.from_rotvec(clip.rotations[:, 0])
    assert (turned[1:] * turned[:-1].inv()).magnitude().max() < 0.8 / 30 + 0.03
    assert clip.licence == "l0.82; l0.9"
    heading = Rotation.from_rotvec(clip.rotations[-1, 0]).apply([0, 0, 1])
    ahead = clip.root_positions[-1] - clip.root_positions[-2]
    assert heading @ ahead / np.linalg.norm(ahead) > 0.99  # still walks where it looks


def test_a_cross_fade_longer_than_a_clip_is_refused():
    with pytest.raises(BodyError, match="give a time that both have"):
        cross_fade(walker(), walker(seconds=0.2), 0.5)
    with pytest.raises(BodyError, match="resample one"):
        cross_fade(walker(), walker(rate_hz=60.0), 0.5)


def test_a_mix_runs_from_one_clip_to_the_other():
    first, second = walker(), walker(seconds=1.0, seed=2)
    np.testing.assert_allclose(mixed(first, second, 0.0).rotations, first.rotations, atol=1e-9)
    whole = mixed(first, second, 1.0)
    np.testing.assert_allclose(whole.rotations[::2], second.rotations, atol=1e-6)
    half = mixed(first, first, 0.5)
    np.testing.assert_allclose(half.root_positions, on_common_skeleton(first).root_positions, atol=1e-9)
    with pytest.raises(BodyError, match="from 0 to 1"):
        mixed(first, second, 1.5)


def test_limbs_come_from_the_donor_and_legs_from_the_base():
    base, donor = walker(seed=1), walker(seconds=3.0, seed=2)
    clip = recombined(base, donor, "left_arm", start_frame=10)
    arm = list(PARTS["left_arm"])
    rest = [j for j in range(24) if j not in arm]
    np.testing.assert_array_equal(clip.rotations[:, arm], donor.rotations[10 : 10 + len(base)][:, arm])
    np.testing.assert_array_equal(clip.rotations[:, rest], base.rotations[:, rest])
    assert {LEFT_HIP, RIGHT_HIP, 0}.isdisjoint(PARTS["upper"])
    assert NECK in PARTS["upper"]
    with pytest.raises(BodyError, match="the parts are: upper"):
        recombined(base, donor, "tail")
    with pytest.raises(BodyError, match="lengthen it first"):
        recombined(donor, base, "upper")


def test_twist_and_swing_make_the_rotation_again():
    rotations = Rotation.random(24 * 50, rng=np.random.default_rng(0)).as_rotvec().reshape(50, 24, 3)
    limits = human_limits()
    again = limits.rotations(limits.components(rotations))
    difference = Rotation.from_rotvec(rotations.reshape(-1, 3)).inv() * Rotation.from_rotvec(again.reshape(-1, 3))
    assert difference.magnitude().max() < 1e-6


def test_clamping_ends_within_the_limits_and_leaves_the_rest():
    limits = human_limits()
    wild = Rotation.random(24 * 50, rng=np.random.default_rng(1)).as_rotvec().reshape(50, 24, 3)
    tame = limits.clamped(wild)
    assert limits.excess(tame).max() < 1e-6 < limits.excess(wild).max()
    np.testing.assert_array_equal(tame[:, 0], wild[:, 0])
    inside = limits.sample(np.random.default_rng(2), 50)
    assert limits.excess(inside).max() < 1e-9
    np.testing.assert_allclose(limits.clamped(inside), inside, atol=1e-9)


def test_limits_mirror():
    limits = human_limits()
    poses = limits.sample(np.random.default_rng(3), 200, share=1.0)
    assert limits.excess(poses[:, list(MIRROR)] * [1, -1, -1]).max() < 1e-9


@pytest.mark.parametrize(
    ("joint", "rotation", "allowed"),
    [
        ("left_knee", (2.3, 0, 0), True),  # 132 degrees of flexion
        ("left_knee", (-0.4, 0, 0), False),  # bent forwards
        ("right_elbow", (0, 2.4, 0), True),
        ("right_elbow", (0, -0.4, 0), False),
        ("left_shoulder", (0, 0, -1.6), True),  # hanging arm
        ("left_shoulder", (0, 0, 1.55), True),  # straight up
        ("left_shoulder", (0, 1.4, 0), False),  # straight back
        ("left_hip", (-2.1, 0, 0), True),  # knee to the chest
        ("left_hip", (1.2, 0, 0), False),
        ("left_ankle", (-0.4, 0, 0), True),
        ("left_ankle", (-1.0, 0, 0), False),  # toes to the shin
        ("head", (0, 1.2, 0), False),
    ],
)
def test_known_angles_are_on_the_right_side_of_the_limits(joint, rotation, allowed):
    pose = np.zeros((1, 24, 3))
    pose[0, JOINT_INDEX[joint]] = rotation
    assert (human_limits().excess(pose).max() == 0) == allowed


def test_numpy_kinematics_agree_with_the_body(model):
    clip = walker(turn=0.3)
    _, joints = joint_transforms(clip.rotations, model.rest_joints())
    upright = to_parameters(clip, model, floor="none")
    posed = model.pose(upright).joints
    posed = posed - posed[:, :1]
    np.testing.assert_allclose(joints @ np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0.0]]), posed, atol=1e-6)


def test_every_split_has_clips_and_no_clip_two_splits():
    assert set(SPLIT_OF.values()) == {"train", "validation", "test"}
    assert split_of("walk") == "test"
    assert split_of("something of the user") == "train"


@pytest.mark.parametrize("recipe", ["clip", "sequence", "limbs"])
@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_draws_have_the_asked_length_and_stay_in_their_split(recipe, split):
    lib, rng = library(), np.random.default_rng(5)
    clip = lib.draw(rng, split, 2.5, 25.0, recipe)
    assert len(clip) == round(2.5 * 25.0) + 1
    assert clip.rate_hz == pytest.approx(25.0)
    said = json.dumps(clip.description)
    for name in lib:
        if split_of(name) != split:
            assert f'"{name}"' not in said
    assert clip.description["recipe"] == recipe
    assert clip.description["split"] == split


def test_draws_repeat_with_their_seed_and_differ_without():
    lib = library()
    first, again, other = (lib.draw(np.random.default_rng(s), "train", 2.0, 30.0) for s in (1, 1, 2))
    np.testing.assert_array_equal(first.rotations, again.rotations)
    assert first.description == again.description != other.description


@pytest.mark.slow
def test_motions_for_people_side_by_side_stay_on_their_spot(model):
    lib = library()
    for seed in range(4):
        clip = lib.draw(np.random.default_rng(seed), "train", 2.0, 30.0, "limbs", within_m=0.75)
        joints = model.pose(to_parameters(clip, model)).joints
        # repairs turn limbs after the room was measured
        assert np.linalg.norm(joints[..., :2], axis=-1).max() < 0.75 + 0.05
        assert room_m(clip, model) == pytest.approx(np.linalg.norm(joints[..., :2], axis=-1).max(), abs=1e-6)
        assert clip.description["on_the_spot"]
    free = lib.draw(np.random.default_rng(0), "train", 2.0, 30.0, "limbs")
    assert room_m(free, model) > 0.9  # two metres of walking
    with pytest.raises(BodyError, match=r"needs 0.*give more room"):
        lib.draw(np.random.default_rng(0), "train", 2.0, 30.0, "clip", within_m=0.2)


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_no_frame_of_a_held_out_clip_is_in_a_draw(split, monkeypatch):
    """Clips of other splits are not even read, by any recipe."""
    lib, read = library(), set()
    whole = MotionLibrary.clip
    monkeypatch.setattr(MotionLibrary, "clip", lambda self, name: (read.add(name), whole(self, name))[1])
    for seed in range(12):
        lib.draw(np.random.default_rng(seed), split, 1.0, 30.0)
    assert read == {name for name in lib if split_of(name) == split}


def test_made_motions_stay_within_human_limits():
    lib = library()
    broken = replace(lib.clip("run"), rotations=lib.clip("run").rotations * 4)
    lib = MotionLibrary.of_clips({"run": broken, "jump": broken})
    clip = lib.draw(np.random.default_rng(0), "train", 2.0, 30.0, "limbs")
    assert human_limits().excess(clip.rotations).max() < 1e-6


def test_wrong_requests_say_what_there_is():
    lib = library()
    with pytest.raises(BodyError, match=r"did you mean 'walk'\? the clips are: jump, kick"):
        lib.clip("wlak")
    with pytest.raises(BodyError, match="the splits are: train, validation, test"):
        lib.draw(np.random.default_rng(0), "dev", 1.0, 30.0)
    with pytest.raises(BodyError, match="values above 0"):
        lib.draw(np.random.default_rng(0), "train", 0.0, 30.0)
    with pytest.raises(BodyError, match="the recipes are"):
        lib.draw(np.random.default_rng(0), "train", 1.0, 30.0, "soup")
    with pytest.raises(BodyError, match="no clip for test"):
        MotionLibrary.of_clips({"run": walker()}).draw(np.random.default_rng(0), "test", 1.0, 30.0)
