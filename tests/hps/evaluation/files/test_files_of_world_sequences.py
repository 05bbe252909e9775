"""3DPW and EMDB: files written by hand from the formats' tables, read, and written again."""

from __future__ import annotations

import numpy as np
import pytest
from file_people import FRAMES, PIXELS, dumped, emdb, in_camera, person, projected, reprojected, three_dpw

from hps.errors import HpsError
from hps.evaluation.files.emdb import write_emdb
from hps.evaluation.files.opening import read_annotations
from hps.evaluation.files.three_dpw import COCO18, write_3dpw


@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_3dpw_is_read_as_its_table_says(tmp_path, protocol):
    people = [person(0), person(3)]
    people[1].__dict__.update(Ts=people[0].Ts, K=people[0].K)
    people[1].q = projected(people[1].K, in_camera(people[1].joints, people[1].Ts))
    found = read_annotations(dumped(tmp_path / "downtown_cafe_00.pkl", three_dpw(people), protocol))
    assert [(p.dataset, p.sequence, p.person, p.gender) for p in found] == [
        ("3dpw", "downtown_cafe_00", "0", "male"), ("3dpw", "downtown_cafe_00", "1", "female")
    ]  # fmt: skip
    for read, true in zip(found, people):
        np.testing.assert_array_equal(read.global_orient, true.parameters.global_orient)
        np.testing.assert_array_equal(read.body_pose, true.parameters.body_pose)
        np.testing.assert_array_equal(read.betas[:, :10], np.repeat(true.parameters.betas[None], FRAMES, 0))
        np.testing.assert_array_equal(read.joints, true.joints)
        q = reprojected(read)[:, [15, 17, 19, 8]]
        stored = read.keypoints2d[
            :, [COCO18.index(n) for n in ("nose", "right_shoulder", "right_elbow", "right_ankle")]
        ]
        np.testing.assert_allclose(q[1:], stored[1:, :, :2], atol=PIXELS)
    assert found[0].valid.tolist() == [False, True, False, True]  # no 2D point in frame 0, a wrong camera in frame 2
    assert found[1].valid.tolist() == [True, True, False, True]
    assert found[0].images[1] == "downtown_cafe_00/image_00001.jpg"  # img_frame_ids count at 60 Hz
    assert found[0].extra["img_frame_ids"].tolist() == [0, 2, 4, 6]


def test_emdb_is_read_as_its_table_says(tmp_path):
    true = person(1)
    path = dumped(tmp_path / "P5/40_indoor_walk_big_circle/P5_40_indoor_walk_big_circle_data.pkl", emdb(true))
    (read,) = read_annotations(path)
    assert (read.dataset, read.gender, read.fps) == ("emdb", "female", 30)
    np.testing.assert_array_equal(read.image_size[0], [1920, 1080])
    assert read.valid.tolist() == [True, True, False, True]
    assert np.isnan(read.boxes_xywh[2]).all()
    np.testing.assert_allclose(read.boxes_xywh[0, :2] + read.boxes_xywh[0, 2:], true.q[0].max(0))
    np.testing.assert_allclose(projected(read.K, in_camera(true.joints, read.Ts_camera_world)), true.q, atol=PIXELS)
    np.testing.assert_array_equal(read.keypoints2d[..., :2], true.q)
    assert read.images[3] == "P5/40_indoor_walk_big_circle/images/00003.jpg"


@pytest.mark.parametrize("kind", ["3dpw", "emdb"])
def test_what_is_written_is_read_again(tmp_path, kind):
    true = person(1)
    first = read_annotations(dumped(tmp_path / "a.pkl", three_dpw([true]) if kind == "3dpw" else emdb(true)))
    if kind == "3dpw":
        write_3dpw(tmp_path / "b.pkl", first)
    else:
        write_emdb(tmp_path / "b.pkl", first[0])
    assert b"numpy._core" not in (tmp_path / "b.pkl").read_bytes()  # which numpy 1 does not have
    (again,) = read_annotations(tmp_path / "b.pkl")
    for name in ("betas", "global_orient", "body_pose", "transl", "joints", "keypoints2d", "K", "valid", "boxes_xywh"):
        np.testing.assert_equal(getattr(again, name), getattr(first[0], name))
    assert (again.sequence, again.gender) == (first[0].sequence, first[0].gender)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"poses": [np.zeros((FRAMES, 71))]}, r"poses\[0\] has shape \(4, 71\), \(4, 72\) was expected"),
        ({"trans": []}, "trans has 0 entries, 1 were expected"),
        ({"cam_intrinsics": np.eye(4)}, "cam_intrinsics has shape"),
        ({"betas": ["ten"]}, r"betas\[0\] holds <U3, numbers were expected"),
        ({"genders": "m"}, "genders is a str, a list was expected"),
    ],
)
def test_what_does_not_fit_is_told_in_one_sentence(tmp_path, change, message):
    with pytest.raises(HpsError, match=message) as caught:
        read_annotations(dumped(tmp_path / "a.pkl", three_dpw([person(0)]) | change))
    assert "\n" not in str(caught.value)
    assert str(tmp_path / "a.pkl") in str(caught.value)


def test_frames_that_differ_are_not_written_where_there_is_one_place(tmp_path):
    (read,) = read_annotations(dumped(tmp_path / "a.pkl", emdb(person(0))))
    read.betas[1] += 1
    with pytest.raises(HpsError, match="has one betas for all frames; here the frames differ"):
        write_emdb(tmp_path / "b.pkl", read)
    with pytest.raises(HpsError, match="has one betas for all frames"):
        write_3dpw(tmp_path / "b.pkl", [read])
    assert not (tmp_path / "b.pkl").exists()
