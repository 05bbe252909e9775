"""MATLAB files: the arrays that scipy reads, and a word where they are damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.io

from geometry import unpacking
from hps.errors import HpsError
from hps.evaluation.files.mat_files import forget_mat_files, mat_array, mat_shapes


@pytest.mark.parametrize("deflated", [True, False])
def test_arrays_are_those_that_scipy_reads(tmp_path, deflated):
    rng = np.random.default_rng(0)
    kinds = ["f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"]
    content = {f"a{n}": (9 * rng.normal(size=(n % 4, 3, 2))).astype(kind) for n, kind in enumerate(2 * kinds)}
    content |= {"one": np.array([[3.0]]), "a_long_name_that_does_not_fit_into_its_tag": np.arange(7.0)[None]}
    others = {"text": "a", "cell": np.array([["a", 1]], object), "complex": np.array([1j]), "struct": {"a": 1.0}}
    scipy.io.savemat(tmp_path / "a.mat", content | others, do_compression=deflated, long_field_names=True)
    with open(tmp_path / "a.mat", "rb") as file:
        trusted = scipy.io.loadmat(file)
    shapes = mat_shapes(tmp_path / "a.mat")
    assert set(shapes) == set(content)
    for name in content:
        found = mat_array(str(tmp_path / "a.mat"), name)
        assert shapes[name] == trusted[name].shape
        np.testing.assert_array_equal(found, trusted[name].astype(np.float64))
    for name in others:
        with pytest.raises(HpsError, match=f"{name} is no array of real numbers"):
            mat_array(str(tmp_path / "a.mat"), name)


def test_damage_is_told(tmp_path: Path):
    path = tmp_path / "a.mat"
    scipy.io.savemat(path, {"joints3D": np.ones((3, 24, 4))})
    whole = path.read_bytes()
    cases = {
        b"": "has not the header of version 5",
        b"\x89HDF" + whole[4:124] + b"\0\2IM" + whole[128:]: "has not the header",
        whole[:-100]: r"an array of shape \(3, 24, 4\) in 2204 bytes",
        whole[:163] + b"\xff" + whole[164:]: "an array of shape",
        whole[:128]: "has no joints3D",
    }
    for content, message in cases.items():
        path.write_bytes(content)
        forget_mat_files()
        with pytest.raises(HpsError, match=message):
            mat_array(str(path), "joints3D")
    with pytest.raises(HpsError, match="is missing"):
        mat_shapes(tmp_path / "b.mat")


def test_what_was_made_to_fill_the_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(unpacking, "ALWAYS_BYTES", 2**18)
    path = tmp_path / "a.mat"
    for size, refused in ((2**14, False), (2**20, True)):
        scipy.io.savemat(path, {"joints3D": np.zeros(size)}, do_compression=True)
        forget_mat_files()
        assert mat_shapes(path) == {"joints3D": (1, size)}
        if refused:
            with pytest.raises(HpsError, match=r"it would become more than 0\.0 GiB"):
                mat_array(str(path), "joints3D")
        else:
            assert mat_array(str(path), "joints3D").size == size
