"""GTA-Human, HuMMan, SURREAL, AMASS and the 3DPW challenge: written by hand from the formats' tables."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import scipy.io
from file_people import FRAMES, PIXELS, before_camera, dumped, in_camera, person, posed, projected, reprojected
from scipy.spatial.transform import Rotation

from body.joints import PARENTS
from hps.errors import HpsError
from hps.evaluation.files.amass import write_amass_file
from hps.evaluation.files.gta_human import write_gta_human
from hps.evaluation.files.humman import write_humman
from hps.evaluation.files.opening import read_annotations
from hps.evaluation.files.surreal import write_surreal
from hps.evaluation.files.three_dpw_challenge import write_challenge


def gta_human() -> dict:
    """The game's 100 points: SMPL's joints and some that are not there."""
    p = before_camera()
    places = np.arange(100) % 24
    there = np.ones((FRAMES, 100, 1))
    there[:, 90:] = 0
    return {
        "is_male": True, "fov": 50.0, "num_frames": FRAMES, "weather": "CLEAR", "daytime": (12, 30, 0),
        "keypoints_2d": np.concatenate([p.q[:, places], there], 2), "location_tag": "beach",
        "keypoints_3d": np.concatenate([p.joints[:, places], there], 2),
        "occ": np.repeat(np.arange(100)[None] < 25, FRAMES, 0), "self_occ": np.zeros((FRAMES, 100), bool),
        "betas": np.repeat(p.parameters.betas[None], FRAMES, 0), "body_pose": p.parameters.body_pose,
        "global_orient": p.parameters.global_orient, "transl": p.parameters.transl, "bbox_xywh": p.boxes,
    }  # fmt: skip


def test_gta_human_is_read_as_its_table_says(tmp_path):
    (read,) = read_annotations(dumped(tmp_path / "seq_00000012.pkl", gta_human()))
    assert (read.sequence, read.gender, read.body) == ("seq_00000012", "male", "smpl")
    assert read.images[3] == "seq_00000012/00000003.jpeg"
    there = np.isfinite(read.joints).all(-1)
    assert there.sum() == FRAMES * 90
    # K follows from the vertical field of view; 1158.0337 px in the table is rounded
    np.testing.assert_allclose(reprojected(read)[there], read.keypoints2d[there][:, :2], atol=1e-3)
    np.testing.assert_allclose(projected(read.K, posed(read)), before_camera().q, atol=1e-3)
    assert read.occlusion.tolist() == [0.25] * FRAMES
    write_gta_human(tmp_path / "b.pkl", read)
    (again,) = read_annotations(tmp_path / "b.pkl")
    for name in ("betas", "body_pose", "transl", "joints", "keypoints2d", "boxes_xywh", "occlusion"):
        np.testing.assert_array_equal(getattr(again, name), getattr(read, name))
    with pytest.raises(HpsError, match="needs SMPL in the frame of a camera of 1920 x 1080"):
        write_gta_human(tmp_path / "c.pkl", replace(read, frame="world"))


def test_gta_human_2_is_smplx_and_says_who_is_valid(tmp_path):
    content = gta_human() | {"body_pose": before_camera().parameters.body_pose[:, :63], "is_valid_smplx": False}
    folder = tmp_path / "annotations/seq_00087011"
    folder.mkdir(parents=True)
    np.savez(folder / "012345.npz", **content)
    (read,) = read_annotations(folder)
    assert (read.sequence, read.person, read.body, read.valid.any()) == ("seq_00087011", "012345", "smplx", False)


@pytest.mark.parametrize("per_frame", [True, False])
def test_humman_is_seen_by_each_of_its_colour_cameras(tmp_path, per_frame):
    true = person(2)
    sequence = tmp_path / "p000455_a000986"
    sequence.mkdir()
    names = ("betas", "body_pose", "global_orient", "transl")
    values = [np.repeat(true.parameters.betas[None], FRAMES, 0), *(getattr(true.parameters, n) for n in names[1:])]
    if per_frame:
        (sequence / "smpl_params").mkdir()
        for n in range(FRAMES):
            np.savez(sequence / f"smpl_params/{6 * n:06d}.npz", **{k: v[n] for k, v in zip(names, values)})
    else:
        np.savez(sequence / "smpl_params.npz", **dict(zip(names, values)))
    cameras = {
        f"kinect_{kind}_00{n}": {
            "K": true.K.tolist(),
            "R": true.Ts[n, :3, :3].tolist(),
            "T": true.Ts[n, :3, 3].tolist(),
        }
        for n in range(2)
        for kind in ("color", "depth")
    }
    (sequence / "cameras.json").write_text(json.dumps(cameras))
    found = read_annotations(tmp_path)
    assert [p.sequence for p in found] == [f"p000455_a000986/kinect_00{n}" for n in range(2)]
    for n, read in enumerate(found):
        assert (read.person, read.body, read.frame) == ("p000455", "smpl", "world")
        assert read.frames.tolist() == [6 * k if per_frame else k for k in range(FRAMES)]
        q = projected(read.K, in_camera(posed(read), read.Ts_camera_world))
        np.testing.assert_allclose(q[n], true.q[n], atol=1e-8)  # the camera that is fixed here is that of frame n
    write_humman(tmp_path / "out/p000455_a000986", found[0], per_frame)
    (again,) = read_annotations(tmp_path / "out")
    np.testing.assert_array_equal(again.body_pose, found[0].body_pose)
    assert again.frames.tolist() == found[0].frames.tolist()


@pytest.mark.parametrize("frames", [FRAMES, 1])
def test_surreal_is_seen_mirrored_as_its_pictures_are(tmp_path, frames):
    p = person(1)
    place = np.array([6.0, -1.0, 0.1])
    joints = 0.4 * p.joints[:frames]
    away = joints - place
    # x of the picture is -z of the world, y is y, the depth is -x: a mirrored picture
    q = 600 * np.stack([-away[..., 2], away[..., 1]], -1) / -away[..., :1] + np.array([160, 120])
    pose = np.concatenate([p.parameters.global_orient, p.parameters.body_pose], 1)[:frames]
    info = {
        "joints3D": joints.transpose(2, 1, 0), "joints2D": q.transpose(2, 1, 0), "pose": pose.T,
        "camLoc": place[:, None],
        "shape": np.repeat(p.parameters.betas[:, None], frames, 1), "zrot": np.full((frames, 1), 0.7),
        "gender": np.ones((frames, 1), np.uint8), "cloth": np.array([["a.jpg", "b.jpg"]], object),
    }  # fmt: skip
    if frames == 1:  # as MATLAB drops it
        info |= {name: info[name][..., 0] for name in ("joints3D", "joints2D")}
    scipy.io.savemat(tmp_path / "01_01_c0001_info.mat", info)
    scipy.io.savemat(tmp_path / "01_01_c0001_depth.mat", {"depth_1": np.ones((240, 320))})
    (read,) = read_annotations(tmp_path)
    assert (read.sequence, read.gender, len(read)) == ("01_01_c0001", "male", frames)
    np.testing.assert_allclose(reprojected(read), q, atol=PIXELS)
    assert np.linalg.det(read.Ts_camera_world[0, :3, :3]) == pytest.approx(-1)
    heading = Rotation.from_euler("x", 90, degrees=True) * Rotation.from_euler("z", 0.7)
    upright = heading * Rotation.from_rotvec(pose[:, :3])
    assert (Rotation.from_rotvec(read.global_orient).inv() * upright).magnitude().max() < 1e-9
    write_surreal(tmp_path / "out/01_01_c0001_info.mat", read)
    (again,) = read_annotations(tmp_path / "out")
    for name in ("joints", "keypoints2d", "global_orient", "body_pose", "betas", "Ts_camera_world"):
        np.testing.assert_allclose(getattr(again, name), getattr(read, name), atol=1e-12)


@pytest.mark.parametrize(("columns", "body", "pose"), [(72, "smpl", 69), (156, "smplh", 63), (165, "smplx", 63)])
def test_amass_is_read_by_the_columns_of_its_poses(tmp_path, columns, body, pose):
    p = person(0).parameters
    poses = np.zeros((FRAMES, columns))
    poses[:, :66] = np.concatenate([p.global_orient, p.body_pose[:, :63]], 1)
    (tmp_path / "ACCAD").mkdir()
    np.savez(
        tmp_path / "ACCAD/walk_poses.npz", poses=poses, trans=p.transl, betas=np.ones(16), gender="female",
        mocap_framerate=120.0, dmpls=np.zeros((FRAMES, 8)),
    )  # fmt: skip
    (read,) = read_annotations(tmp_path)
    assert (read.sequence, read.body, read.gender, read.fps) == ("ACCAD/walk_poses", body, "female", 120)
    assert (read.body_pose.shape, read.betas.shape) == ((FRAMES, pose), (FRAMES, 16))
    np.testing.assert_array_equal(read.body_pose[:, :63], p.body_pose[:, :63])
    write_amass_file(tmp_path / "out/ACCAD/walk_poses.npz", read)
    (again,) = read_annotations(tmp_path / "out")
    np.testing.assert_array_equal(again.body_pose, read.body_pose)
    assert (again.gender, again.fps) == ("female", 120)


def test_the_challenges_answers_are_joints_and_orientations(tmp_path):
    p = before_camera()
    turns = np.concatenate([p.parameters.global_orient, p.parameters.body_pose], 1).reshape(FRAMES, 24, 3)
    R: list[Rotation] = []
    for joint in range(24):
        own = Rotation.from_rotvec(turns[:, joint])
        R.append(own if PARENTS[joint] < 0 else R[PARENTS[joint]] * own)
    parts = np.stack([R[joint].as_matrix() for joint in (0, 1, 2, 4, 5, 16, 17, 18, 19)], 1)
    content = {"jointPositions": [p.joints, p.joints], "orientations": [parts, parts]}
    found = read_annotations(dumped(tmp_path / "downtown_cafe_00.pkl", content))
    assert [(a.sequence, a.person, a.frame) for a in found] == [
        ("downtown_cafe_00", "0", "camera"), ("downtown_cafe_00", "1", "camera")
    ]  # fmt: skip
    np.testing.assert_array_equal(found[1].extra["orientations"], parts)
    turned = replace(found[0], global_orient=turns[:, 0], body_pose=turns[:, 1:].reshape(FRAMES, 69), extra={})
    write_challenge(tmp_path / "out.pkl", [turned])
    (again,) = read_annotations(tmp_path / "out.pkl")
    np.testing.assert_allclose(again.extra["orientations"], parts, atol=1e-12)
    np.testing.assert_array_equal(again.joints, p.joints)
    with pytest.raises(HpsError, match="orientations has 1 entries, 2 were expected"):
        read_annotations(dumped(tmp_path / "b.pkl", content | {"orientations": [parts]}))


def test_a_folder_of_two_kinds_is_told(tmp_path):
    p = person(0).parameters
    dumped(tmp_path / "a.pkl", gta_human())
    np.savez(tmp_path / "b.npz", poses=np.zeros((2, 72)), trans=p.transl[:2], betas=np.ones(16), mocap_framerate=60.0)
    with pytest.raises(HpsError, match=r"a\.pkl is of the kind gta_human, .*b\.npz is amass; open them one by one"):
        read_annotations(tmp_path)
    assert len(read_annotations(tmp_path / "b.npz", kind="amass")) == 1
