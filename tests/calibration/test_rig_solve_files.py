"""A solve survives the disk, and what is not one is refused."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from waved_board import ring, wave

from calibration.errors import CalibrationError
from calibration.rig_solve.solve import solve_rig
from calibration.rig_solve.solve_files import read_solve, write_solve


@pytest.fixture(scope="module")
def solved():
    push = np.eye(4)
    push[:3, 3] = 0.02
    waved = wave(ring(4), 120, seed=3, moved=("kinect_001", 60, push))
    alone = [view for view in waved.take.views if view.camera != "kinect_003/depth"]
    return solve_rig(waved.take.with_views(alone), waved.known, pairs=waved.pairs)


def same(a, b) -> None:
    """Compares all fields, arrays exactly."""
    if dataclasses.is_dataclass(a):
        for field in dataclasses.fields(a):
            same(getattr(a, field.name), getattr(b, field.name))
    elif isinstance(a, np.ndarray):
        np.testing.assert_array_equal(a, b)
    elif isinstance(a, dict):
        assert set(a) == set(b)
        for key in a:
            same(a[key], b[key])
    elif isinstance(a, tuple | list):
        assert len(a) == len(b)
        for one, other in zip(a, b, strict=True):
            same(one, other)
    elif isinstance(a, float) and np.isnan(a):
        assert np.isnan(b)
    else:
        assert a == b


def test_a_solve_survives_the_disk(solved, tmp_path):
    assert solved.moved  # or the test would not see these arrays
    write_solve(tmp_path, solved)
    same(solved, read_solve(tmp_path))


def test_a_damaged_solve_is_refused(solved, tmp_path):
    with pytest.raises(CalibrationError, match=r"no rig solve here"):
        read_solve(tmp_path)
    write_solve(tmp_path, solved)
    words = json.loads((tmp_path / "solve.json").read_text())
    (tmp_path / "solve.json").write_text(json.dumps({**words, "schema": 99}))
    with pytest.raises(CalibrationError, match=r"schema 99"):
        read_solve(tmp_path)
    del words["quality"]
    (tmp_path / "solve.json").write_text(json.dumps(words))
    with pytest.raises(CalibrationError, match=r"damaged \('quality'\)"):
        read_solve(tmp_path)
