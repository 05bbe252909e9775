"""Files with a row for each person and picture, written by hand from the formats' tables."""

from __future__ import annotations

import numpy as np
import pytest
from file_people import FRAMES, PIXELS, before_camera, posed, projected

from hps.errors import HpsError
from hps.evaluation.files.bedlam import write_bedlam
from hps.evaluation.files.camerahmr import write_camerahmr
from hps.evaluation.files.evaluation_npz import NAMES44, write_evaluation
from hps.evaluation.files.human_data import write_human_data
from hps.evaluation.files.opening import read_annotations

ORDER = [2, 0, 3, 1]
"""Rows of a file need not rise."""
SINGLE = 1e-4
"""float32 parameters: 6e-8 relative of 4 m behind a lens of 1158 px."""


def pictures() -> dict:
    """What BEDLAM's, CameraHMR's and HMR2.0's files have alike."""
    p = before_camera()
    names = [f"20221010_3_1000_batch01hand/png/seq_000001/seq_000001_{5 * row:04d}.png" for row in ORDER]
    return {
        "imgname": np.array(names), "center": (p.boxes[:, :2] + p.boxes[:, 2:] / 2)[ORDER],
        "scale": p.boxes[ORDER, 2:].max(1) / 200,
    }  # fmt: skip


def bedlam() -> dict:
    p = before_camera()
    pose = np.concatenate([p.parameters.global_orient, p.parameters.body_pose], 1)[ORDER]
    pose = np.concatenate([pose[:, :66], np.zeros((FRAMES, 99))], 1)
    T = np.tile(np.eye(4), (FRAMES, 1, 1))
    T[:, :3, 3] = np.random.default_rng(5).normal(size=(FRAMES, 3))
    return pictures() | {
        "pose_cam": pose, "pose_world": pose, "trans_cam": p.parameters.transl[ORDER] - T[:, :3, 3],
        "trans_world": p.parameters.transl[ORDER], "cam_ext": T, "cam_int": p.K,
        "shape": np.repeat(np.append(p.parameters.betas, 0.5)[None], FRAMES, 0),
        "gender": np.array(["female"] * FRAMES),
        "gtkps": np.concatenate([p.q, np.zeros((FRAMES, 103, 2))], 1)[ORDER], "sub": np.array(["rp_ann"] * FRAMES),
        "proj_verts": np.zeros((FRAMES, 437, 3)), "motion_info": np.array(["walk"] * FRAMES),
    }  # fmt: skip


def camerahmr() -> dict:
    p = before_camera()
    pose = np.concatenate([p.parameters.global_orient, p.parameters.body_pose], 1)
    return pictures() | {
        "pose": pose[ORDER], "shape": np.repeat(p.parameters.betas[None], FRAMES, 0), "cam_int": p.K,
        "cam_t": p.parameters.transl[ORDER], "gt_keypoints": np.concatenate([p.q, np.ones((FRAMES, 24, 1))], 2)[ORDER],
        "dense_kp": np.zeros((FRAMES, 138, 3)),
    }  # fmt: skip


def evaluation() -> dict:
    p = before_camera()
    pose = np.concatenate([p.parameters.global_orient, p.parameters.body_pose], 1)
    sets = {}
    for n, (name, count) in enumerate((("body", 25), ("extra", 19))):
        places = np.arange(count) % 24
        confidence = np.ones((FRAMES, count, 1))
        confidence[1, 3 + n] = 0
        sets[f"{name}_keypoints_2d"] = np.concatenate([p.q[:, places], confidence], 2)[ORDER]
        sets[f"{name}_keypoints_3d"] = np.concatenate([p.joints[:, places], confidence], 2)[ORDER]
    has = np.array([1.0, 1, 1, 0])[ORDER]
    return pictures() | sets | {
        "body_pose": pose[ORDER], "has_body_pose": has, "betas": np.repeat(p.parameters.betas[None], FRAMES, 0),
        "has_betas": np.ones(FRAMES), "gender": np.array(["f"] * FRAMES), "personid": np.array([7] * FRAMES),
        "extra_info": np.array([{"a": 1}] * FRAMES, object), "keypoints_2d": sets["body_keypoints_2d"],
    }  # fmt: skip


def test_bedlam_is_read_as_its_table_says(tmp_path):
    true = before_camera()
    np.savez(tmp_path / "a.npz", **bedlam())
    (read,) = read_annotations(tmp_path / "a.npz")
    assert (read.sequence, read.person) == ("20221010_3_1000_batch01hand/png/seq_000001", "rp_ann")
    assert (read.dataset, read.body, read.gender) == ("bedlam", "smplx", "female")
    assert read.frames.tolist() == [0, 5, 10, 15]
    assert read.betas.shape == (FRAMES, 11)
    assert read.body_pose.shape == (FRAMES, 63)
    np.testing.assert_allclose(read.transl, true.parameters.transl, atol=1e-12)
    np.testing.assert_allclose(projected(read.K, posed(read)), read.keypoints2d[..., :2], atol=1e-8)
    np.testing.assert_allclose(read.keypoints2d[..., :2], true.q)
    np.testing.assert_allclose(read.boxes_xywh[:, 2], true.boxes[:, 2:].max(1))
    assert read.extra["motion_info"].tolist() == ["walk"] * FRAMES
    assert not read.extra["turned_clockwise"].any()


def test_agoras_training_labels_have_the_kid_at_the_end_of_the_shape(tmp_path):
    np.savez(tmp_path / "a.npz", **bedlam(), bfh=np.zeros(FRAMES))
    (read,) = read_annotations(tmp_path / "a.npz")
    assert (read.dataset, read.betas.shape, read.child.tolist()) == ("agora", (FRAMES, 10), [0.5] * FRAMES)


def test_camerahmrs_labels_are_read_as_their_table_says(tmp_path):
    np.savez(tmp_path / "a.npz", **camerahmr())
    (read,) = read_annotations(tmp_path / "a.npz")
    np.testing.assert_allclose(projected(read.K, posed(read)), read.keypoints2d[..., :2], atol=1e-8)
    assert read.frames.tolist() == [0, 5, 10, 15]
    assert read.extra["dense_kp"].shape == (FRAMES, 138, 3)


def test_the_evaluations_rows_are_read_as_their_table_says(tmp_path):
    true = before_camera()
    np.savez(tmp_path / "a.npz", **evaluation())
    (read,) = read_annotations(tmp_path / "a.npz")
    assert (read.person, read.gender, read.transl) == ("7", "female", None)
    assert read.joint_names[39] == "pelvis_extra"  # the root of HMR2.0's 44
    assert np.isnan(read.joints[1, [3, 29]]).all()
    there = np.isfinite(read.joints).all(-1)
    q = projected(true.K, read.joints)
    np.testing.assert_allclose(q[there], read.keypoints2d[there][:, :2], atol=PIXELS)
    assert np.isnan(read.body_pose[3]).all()
    assert read.valid.tolist() == [True, True, True, False]
    np.testing.assert_array_equal(read.body_pose[:3], true.parameters.body_pose[:3])
    assert read.extra["extra_info"] == [{"a": 1}] * FRAMES


def human_data(multi: bool) -> dict:
    """As mmhuman3d dumps it; of a MultiHumanData two rows of each of two pictures."""
    p = before_camera()
    points = {}
    for name, values, columns in (("keypoints2d", p.q, 2), ("keypoints3d", p.joints, 3)):
        full, mask = np.zeros((FRAMES, 190, columns + 1)), np.zeros(190)
        places = [*range(22), 188, 189]
        mask[places] = 1
        full[:, places, :columns], full[:, places, columns] = values, 1
        points |= {name: full[:, mask > 0], f"{name}_mask": mask, f"{name}_convention": "human_data"}
    more: dict = {"optional": {"frame_range": np.array([[0, 2], [2, 4]])}} if multi else {}
    return points | more | {
        "__keypoints_compressed__": True, "image_path": [f"{n // 2 if multi else n}.png" for n in range(FRAMES)],
        "image_id": [str(n) for n in range(FRAMES)], "bbox_xywh": np.concatenate([p.boxes, np.ones((FRAMES, 1))], 1),
        "config": "test", "smpl": {
            "betas": np.repeat(p.parameters.betas[None], FRAMES, 0).astype(np.float32),
            "body_pose": p.parameters.body_pose.reshape(FRAMES, 23, 3).astype(np.float32),
            "global_orient": p.parameters.global_orient.astype(np.float32),
            "transl": p.parameters.transl.astype(np.float32),
        },
        "meta": {"gender": ["male"] * FRAMES, "height": [1080] * FRAMES, "width": [1920] * FRAMES},
        "misc": {"focal_length": (1158.0337, 1158.0337), "principal_point": (960, 540), "kps3d_root_aligned": False},
    }  # fmt: skip


def test_humandata_is_read_as_its_table_says(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", **human_data(multi=False))
    (read,) = read_annotations(tmp_path / "a.npz")
    assert (read.dataset, read.sequence, read.gender, read.images[2]) == ("humandata", "a", "male", "2.png")
    np.testing.assert_allclose(projected(read.K, read.joints), read.keypoints2d[..., :2], atol=PIXELS)
    np.testing.assert_allclose(posed(read), read.joints, atol=1e-6)  # float32 parameters
    assert read.extra["keypoints3d"].shape == (FRAMES, 190, 4)
    np.testing.assert_array_equal(read.image_size[0], [1920, 1080])


def test_multihumandata_has_the_people_of_each_picture(tmp_path):
    true = before_camera()
    np.savez_compressed(tmp_path / "a.npz", **human_data(multi=True))
    found = read_annotations(tmp_path / "a.npz")
    assert [(p.person, p.frames.tolist(), p.images) for p in found] == [
        ("0", [0, 1], ("0.png", "1.png")), ("1", [0, 1], ("0.png", "1.png"))
    ]  # fmt: skip
    np.testing.assert_array_equal(found[1].joints, true.joints[[1, 3]])
    bad = human_data(multi=True) | {"optional": {"frame_range": np.array([[0, 2], [2, 5]])}}
    np.savez_compressed(tmp_path / "a.npz", **bad)
    with pytest.raises(HpsError, match="frame_range goes to row 5 of 4"):
        read_annotations(tmp_path / "a.npz")


WRITERS = {
    "bedlam": (bedlam, write_bedlam),
    "camerahmr": (camerahmr, write_camerahmr),
    "evaluation_npz": (evaluation, write_evaluation),
    "humandata": (lambda: human_data(False), lambda path, people: write_human_data(path, people[0])),
}


@pytest.mark.parametrize("kind", WRITERS)
def test_what_is_written_is_read_again(tmp_path, kind):
    content, write = WRITERS[kind]
    np.savez(tmp_path / "a.npz", **content())
    first = read_annotations(tmp_path / "a.npz")
    write(tmp_path / "b.npz", first)
    again = read_annotations(tmp_path / "b.npz", kind)
    for a, b in zip(first, again, strict=True):
        for name in ("betas", "global_orient", "body_pose", "transl", "joints", "keypoints2d", "K", "boxes_xywh"):
            if getattr(a, name) is not None:
                np.testing.assert_allclose(getattr(b, name), getattr(a, name), atol=1e-12, err_msg=name)
        assert (a.person, a.gender, a.images, a.frames.tolist()) == (b.person, b.gender, b.images, b.frames.tolist())
    with np.load(tmp_path / "b.npz", allow_pickle=True) as trusted:  # numpy itself opens all of it
        assert all(trusted[name] is not None for name in trusted.files)


@pytest.mark.parametrize(
    ("content", "change", "message"),
    [
        (bedlam, {"pose_cam": np.zeros((FRAMES, 60))}, r"pose_cam has shape \(4, 60\), at least 66 columns"),
        (bedlam, {"gtkps": np.zeros((FRAMES, 17, 2))}, "gtkps has shape .*, 24 points at least"),
        (bedlam, {"sub": np.array(["a"])}, "sub has 1 entries, 4 were expected"),
        (camerahmr, {"pose": np.zeros((FRAMES, 66))}, r"pose has shape \(4, 66\), \(4, 72\) was expected"),
        (evaluation, {"body_pose": np.zeros((FRAMES, 69))}, "body_pose has shape"),
        (evaluation, {"body_keypoints_3d": np.zeros((FRAMES, 24, 4))}, r"body_keypoints_3d has shape \(4, 24, 4\)"),
        (lambda: human_data(False), {"image_path": ["a.png"]}, "image_path has 1 entries, the file 4 rows"),
        (lambda: human_data(False), {"smpl": [1]}, "smpl is a .*, a dictionary was expected"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_in_one_sentence(tmp_path, content, change, message):
    np.savez(tmp_path / "a.npz", **content() | change)
    with pytest.raises(HpsError, match=message) as caught:
        read_annotations(tmp_path / "a.npz")
    assert "\n" not in str(caught.value)


def test_44_points_have_names_of_their_own():
    assert (len(NAMES44), len(set(NAMES44))) == (44, 44)
