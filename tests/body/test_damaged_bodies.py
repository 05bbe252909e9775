"""The smallest bodies and motions that once ended in a traceback: one sentence now, and no code run."""

from __future__ import annotations

import json
import pickle
import zipfile

import numpy as np
import pytest

from body.errors import BodyError
from body.loading import read_body_model
from body.motion.amass import read_amass
from body.motion.clip_file import read_clip
from body.motion.deepmimic import read_deepmimic

TREE = [4294967295, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21]


def model_arrays():
    """Of 24 vertices, each a joint."""
    return {
        "v_template": np.random.default_rng(0).normal(size=(24, 3)), "f": np.array([[0, 1, 2]], np.uint32),
        "shapedirs": np.zeros((24, 3, 10)), "J_regressor": np.eye(24), "weights": np.eye(24),
        "kintree_table": np.array([TREE, range(24)], np.int64),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("J_regressor", np.float64(1.0)),
        ("J_regressor", [[1], [2, 3]]),
        ("J_regressor", "x"),
        ("f", [["a", "b", "c"]]),
        ("kintree_table", [None] * 24),
        ("weights", 2**70),
    ],
)
def test_a_body_whose_arrays_are_of_another_kind_is_a_sentence(tmp_path, name, value):
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(model_arrays()))
    assert read_body_model(tmp_path / "a.pkl").vertex_count == 24
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({**model_arrays(), name: value}))
    with pytest.raises(BodyError, match=r"a\.pkl"):
        read_body_model(tmp_path / "a.pkl")


def test_a_motion_with_a_member_that_is_no_array_is_a_sentence(tmp_path):
    whole = {"poses": np.zeros((2, 72)), "trans": np.zeros((2, 3)), "betas": np.zeros(10), "mocap_framerate": 60.0}
    np.savez(tmp_path / "a.npz", **whole)
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    for content in (b"no array", b"\x93NUMPY\x01\x00\xc8\x00" + b"(" * 200):
        with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
            for member, data in (members | {"poses.npy": content}).items():
                archive.writestr(member, data)
        with pytest.raises(BodyError, match=r"a\.npz"):
            read_amass(tmp_path / "a.npz")
        with pytest.raises(BodyError, match=r"a\.npz"):
            read_clip(tmp_path / "a.npz")
        with pytest.raises(BodyError, match=r"a\.npz"):
            read_body_model(tmp_path / "a.npz")


@pytest.mark.parametrize("gender", [np.zeros(0), np.array([b"\xff"]), np.array("x")])
def test_a_strange_gender_is_no_error(tmp_path, gender):
    whole = {"poses": np.zeros((2, 72)), "trans": np.zeros((2, 3)), "betas": np.zeros(10), "mocap_framerate": 60.0}
    np.savez(tmp_path / "a.npz", gender=gender, **whole)
    assert isinstance(read_amass(tmp_path / "a.npz").gender, str)


def test_a_motion_is_read_though_what_nobody_needs_of_it_is_python_objects(tmp_path):
    """Names of markers may be a ragged list, which numpy stores as a pickle: it is not opened."""
    whole = {"poses": np.zeros((2, 72)), "trans": np.zeros((2, 3)), "betas": np.zeros(10), "mocap_framerate": 60.0}
    np.savez(tmp_path / "a.npz", labels=np.array([["ARIEL", "C7"], "LFHD", None], object), **whole)
    assert read_amass(tmp_path / "a.npz").rate_hz == 60.0
    np.savez(tmp_path / "a.npz", **{**whole, "betas": np.array([None], object)})
    with pytest.raises(BodyError, match=r"a\.npz"):
        read_amass(tmp_path / "a.npz")


@pytest.mark.parametrize("change", [{4: 0.0, 5: 0.0, 6: 0.0, 7: 0.0}, {1: float("nan")}, {0: 10**400}])
def test_a_clip_without_a_rotation_is_a_sentence(tmp_path, change):
    frame = [0.03, 0, 0.9, 0, *[1, 0, 0, 0] * 4, 0, *[1, 0, 0, 0] * 2, 0, *[1, 0, 0, 0], 0, *[1, 0, 0, 0] * 2, 0]
    assert len(frame) == 44
    frame[25:29] = frame[30:34] = frame[35:39] = frame[39:43] = [1, 0, 0, 0]
    (tmp_path / "a.txt").write_text(json.dumps({"Frames": [frame, frame]}))
    read_deepmimic(tmp_path / "a.txt")
    for place, value in change.items():
        frame[place] = value
    (tmp_path / "a.txt").write_text(json.dumps({"Frames": [frame, frame]}))
    with pytest.raises(BodyError, match=r"a\.txt"):
        read_deepmimic(tmp_path / "a.txt")
