"""AMASS and BVH files: round trips, joint directions, and clear errors."""

import os
from pathlib import Path

import numpy as np
import pytest

from body.errors import BodyError
from body.joints import JOINT_INDEX
from body.loading import load_body_model
from body.motion.amass import read_amass, write_amass
from body.motion.bvh import read_bvh
from body.motion.bvh_file import parse_bvh
from body.motion.retarget import to_parameters
from body.parameters import BodyParameters

RNG = np.random.default_rng(1)


@pytest.fixture(scope="module")
def model():
    return load_body_model()


def random_parameters(frames=4, betas=10, child=0.0):
    return BodyParameters(
        betas=RNG.normal(size=betas),
        global_orient=RNG.normal(size=(frames, 3)),
        body_pose=RNG.normal(size=(frames, 69)),
        transl=RNG.normal(size=(frames, 3)),
        child=child,
    )


@pytest.mark.parametrize("joints", ["smplh", "smpl"])
def test_amass_round_trip(tmp_path, joints):
    before = random_parameters(child=0.25)
    write_amass(tmp_path / "a/clip.npz", before, 59.94, "female", joints)
    after = read_amass(tmp_path / "a/clip.npz")
    assert after.rate_hz == 59.94
    assert after.gender == "female"
    assert after.parameters.child == 0.25
    for name in ("global_orient", "body_pose", "transl"):
        np.testing.assert_array_equal(getattr(after.parameters, name), getattr(before, name))
    np.testing.assert_array_equal(after.parameters.betas, np.r_[before.betas, np.zeros(6)])
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["clip.npz"]


def test_amass_file_has_the_keys_and_shapes_of_amass(tmp_path):
    write_amass(tmp_path / "clip.npz", random_parameters(frames=3), 30.0)
    with np.load(tmp_path / "clip.npz", allow_pickle=False) as file:
        shapes = {key: file[key].shape for key in file.files}
        fingers = np.delete(file["poses"][:, 66:], [0, 1, 2, 45, 46, 47], 1)
    assert shapes == {"poses": (3, 156), "trans": (3, 3), "betas": (16,), "gender": (), "mocap_framerate": ()}
    assert not fingers.any()


def test_smplx_layout_and_byte_strings_are_read(tmp_path):
    poses = RNG.normal(size=(2, 165))
    np.savez(tmp_path / "x.npz", poses=poses, trans=np.zeros((2, 3)), betas=np.zeros(16), mocap_frame_rate=120,
             gender=np.array(b"male"), dmpls=np.zeros((2, 8)))  # fmt: skip
    motion = read_amass(tmp_path / "x.npz")
    assert (motion.rate_hz, motion.gender) == (120.0, "male")
    np.testing.assert_array_equal(motion.parameters.body_pose[:, :63], poses[:, 3:66])
    np.testing.assert_array_equal(motion.parameters.body_pose[:, 63:66], poses[:, 75:78])


def good_arrays():
    return {"poses": np.zeros((2, 156)), "trans": np.zeros((2, 3)), "betas": np.zeros(16), "mocap_framerate": 60.0}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"poses": None}, "lacks poses"),
        ({"mocap_framerate": None}, "lacks mocap_framerate or mocap_frame_rate"),
        ({"poses": np.zeros((2, 100))}, r"poses has shape \(2, 100\)"),
        ({"trans": np.zeros((3, 3))}, r"trans has shape \(3, 3\)"),
        ({"poses": np.full((2, 156), np.nan)}, "poses is empty or holds NaN"),
        ({"mocap_framerate": 0.0}, "mocap_framerate is 0"),
        ({"betas": np.array(["a"])}, "betas holds"),
        ({"poses": np.array([{}], dtype=object)}, "not a whole .npz of plain arrays"),
    ],
)
def test_bad_amass_files_say_what_is_wrong(tmp_path, change, message):
    arrays = {key: value for key, value in (good_arrays() | change).items() if value is not None}
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(BodyError, match=message) as error:
        read_amass(tmp_path / "bad.npz")
    assert "bad.npz" in str(error.value)


def test_truncated_and_missing_amass_files(tmp_path):
    write_amass(tmp_path / "cut.npz", random_parameters(), 30.0)
    content = (tmp_path / "cut.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(content[: len(content) // 2])
    with pytest.raises(BodyError, match="not a whole"):
        read_amass(tmp_path / "cut.npz")
    with pytest.raises(BodyError, match="does not exist"):
        read_amass(tmp_path / "absent.npz")


def test_what_amass_cannot_hold_is_not_written(tmp_path):
    with pytest.raises(BodyError, match="17 betas"):
        write_amass(tmp_path / "a.npz", random_parameters(betas=17), 30.0)
    with pytest.raises(BodyError, match="frame rate 0"):
        write_amass(tmp_path / "a.npz", random_parameters(), 0.0)
    bad = random_parameters()
    bad.transl[1, 2] = np.inf
    with pytest.raises(BodyError, match="transl holds NaN"):
        write_amass(tmp_path / "a.npz", bad, 30.0)
    assert not list(tmp_path.iterdir())


OFFSETS = {
    "Hips": (None, (0, 0, 0)),
    "LeftUpLeg": ("Hips", (10, -5, 0)),
    "LeftLeg": ("LeftUpLeg", (0, -42, 0)),
    "LeftFoot": ("LeftLeg", (0, -40, 0)),
    "LeftToeBase": ("LeftFoot", (0, -5, 15)),
    "RightUpLeg": ("Hips", (-10, -5, 0)),
    "RightLeg": ("RightUpLeg", (0, -42, 0)),
    "RightFoot": ("RightLeg", (0, -40, 0)),
    "RightToeBase": ("RightFoot", (0, -5, 15)),
    "LowerBack": ("Hips", (0, 8, 0)),
    "Spine": ("LowerBack", (0, 12, 0)),
    "Spine1": ("Spine", (0, 14, 0)),
    "Neck": ("Spine1", (0, 16, 0)),
    "Head": ("Neck", (0, 10, 1)),
    "LeftShoulder": ("Spine1", (5, 12, 0)),
    "LeftArm": ("LeftShoulder", (12, 0, 0)),
    "LeftForeArm": ("LeftArm", (18, -18, 0)),  # an A-pose
    "LeftHand": ("LeftForeArm", (17, -17, 3)),
    "RightShoulder": ("Spine1", (-5, 12, 0)),
    "RightArm": ("RightShoulder", (-12, 0, 0)),
    "RightForeArm": ("RightArm", (-18, -18, 0)),
    "RightHand": ("RightForeArm", (-17, -17, 3)),
}
"""Centimetres, y up, facing +z."""
Y_UP = np.eye(3)
BONES = [("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist")]
CMU_NAME = {"hip": "UpLeg", "knee": "Leg", "ankle": "Foot", "shoulder": "Arm", "elbow": "ForeArm", "wrist": "Hand"}


def write_bvh(path, channels, axes=Y_UP, prefix="", scale=1.0, names=None):
    """A file of this skeleton, its axes turned and its unit changed; `channels` maps a joint to (frames, 3) degrees."""
    names = names or OFFSETS
    frames = len(next(iter(channels.values())))
    order, lines = [], ["HIERARCHY"]

    def node(name):
        parent, offset = names[name]
        order.append(name)
        x, y, z = scale * (axes @ np.array(offset, float))
        lines.extend([f"{'JOINT' if parent else 'ROOT'} {prefix}{name}", "{", f"OFFSET {x} {y} {z}"])
        position = "6 Xposition Yposition Zposition " if parent is None else "3 "
        lines.append(f"CHANNELS {position}Zrotation Xrotation Yrotation")
        children = [child for child, (its, _) in names.items() if its == name]
        for child in children:
            node(child)
        if not children:
            lines.extend(["End Site", "{", "OFFSET 0 1 0", "}"])
        lines.append("}")

    node("Hips")
    lines += ["MOTION", f"Frames: {frames}", "Frame Time: 0.025"]
    for frame in range(frames):
        row = list(scale * (axes @ np.array([0, 92 + frame, 10.0 * frame])))
        for name in order:
            row += list(channels.get(name, np.zeros((frames, 3)))[frame])
        lines.append(" ".join(f"{value:.9g}" for value in row))
    path.write_text("\n".join(lines) + "\n")
    return path


def moving_channels(frames=5):
    joints = ("Hips", "LeftUpLeg", "RightLeg", "LeftArm", "RightArm", "RightForeArm", "Spine", "Neck")
    return {name: RNG.uniform(-50, 50, (frames, 3)) for name in joints}


def assert_same_directions(clip, bvh, model):
    """Limbs of the posed body point where the file's do."""
    index = {joint.name.rsplit(":")[-1]: k for k, joint in enumerate(bvh.joints)}
    _, positions = bvh.posed()
    joints = model.pose(to_parameters(clip, model, floor="none")).joints
    joints = np.stack([joints[..., 0], joints[..., 2], -joints[..., 1]], -1)  # z up, facing -y, to y up, facing +z
    for side, title in (("left", "Left"), ("right", "Right")):
        for start, end in BONES:
            ours = joints[:, JOINT_INDEX[f"{side}_{end}"]] - joints[:, JOINT_INDEX[f"{side}_{start}"]]
            theirs = positions[:, index[title + CMU_NAME[end]]] - positions[:, index[title + CMU_NAME[start]]]
            cosine = (ours * theirs).sum(-1) / np.linalg.norm(ours, axis=-1) / np.linalg.norm(theirs, axis=-1)
            # the rest bones of the open body lie within 1.5 degrees of the directions assumed
            assert np.degrees(np.arccos(np.clip(cosine, -1, 1))).max() < 1.5, (side, start)


def test_limbs_point_where_the_file_says(tmp_path, model):
    path = write_bvh(tmp_path / "walk.bvh", moving_channels())
    clip = read_bvh(path)
    assert (clip.name, len(clip), clip.rate_hz) == ("walk", 5, pytest.approx(40))
    assert clip.leg_length_m == pytest.approx(0.82)
    np.testing.assert_allclose(clip.root_to_hips, [0, -0.05, 0], atol=1e-9)
    np.testing.assert_allclose(clip.root_positions[3], [0, 0.95, 0.3], atol=1e-9)
    assert_same_directions(clip, parse_bvh(path), model)


def test_axes_unit_and_namespace_of_the_file_do_not_change_the_motion(tmp_path, model):
    """The same pose written z up, in inches, with Mixamo's namespace: only the root turns, so both are exact."""
    channels = {"Hips": np.zeros((2, 3))}
    to_z_up = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    first = read_bvh(write_bvh(tmp_path / "a.bvh", channels))
    second = read_bvh(
        write_bvh(tmp_path / "b.bvh", channels, axes=to_z_up, prefix="rig:", scale=1 / 2.54), unit_m=0.0254, up="z"
    )
    np.testing.assert_allclose(first.rotations, second.rotations, atol=1e-7)
    np.testing.assert_allclose(first.root_positions, second.root_positions, atol=1e-7)


def test_a_mixamo_skeleton_is_recognised(tmp_path, model):
    names = {k: v for k, v in OFFSETS.items() if k not in ("LowerBack", "Spine", "Spine1", "Neck")}
    names |= {"Spine": ("Hips", (0, 10, 0)), "Spine1": ("Spine", (0, 12, 0)), "Spine2": ("Spine1", (0, 12, 0))}
    names |= {"Neck": ("Spine2", (0, 16, 0))}
    for shoulder in ("LeftShoulder", "RightShoulder"):
        names[shoulder] = ("Spine2", names[shoulder][1])
    channels = {"Spine2": np.array([[0, 0, 30.0]]), "LeftArm": np.array([[20.0, 10, 0]])}
    path = write_bvh(tmp_path / "m.bvh", channels, prefix="mixamorig:", names=names)
    clip = read_bvh(path)
    assert "Mixamo" in clip.licence
    np.testing.assert_allclose(clip.rotations[0, JOINT_INDEX["spine3"]], [0, np.radians(30), 0], atol=1e-9)
    assert_same_directions(clip, parse_bvh(path), model)


def test_hanging_arms_and_t_pose_rests_give_the_same_arms(tmp_path, model):
    """Two skeletons whose rest arms differ by 90 degrees, posed to the same directions."""
    hanging = dict(OFFSETS)
    for side, sign in (("Left", 1), ("Right", -1)):
        hanging |= {f"{side}ForeArm": (f"{side}Arm", (0, -25, 0)), f"{side}Hand": (f"{side}ForeArm", (0, -24, 0))}
        hanging[f"{side}Arm"] = (f"{side}Shoulder", (12 * sign, 0, 0))
    raised = {"LeftArm": np.array([[90.0, 0, 0]]), "RightArm": np.array([[-90.0, 0, 0]])}
    clip = read_bvh(write_bvh(tmp_path / "h.bvh", raised, names=hanging))
    arms = [JOINT_INDEX[f"{side}_{joint}"] for side in ("left", "right") for joint in ("shoulder", "elbow", "wrist")]
    np.testing.assert_allclose(clip.rotations[0, arms], 0, atol=1e-7)  # raised hanging arms are the T-pose, palms down


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda t: t.replace("HIERARCHY", "HELLO"), "line 1: expected HIERARCHY"),
        (lambda t: t[: t.index("MOTION")], "ends before its motion"),
        (lambda t: t[:-40], "channels, the tree has"),
        (lambda t: t.replace("Frames: 2", "Frames: 3"), "ends before its motion"),
        (lambda t: t.replace("Frame Time: 0.025", "Frame Time: 0"), "frame time 0"),
        (lambda t: t.replace("CHANNELS 3 Z", "CHANNELS 4 Z", 1), "expected CHANNELS"),
        (lambda t: t.replace("Zrotation", "Wrotation", 1), "unknown channel"),
        (lambda t: t.replace("OFFSET 10", "OFFSET ten", 1), "expected numbers"),
        (lambda t: t.replace("Arm", "Branch"), "without left_shoulder"),
    ],
)
def test_bad_bvh_files_say_what_is_wrong(tmp_path, edit, message):
    path = write_bvh(tmp_path / "bad.bvh", {"Hips": np.zeros((2, 3))})
    text = edit(path.read_text())
    path.write_text(text)
    with pytest.raises(BodyError, match=message) as error:
        read_bvh(path)
    assert "bad.bvh" in str(error.value)


def test_a_wrong_unit_or_axis_is_refused_not_guessed(tmp_path):
    path = write_bvh(tmp_path / "cm.bvh", {"Hips": np.zeros((1, 3))})
    with pytest.raises(BodyError, match="legs of 82 m with unit_m = 1"):
        read_bvh(path, unit_m=1.0)
    with pytest.raises(BodyError, match="does not stand along z"):
        read_bvh(path, up="z")
    with pytest.raises(BodyError, match="unit_m is 0"):
        read_bvh(path, unit_m=0.0)
    with pytest.raises(BodyError, match="cannot be read"):
        read_bvh(tmp_path / "absent.bvh")


@pytest.mark.real_data
def test_makehuman_poses_put_the_body_on_the_floor_as_named(model):
    folder = Path(os.environ.get("HUMANRIG_REAL_DATA", "")) / "makehuman_cc0/base/poses"
    paths = sorted(folder.glob("*.bvh"))
    if "HUMANRIG_REAL_DATA" not in os.environ or not paths:
        pytest.skip(f"no *.bvh in {folder}; set HUMANRIG_REAL_DATA")
    joints = {}
    for path in paths:
        clip = read_bvh(path, unit_m=0.1, up="z")
        posed = model.pose(to_parameters(clip, model))
        assert abs(posed.vertices[0, :, 2].min()) < 1e-6
        joints[path.stem] = posed.joints[0]
    head, pelvis, foot = (JOINT_INDEX[n] for n in ("head", "pelvis", "left_foot"))
    assert len(joints) == 15
    assert all(joints[n][head, 2] > 1.35 for n in joints if n.startswith("standing"))
    assert joints["sit01"][pelvis, 2] < 0.35
    assert joints["gym01"][foot, 2] > 1.2 > 0.8 > joints["gym01"][head, 2]  # a handstand
