"""Finding and opening body files: every layout of SMPL's, and every wrong file in one clear sentence."""

from __future__ import annotations

import pickle
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse

from body.errors import BodyError
from body.joints import JOINT_COUNT
from body.loading import OPEN_BODY, SETTING, find_body_model, load_body_model, read_body_model
from body.model import BodyModel
from body.model_arrays import model_from_arrays
from body.parameters import BodyParameters
from body.pickles import read_pickle
from body.writing import save_smpl_npz, save_smpl_pkl, smpl_arrays, write_arrays


@pytest.fixture(scope="module")
def model() -> BodyModel:
    return read_body_model(OPEN_BODY)


@pytest.fixture(autouse=True)
def _no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SETTING, raising=False)


@pytest.fixture(scope="module")
def official(model: BodyModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The open body as the official files are: Python 2 pickle, chumpy arrays, sparse regressor, ten betas."""
    chumpy, ch = types.ModuleType("chumpy"), types.ModuleType("chumpy.ch")

    class Ch:
        def __init__(self, x: np.ndarray) -> None:
            self.x = x

    Ch.__module__ = "chumpy.ch"
    Ch.__qualname__ = "Ch"
    ch.Ch = Ch  # type: ignore[attr-defined]
    sys.modules.update({"chumpy": chumpy, "chumpy.ch": ch})
    arrays = smpl_arrays(model)
    content = {key: arrays[key] for key in ("weights", "kintree_table", "f")}
    content |= {"v_template": Ch(arrays["v_template"]), "shapedirs": Ch(arrays["shapedirs"][..., :10])}
    content |= {"posedirs": arrays["posedirs"], "bs_type": "lrotmin", "J": Ch(model.rest_joints())}
    content["J_regressor"] = scipy.sparse.csc_matrix(arrays["J_regressor"])
    path = tmp_path_factory.mktemp("official") / "basicmodel_neutral_lbs_10_207_0_v1.1.0.pkl"
    try:
        path.write_bytes(pickle.dumps(content, protocol=2))
    finally:
        del sys.modules["chumpy"], sys.modules["chumpy.ch"]
    return path


def random_parameters(betas: int) -> BodyParameters:
    rng = np.random.default_rng(0)
    return BodyParameters(
        betas=rng.normal(size=betas), global_orient=rng.normal(size=(2, 3)), transl=rng.normal(size=(2, 3)),
        body_pose=0.4 * rng.normal(size=(2, 69)),
    )  # fmt: skip


def test_official_pickle_opens_without_chumpy(model: BodyModel, official: Path) -> None:
    loaded = load_body_model(official)
    assert "chumpy" not in sys.modules
    assert loaded.shape_count == 10
    assert loaded.child_direction is None
    parameters = random_parameters(10)
    np.testing.assert_allclose(loaded.pose(parameters).vertices, model.pose(parameters).vertices, atol=1e-12)


def test_npz_round_trip_poses_identically(model: BodyModel, tmp_path: Path) -> None:
    save_smpl_npz(model, tmp_path / "saved.npz")
    loaded = load_body_model(tmp_path / "saved.npz")
    parameters = random_parameters(16)
    np.testing.assert_array_equal(loaded.pose(parameters).vertices, model.pose(parameters).vertices)
    np.testing.assert_array_equal(loaded.uv_faces, model.uv_faces)
    np.testing.assert_array_equal(loaded.mirror, model.mirror)
    assert loaded.keypoint_vertices == model.keypoint_vertices


def test_pkl_opens_in_smplx_and_here(model: BodyModel, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    smplx = pytest.importorskip("smplx", reason="needs the package smplx (extra `smpl`)")
    (tmp_path / "smpl").mkdir()
    save_smpl_pkl(model, tmp_path / "smpl" / "SMPL_NEUTRAL.pkl")
    parameters = random_parameters(10)
    expected = model.pose(parameters).vertices
    np.testing.assert_allclose(load_body_model(tmp_path).pose(parameters).vertices, expected, atol=1e-12)
    other = smplx.create(str(tmp_path), model_type="smpl", batch_size=2, dtype=torch.float64)
    tensors = {key: torch.tensor(getattr(parameters, key)) for key in ("global_orient", "body_pose", "transl")}
    vertices = other(betas=torch.tensor(parameters.betas)[None].expand(2, -1), **tensors).vertices
    # smplx reads files into float32 and adds 1e-8 to axis-angles
    np.testing.assert_allclose(vertices.detach().numpy(), expected, atol=1e-6)


def test_setting_folder_and_gender_choose_the_file(
    model: BodyModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_smpl_npz(model, tmp_path / "SMPL_FEMALE.npz")
    save_smpl_npz(model, tmp_path / "basicmodel_m_lbs_10_207_0_v1.1.0.npz")
    assert find_body_model().is_open_body
    monkeypatch.setenv(SETTING, str(tmp_path))
    found = find_body_model(gender="female")
    assert found.used == tmp_path / "SMPL_FEMALE.npz"
    assert found.setting == str(tmp_path)
    assert found.model is not None
    assert len(found.model.sha256) == 64
    with pytest.raises(BodyError, match=rf"{SETTING}\) holds no neutral body model; looked for SMPL_NEUTRAL.pkl"):
        load_body_model()
    missing = find_body_model(gender="neutral")
    assert missing.used is None
    assert "SMPL_NEUTRAL.pkl" in (missing.problem or "")
    assert tmp_path / "SMPL_NEUTRAL.npz" in missing.candidates
    assert load_body_model(OPEN_BODY).name == "open body"


def evil_pickle(module: str, name: str, *arguments: str) -> bytes:
    """{'f': module.name(*arguments)} in protocol 2, written by hand."""
    strings = b"".join(b"X" + len(a).to_bytes(4, "little") + a.encode() for a in arguments)
    call = b"c" + module.encode() + b"\n" + name.encode() + b"\n(" + strings + b"tR"
    return b"\x80\x02}X\x01\x00\x00\x00f" + call + b"s."


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"), ("posix", "system"), ("builtins", "eval"), ("__builtin__", "eval"), ("builtins", "getattr"),
        ("numpy.testing", "runstring"), ("numpy", "load"), ("numpy.core.multiarray", "fromstring"),
        ("numpy._core.multiarray", "add_docstring"), ("scipy.sparse", "load_npz"), ("functools", "partial"),
        ("body.pickles", "read_pickle"), ("copyreg", "__newobj__"),
    ],
)  # fmt: skip
def test_pickles_that_call_functions_are_refused(tmp_path: Path, module: str, name: str) -> None:
    marker = tmp_path / "ran"
    path = tmp_path / "SMPL_NEUTRAL.pkl"
    path.write_bytes(evil_pickle(module, name, f"open({str(marker)!r}, 'w')"))
    with pytest.raises(BodyError, match=f"names {module}.{name}, which no body model needs"):
        read_pickle(path)
    assert not marker.exists()


def test_allowed_names_cannot_build_other_objects(tmp_path: Path) -> None:
    path = tmp_path / "SMPL_NEUTRAL.pkl"
    path.write_bytes(
        b"\x80\x02}X\x01\x00\x00\x00fccopyreg\n_reconstructor\n(c__builtin__\nset\nc__builtin__\nobject\nNtRs."
    )
    with pytest.raises(BodyError, match="was not opened"):
        read_pickle(path)


@pytest.mark.parametrize(
    ("joints", "kind"), [(52, "SMPL-H"), (55, "SMPL-X"), (16, "MANO"), (5, "FLAME"), (33, "a model of 33 joints")]
)
def test_other_body_models_are_named(tmp_path: Path, joints: int, kind: str) -> None:
    arrays = {
        "v_template": np.zeros((50, 3)), "shapedirs": np.zeros((50, 3, 10)), "J_regressor": np.zeros((joints, 50)),
        "weights": np.zeros((50, joints)), "f": np.zeros((9, 3), int),
        "kintree_table": np.stack([np.arange(joints) - 1, np.arange(joints)]),
    }  # fmt: skip
    write_arrays(arrays, tmp_path / "other.npz")
    with pytest.raises(BodyError, match=rf"other.npz is {kind}.*; humanrig needs an SMPL file of 24 joints"):
        load_body_model(tmp_path / "other.npz")


def test_broken_files_say_what_is_wrong(tmp_path: Path, official: Path) -> None:
    whole, pickled = OPEN_BODY.read_bytes(), official.read_bytes()
    files = {
        "short.npz": whole[: len(whole) // 2],
        "short.pkl": pickled[: len(pickled) // 2],
        "text.npz": b"this is no archive",
        "text.pkl": b"this is no pickle",
        "empty.pkl": b"",
        "empty.npz": b"",
        "list.pkl": pickle.dumps([1, 2, 3]),
        "body.fbx": b"",
    }
    expected = {
        "short": "whole", "text": "whole", "empty": "whole", "list": "holds a list", "body": "ends in '.fbx'",
    }  # fmt: skip
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(BodyError, match=expected[name.split(".")[0]]) as caught:
            load_body_model(tmp_path / name)
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(BodyError, match="does not exist"):
        load_body_model(tmp_path / "nothing.pkl")
    np.savez(tmp_path / "random.npz", a=np.zeros(3))
    with pytest.raises(BodyError, match=r"random.npz is not an SMPL-format body model: it lacks v_template"):
        load_body_model(tmp_path / "random.npz")
    np.savez(tmp_path / "objects.npz", v_template=np.array([{}], dtype=object))
    with pytest.raises(BodyError, match="plain arrays"):
        load_body_model(tmp_path / "objects.npz")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("weights", np.zeros((7, 24)), r"weights has shape \(7, 24\)"),
        ("weights", np.zeros((6889, 24)), "the skinning weights of vertex 0 sum to 0.000"),
        ("shapedirs", np.zeros((6889, 3)), "shapedirs has shape"),
        ("posedirs", np.zeros((6889, 3, 459)), "posedirs has shape"),
        ("J_regressor", np.zeros((24, 6890)), "J_regressor has shape"),
        ("f", np.full((5, 3), 9999), "points at entry 9999 of 6889"),
        ("v_template", np.full((6889, 3), np.nan), "not finite"),
        ("v_template", np.array([["a"] * 3] * 6889), "does not hold numbers"),
        ("kintree_table", np.stack([np.arange(JOINT_COUNT) - 1] * 2), "not SMPL's joint tree"),
    ],
)
def test_bad_arrays_are_named(model: BodyModel, key: str, value: np.ndarray, message: str) -> None:
    with pytest.raises(BodyError, match=message):
        model_from_arrays(smpl_arrays(model) | {key: value}, "some.npz")


def test_a_search_reports_a_bad_file_without_raising(tmp_path: Path) -> None:
    (tmp_path / "SMPL_NEUTRAL.pkl").write_bytes(b"no")
    found = find_body_model(tmp_path)
    assert found.used == tmp_path / "SMPL_NEUTRAL.pkl"
    assert found.model is None
    assert found.problem
