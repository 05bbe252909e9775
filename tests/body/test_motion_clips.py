"""Clips: reading DeepMimic, resampling, looping, and standing on the floor."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from body.errors import BodyError
from body.joints import JOINT_INDEX, JOINT_NAMES
from body.loading import load_body_model
from body.motion.clip import MotionClip, global_rotations, local_rotations
from body.motion.deepmimic import read_deepmimic
from body.motion.floor import floor_contact, floor_correction, standing_frames
from body.motion.resample import lengthen, resample
from body.motion.retarget import from_parameters, leg_length, to_parameters

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def model():
    return load_body_model()


def stepping_clip(frames=31, rate_hz=30.0, travel_m=1.0, loops=True):
    """Legs swing against each other while the body moves ahead; the last frame is the first one, moved on."""
    s = np.linspace(0, 2 * np.pi, frames)
    rotations = np.zeros((frames, 24, 3))
    rotations[:, JOINT_INDEX["left_hip"], 0] = 0.4 * np.sin(s)
    rotations[:, JOINT_INDEX["right_hip"], 0] = -0.4 * np.sin(s)
    rotations[:, JOINT_INDEX["left_shoulder"], 2] = -1.2
    positions = np.stack([0 * s, 0.9 + 0.01 * np.cos(2 * s), travel_m * s / (2 * np.pi)], 1)
    return MotionClip(
        name="step", rate_hz=rate_hz, rotations=rotations, root_positions=positions, leg_length_m=0.82, loops=loops
    )


def write_deepmimic(path, frames, loop="wrap"):
    path.write_text(json.dumps({"Loop": loop, "Frames": np.asarray(frames).tolist()}))
    return path


def standing_frame(dt=0.02):
    """humanoid3d at rest: hanging arms, every rotation the identity."""
    frame = np.zeros(44)
    frame[0], frame[2] = dt, 0.85
    frame[[4, 8, 12, 16, 21, 25, 30, 35, 39]] = 1
    return frame


def test_world_and_parent_relative_rotations_are_inverse():
    rotations = Rotation.random(24 * 5, rng=RNG).as_rotvec().reshape(5, 24, 3)
    again = local_rotations(global_rotations(rotations))
    R, S = (Rotation.from_rotvec(r.reshape(-1, 3)) for r in (rotations, again))
    assert (R.inv() * S).magnitude().max() < 1e-9


def test_a_deepmimic_figure_at_rest_stands_upright_with_hanging_arms(tmp_path, model):
    frames = np.stack([standing_frame(), standing_frame()])
    frames[1, 1] = 0.1
    clip = read_deepmimic(write_deepmimic(tmp_path / "humanoid3d_rest.txt", frames))
    assert clip.name == "rest"
    assert clip.rate_hz == pytest.approx(50)
    np.testing.assert_allclose(clip.root_positions[1] - clip.root_positions[0], [0, 0, 0.1], atol=1e-12)
    joints = model.pose(to_parameters(clip, model, floor="none")).joints[0]
    arm = joints[JOINT_INDEX["left_wrist"]] - joints[JOINT_INDEX["left_shoulder"]]
    assert arm[2] / np.linalg.norm(arm) < -0.999
    head, pelvis = joints[JOINT_INDEX["head"]], joints[0]
    assert head[2] - pelvis[2] > 0.5


def test_deepmimic_joints_bend_the_way_people_do(tmp_path, model):
    """A negative knee angle takes the heel back; a positive elbow angle takes the hand to the front."""
    frame = standing_frame()
    frame[[20, 34]], frame[[29, 43]] = -1.2, 1.2
    clip = read_deepmimic(write_deepmimic(tmp_path / "humanoid3d_bent.txt", [frame, frame]))
    rest = model.pose(to_parameters(replace(clip, rotations=0 * clip.rotations), model, floor="none")).joints[0]
    forward = rest[JOINT_INDEX["left_foot"]] - rest[JOINT_INDEX["left_ankle"]]
    joints = model.pose(to_parameters(clip, model, floor="none")).joints[0]
    for side in ("left", "right"):
        shin = joints[JOINT_INDEX[f"{side}_ankle"]] - joints[JOINT_INDEX[f"{side}_knee"]]
        forearm = joints[JOINT_INDEX[f"{side}_wrist"]] - joints[JOINT_INDEX[f"{side}_elbow"]]
        assert shin @ forward < 0 < forearm @ forward


def test_uneven_frame_durations_become_even(tmp_path):
    frames = np.stack([standing_frame() for _ in range(5)])
    frames[2, 0] = 0.06
    frames[:, 1] = [0, 0.02, 0.04, 0.10, 0.12]  # 1 m/s
    clip = read_deepmimic(write_deepmimic(tmp_path / "humanoid3d_uneven.txt", frames))
    assert len(clip) == 7
    np.testing.assert_allclose(np.diff(clip.root_positions[:, 2]), 0.02, atol=1e-9)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("not json", "no DeepMimic clip"),
        ("{}", "no DeepMimic clip"),
        ('{"Frames": [[1, 2, 3]]}', r"expected \(frames, 44\)"),
        ('{"Frames": []}', "shape"),
    ],
)
def test_other_files_are_refused_by_name(tmp_path, content, message):
    path = tmp_path / "humanoid3d_bad.txt"
    path.write_text(content)
    with pytest.raises(BodyError, match=message) as error:
        read_deepmimic(path)
    assert str(path) in str(error.value)


def test_a_missing_clip_is_named(tmp_path):
    with pytest.raises(BodyError, match=r"absent\.txt cannot be read"):
        read_deepmimic(tmp_path / "absent.txt")


def test_clips_with_nan_or_without_frames_are_refused():
    good = stepping_clip()
    bad = good.root_positions.copy()
    bad[4, 1] = np.nan
    with pytest.raises(BodyError, match="not finite in frame 4"):
        replace(good, root_positions=bad)
    with pytest.raises(BodyError, match="rotations has shape"):
        replace(good, rotations=good.rotations[:0], root_positions=bad[:0])
    with pytest.raises(BodyError, match="must be > 0"):
        replace(good, rate_hz=0.0)


@pytest.mark.parametrize("rate_hz", [10.0, 24.0, 30.0, 60.0])
def test_resampling_keeps_the_motion(rate_hz):
    clip = stepping_clip()
    out = resample(clip, rate_hz)
    assert out.seconds == pytest.approx(clip.seconds, abs=1 / rate_hz)
    s = 2 * np.pi * np.arange(len(out)) / rate_hz / clip.seconds
    angle = out.rotations[:, JOINT_INDEX["left_hip"], 0]
    # linear between samples 1/30 s apart: error at most h^2 / 8 times the second derivative, 0.4 rad
    np.testing.assert_allclose(angle, 0.4 * np.sin(s), atol=0.4 * (2 * np.pi / 30) ** 2 / 8 + 1e-9)


def test_resampling_a_turning_joint_goes_the_short_way():
    clip = stepping_clip(frames=3, rate_hz=1.0)
    rotations = clip.rotations.copy()
    rotations[:, 0] = [[0, 3.0, 0], [0, -3.0, 0], [0, -2.7, 0]]  # 0.28 rad through the half turn
    middle = resample(replace(clip, rotations=rotations), 2.0).rotations[1, 0]
    assert np.linalg.norm(middle) == pytest.approx(np.pi, abs=1e-6)


def test_a_clip_too_short_for_resampling_says_so():
    with pytest.raises(BodyError, match="lengthen it first"):
        resample(stepping_clip(), 30.0, seconds=10.0)
    with pytest.raises(BodyError, match="rate above 0"):
        resample(stepping_clip(), 0.0)


def test_a_looped_walk_keeps_walking_ahead():
    clip = stepping_clip()
    long = lengthen(clip, 3.5)
    assert len(long) == 106
    np.testing.assert_allclose(long.root_positions[30::30, 2], [1, 2, 3], atol=1e-9)
    steps = np.diff(long.root_positions[:, 2])
    np.testing.assert_allclose(steps, 1 / 30, atol=1e-9)
    np.testing.assert_allclose(long.rotations[31:61], clip.rotations[1:], atol=1e-9)


def test_a_loop_has_no_jump_even_when_its_ends_differ():
    clip = stepping_clip()
    rotations = clip.rotations.copy()
    rotations[:, JOINT_INDEX["neck"], 1] = np.linspace(0, 0.5, 31)
    rotations[:, 0, 1] = np.linspace(0, 0.8, 31)  # the walker turns left
    long = lengthen(replace(clip, rotations=rotations), 3.0)
    angles = [global_rotations(long.rotations)[j] for j in (0, JOINT_INDEX["neck"])]
    for world in angles:
        assert (world[1:] * world[:-1].inv()).magnitude().max() < 0.12  # 0.5 rad fade over 8 frames; a jump is 0.5
    heading = Rotation.from_rotvec(long.rotations[:, 0]).apply([0, 0, 1])
    turned = np.unwrap(np.arctan2(heading[:, 0], heading[:, 2]))
    np.testing.assert_allclose(turned[[30, 60, 90]], [0.8, 1.6, 2.4], atol=1e-6)
    travelled = np.diff(long.root_positions[:, [0, 2]], axis=0)
    np.testing.assert_allclose(np.linalg.norm(travelled, axis=1), 1 / 30, atol=1e-9)


def test_back_and_forth_and_hold():
    clip = stepping_clip(loops=False)
    back = lengthen(clip, 2.0)
    np.testing.assert_array_equal(back.root_positions[30:61], clip.root_positions[::-1])
    held = lengthen(clip, 2.0, "hold")
    assert (held.rotations[31:] == clip.rotations[-1]).all()
    assert lengthen(clip, 0.5) is clip


@pytest.mark.parametrize("child", [0.0, 0.7])
def test_standing_feet_touch_the_floor_for_every_shape(model, child):
    betas = RNG.normal(size=10)
    slow = stepping_clip(rate_hz=8.0)  # at 30 Hz its feet would slide at 3 m/s, faster than any standing foot
    parameters = to_parameters(slow, model, betas, child)
    vertices = model.pose(parameters).vertices
    contact = floor_contact(vertices)
    assert contact.lowest_mm > -0.5  # smoothing leaves a fraction of a millimetre
    assert contact.p95_mm < 8  # the swing of both legs lifts them by 65 mm without correction


def test_the_contact_correction_beats_one_offset_for_the_clip(model):
    spread = {}
    for floor in ("contact", "clip"):
        contact = floor_contact(model.pose(to_parameters(stepping_clip(rate_hz=8.0), model, floor=floor)).vertices)
        spread[floor] = contact.highest_mm - contact.lowest_mm
    assert spread["contact"] < 0.3 * spread["clip"]


def test_flights_keep_their_height():
    """A point that stands, jumps 0.3 m for 0.5 s and stands again, on a floor that the source puts at 0.1 m."""
    rate_hz, t = 60.0, np.arange(120) / 60.0
    jump = np.clip(0.3 - 4.9 * (t - 1.0) ** 2, 0, None)
    points = np.stack([np.zeros(120), 3 * np.clip(t - 0.75, 0, 0.5), 0.1 + jump], -1)[:, None]
    points = np.concatenate([points, points + [0, 0, 1.5]], 1)
    lifted = points[..., 2].min(1) + floor_correction(points, rate_hz)
    assert standing_frames(points, rate_hz)[[0, 20, 100]].all()
    assert not standing_frames(points, rate_hz)[60]
    np.testing.assert_allclose(lifted, jump, atol=0.02)


def test_heading_and_place(model):
    clip = stepping_clip()
    for heading in (-np.pi / 2, 0.3, 2.0):
        parameters = to_parameters(clip, model, heading_rad=heading, origin_xy=(0.5, -0.2), place="start", floor="none")
        pelvis = model.pose(parameters).joints[:, 0]
        np.testing.assert_allclose(pelvis[0, :2], [0.5, -0.2], atol=1e-6)
        ahead = pelvis[-1, :2] - pelvis[0, :2]
        assert np.arctan2(ahead[1], ahead[0]) == pytest.approx(heading, abs=1e-6)
        scale = leg_length(model.rest_joints()) / clip.leg_length_m
        assert np.linalg.norm(ahead) == pytest.approx(scale, rel=1e-6)
    centred = model.pose(to_parameters(clip, model, place="centre")).joints[:, 0, :2]
    np.testing.assert_allclose(centred.min(0), -centred.max(0), atol=1e-6)
    still = model.pose(to_parameters(clip, model, place="in_place")).joints[:, 0, :2]
    assert np.ptp(still, axis=0).max() < 0.01


def test_the_default_heading_is_smpls_front(model):
    orient = to_parameters(stepping_clip(), model).global_orient
    np.testing.assert_allclose(orient, np.tile([np.pi / 2, 0, 0], (31, 1)), atol=1e-9)


def test_parameters_to_clip_and_back(model):
    betas = RNG.normal(size=10)
    start = to_parameters(stepping_clip(), model, betas, heading_rad=0.7)
    clip = from_parameters(start, model, 30.0, "again")
    again = to_parameters(clip, model, betas, place="start", origin_xy=(0.0, 0.0), floor="none")
    a, b = model.pose(start), model.pose(again)
    shift = a.joints[0, 0] - b.joints[0, 0]
    assert abs(shift[2]) < 1e-6
    np.testing.assert_allclose(a.vertices, b.vertices + shift, atol=1e-6)


def clip_folder():
    """Where `humanrig models fetch` puts the clips of the pybullet package."""
    cache = os.environ.get("HUMANRIG_CACHE") or Path.home() / ".cache/humanrig"
    return Path(cache) / "pybullet-3.2.7/pybullet_data/data/motions"


@pytest.mark.slow
@pytest.mark.real_data
def test_every_deepmimic_clip_stands_on_the_floor(model):
    paths = sorted(clip_folder().glob("humanoid3d_*.txt"))
    if not paths:
        pytest.skip(f"no humanoid3d_*.txt in {clip_folder()}; run `humanrig models fetch`")
    assert len(paths) == 15
    for path in paths:
        clip = read_deepmimic(path)
        contact = floor_contact(model.pose(to_parameters(clip, model)).vertices)
        assert contact.lowest_mm > -1, clip.name
        assert contact.p05_mm < 3, clip.name
        if clip.name in ("walk", "punch"):
            assert contact.highest_mm < 20, clip.name
    assert len(JOINT_NAMES) == 24
