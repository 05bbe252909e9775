"""AGORA: tables that seven versions of pandas wrote, fits beside them, and predictions of one file a person."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import agora_tables as tables
import numpy as np
import pytest
from file_people import dumped, projected, reprojected

from hps.errors import HpsError
from hps.evaluation.files.agora import agora_columns, read_agora
from hps.evaluation.files.agora_predictions import write_agora_predictions
from hps.evaluation.files.opening import read_annotations

DATA = sorted((Path(__file__).parent / "data").glob("agora_pandas_*.pkl"))
WHO = [(0, 0), (0, 1), (1, 0)]
METRES = 1e-12
"""A few operations of float64 on metres."""


@pytest.mark.parametrize("path", DATA, ids=lambda path: path.stem)
def test_tables_of_every_pandas_are_the_same_people(path):
    found = read_annotations(path)
    assert [(p.sequence, p.person) for p in found] == [(tables.PICTURES[i][0][:-4], str(n)) for i, n in WHO]
    for read, (i, n) in zip(found, WHO):
        np.testing.assert_allclose(read.joints[0], tables.seen(i, n), atol=METRES)
        np.testing.assert_allclose(reprojected(read)[0], read.keypoints2d[0, :, :2], atol=1e-8)
        assert read.vertices.dtype == np.float32
        np.testing.assert_array_equal(read.image_size[0], [3840, 2160])
    assert [p.valid.tolist() for p in found] == [[True], [True], [False]]
    assert [p.occlusion.tolist() for p in found] == [[0.125], [0.95], [0.0]]
    assert [(p.gender, p.child[0], p.extra["age"]) for p in found] == [
        ("male", 0.0, "31-50"), ("female", 1.0, "0-5"), ("female", 0.0, "18-30")
    ]  # fmt: skip
    assert "pandas" not in sys.modules


def test_fits_stand_where_unreal_has_them(tmp_path):
    for name in ("a_0_0", "a_0_1", "b_0_0"):
        fit = {
            "betas": np.ones((1, 11)), "root_pose": np.zeros((1, 1, 3)), "body_pose": np.zeros((1, 23, 3)),
            "translation": np.array([[1.0, 2.0, 3.0]]),
        }  # fmt: skip
        dumped(tmp_path / f"smpl/{name}.pkl", fit)
    found = read_agora(DATA[0], fits=tmp_path)
    for read, (i, n) in zip(found, WHO):
        assert read.frame == "world"
        np.testing.assert_allclose(read.joints[0], tables.joints_of_fit(i, n), atol=METRES)
        np.testing.assert_allclose(reprojected(read)[0], tables.pixels(i, n), atol=1e-8)
        assert (read.betas.shape, read.child.tolist(), read.transl.tolist()) == ((1, 10), [1.0], [[1.0, 2.0, 3.0]])
    with pytest.raises(HpsError, match=r"smpl/a_0_0\.pkl cannot be read"):
        read_agora(DATA[0], fits=tmp_path / "none")


def test_a_path_of_a_fit_cannot_lead_out_of_its_folder(tmp_path):
    columns = tables.columns()
    columns["gt_path_smpl"] = [["../secret.obj", "x.obj"], ["y.obj"]]
    with pytest.raises(HpsError, match=r"'\.\./secret\.obj' leads out of"):
        read_agora(_table(tmp_path / "t.pkl", columns), fits=tmp_path)


def test_lists_of_other_lengths_are_told_with_their_row(tmp_path):
    columns = tables.columns()
    columns["occlusion"] = [[1.0, 2.0], [3.0, 4.0]]
    with pytest.raises(HpsError, match=r"t\.pkl, row 1: occlusion has 2 entries, 1 were expected"):
        read_annotations(_table(tmp_path / "t.pkl", columns))


def test_columns_for_pandas_are_those_of_the_table(tmp_path):
    found = read_annotations(DATA[0])
    again = read_annotations(_table(tmp_path / "t.pkl", agora_columns(found)))
    for a, b in zip(found, again, strict=True):
        np.testing.assert_array_equal(a.joints, b.joints)
        np.testing.assert_array_equal(a.keypoints2d, b.keypoints2d)
        assert (a.sequence, a.person, a.gender, a.valid, a.occlusion) == (
            b.sequence, b.person, b.gender, b.valid, b.occlusion
        )  # fmt: skip


def test_predictions_are_read_by_their_names_and_written_in_pixels_of_4k(tmp_path):
    truth = read_annotations(DATA[0])
    for p, (i, n) in zip(truth, WHO):
        content = {
            "joints": tables.pixels(i, n), "verts": np.zeros((6890, 3), np.float32), "age": "adult",
            "allSmplJoints3d": tables.seen(i, n)[None],
        }  # fmt: skip
        dumped(tmp_path / f"in/{p.sequence}_personId_{n}.pkl", content)
    found = read_annotations(tmp_path / "in")
    assert [(p.sequence, p.person) for p in found] == [(p.sequence, p.person) for p in truth]
    np.testing.assert_array_equal(found[1].joints[0], tables.seen(0, 1))
    np.testing.assert_array_equal(found[2].keypoints2d[0, :, :2], tables.pixels(1, 0))
    written = write_agora_predictions(tmp_path / "out", found)
    assert [p.name for p in written] == sorted(p.name for p in (tmp_path / "in").iterdir())
    again = read_annotations(tmp_path / "out", kind="agora_predictions")
    np.testing.assert_array_equal(again[1].joints, found[1].joints)


def test_predictions_of_matrices_become_turns(tmp_path):
    params = {
        "transl": np.zeros((1, 3)), "betas": np.zeros((1, 10)), "global_orient": np.eye(3)[None, None],
        "body_pose": np.tile(np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]), (1, 21, 1, 1)),
    }  # fmt: skip
    path = dumped(tmp_path / "a_personId_0.pkl", {"params": params, "pose2rot": False, "gender": "male"})
    (read,) = read_annotations(path)
    np.testing.assert_allclose(read.body_pose.reshape(21, 3), np.tile([0, 0, np.pi / 2], (21, 1)), atol=1e-12)
    assert (read.body, read.gender, read.joints) == ("smplx", "male", None)


def _table(path: Path, columns: dict) -> Path:
    """As pandas 1.1 pickles a table of objects: the manager's state has its blocks as dictionaries."""
    names = ("pandas.core.frame", "DataFrame"), ("pandas.core.internals.managers", "BlockManager")
    index = types.ModuleType("pandas.core.indexes.base")
    packages = ("pandas", "pandas.core", "pandas.core.indexes", "pandas.core.internals")
    modules = {"pandas.core.indexes.base": index} | {name: types.ModuleType(name) for name in packages}
    made = {}
    for module, name in names:
        modules[module] = types.ModuleType(module)
        made[name] = type(name, (), {"__module__": module, "__reduce__": _reduced})
        setattr(modules[module], name, made[name])
    index.Index = type("Index", (), {"__module__": index.__name__})
    index._new_Index = types.FunctionType(_new_index.__code__, {}, "_new_Index")
    index._new_Index.__module__, index._new_Index.__qualname__ = index.__name__, "_new_Index"
    made["Index"] = type("Held", (), {"__reduce__": lambda self: (index._new_Index, (index.Index, self.state))})
    values = np.empty((len(columns), 2), object)
    for row, cells in enumerate(columns.values()):
        for n, cell in enumerate(cells):
            values[row, n] = cell
    axis, frame, manager = made["Index"](), made["DataFrame"](), made["BlockManager"]()
    axis.state = {"data": np.array(list(columns), object), "name": None}
    blocks = [{"values": values, "mgr_locs": slice(0, len(columns), 1)}]
    manager.state = ([axis, axis], [values], [axis], {"0.14.1": {"axes": [axis, axis], "blocks": blocks}})
    frame.state = {"_mgr": manager, "_typ": "dataframe", "_metadata": []}
    sys.modules.update(modules)
    try:
        return dumped(path, frame)
    finally:
        for module in modules:
            del sys.modules[module]


def _reduced(self):
    return type(self), (), self.state


def _new_index(cls, d):
    return cls, d


def test_the_table_by_hand_projects_too():
    """The numbers that the tables hold, against a projection of their own."""
    K = np.array([[18 / 36 * 3840, 0, 1920], [0, 18 / 20.25 * 2160, 1080], [0, 0, 1]])
    np.testing.assert_allclose(projected(K, tables.seen(0, 0)), tables.pixels(0, 0), atol=1e-8)
