"""The open body as shipped: a closed symmetric person with the parts its readers rely on."""

from __future__ import annotations

import numpy as np
import pytest

from body.joints import JOINT_COUNT, JOINT_INDEX, JOINT_NAMES, MIRROR, PARENTS
from body.loading import OPEN_BODY, load_body_model, read_body_model
from body.model import BodyModel
from body.parameters import BodyParameters
from body.writing import write_arrays

FLIP = np.array([-1.0, 1.0, 1.0])


@pytest.fixture(scope="module")
def model() -> BodyModel:
    return read_body_model(OPEN_BODY)


def posed(model: BodyModel, pose: np.ndarray, betas: np.ndarray | None = None, child: float = 0.0) -> np.ndarray:
    parameters = BodyParameters(
        betas=np.zeros(10) if betas is None else betas, global_orient=pose[:1], body_pose=pose[1:].reshape(1, 69),
        transl=np.zeros((1, 3)), child=child,
    )  # fmt: skip
    return model.pose(parameters).vertices[0]


def test_joint_tables_agree() -> None:
    assert len(set(JOINT_NAMES)) == JOINT_COUNT == 24
    for joint, (parent, partner) in enumerate(zip(PARENTS, MIRROR)):
        assert parent < joint
        assert MIRROR[partner] == joint
        assert joint == 0 or MIRROR[parent] == PARENTS[partner]


def test_file_is_small_and_is_the_default(model: BodyModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HUMANRIG_BODY_MODEL", raising=False)
    assert OPEN_BODY.stat().st_size < 4e6
    assert load_body_model().sha256 == model.sha256


@pytest.mark.parametrize("child", [0.0, 0.5, 1.0])
def test_surface_is_closed_and_faces_outward(model: BodyModel, child: float) -> None:
    mesh = model.mesh(model.shaped(child=child))
    assert 6800 < model.vertex_count < 7000
    assert mesh.is_watertight()
    assert len(np.unique(model.faces)) == model.vertex_count
    # Euler number of a sphere: no handles, one piece
    assert model.vertex_count - 3 * len(model.faces) // 2 + len(model.faces) == 2
    # a person weighs about as much as the water of the same volume: 16 kg at five years, 65-80 kg grown up
    kilograms = 1000 * mesh.volume()
    assert (62 < kilograms < 82) if child == 0 else (12 < kilograms < 24) if child == 1 else (24 < kilograms < 62)


def test_heights_of_adult_and_child(model: BodyModel) -> None:
    heights = [np.ptp(model.shaped(child=c)[:, 1]) for c in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert 1.60 < heights[0] < 1.78
    assert 1.00 < heights[-1] < 1.18  # WHO: the median of five-year-olds is 1.10 m
    np.testing.assert_allclose(np.diff(heights), np.diff(heights).mean(), atol=0.01)


def test_axes_and_origin(model: BodyModel) -> None:
    joints = dict(zip(JOINT_NAMES, model.rest_joints()))
    assert joints["left_wrist"][0] > 0.5
    assert joints["head"][1] > 0.3
    assert joints["left_foot"][2] > joints["left_ankle"][2]
    assert model.v_template[model.keypoint_vertices["nose"], 2] > joints["head"][2]
    # the convention of the build: the same pelvis for every shape, up to the regressor's 0.5 mm
    for betas, child in ((np.zeros(10), 0.0), (2 * np.eye(10)[0], 0.0), (np.zeros(10), 1.0)):
        np.testing.assert_allclose(model.rest_joints(betas, child)[0], [0, -0.2, 0.02], atol=0.002)


def test_joints_lie_inside_the_body(model: BodyModel) -> None:
    from geometry.open3d_loading import load_open3d

    o3d = load_open3d()
    for child in (0.0, 1.0):
        scene = o3d.t.geometry.RaycastingScene()
        vertices = model.shaped(child=child).astype(np.float32)
        scene.add_triangles(o3d.core.Tensor(vertices), o3d.core.Tensor(model.faces.astype(np.uint32)))
        distance = scene.compute_signed_distance(o3d.core.Tensor(model.rest_joints(child=child).astype(np.float32)))
        assert (distance.numpy() < 0).all(), [JOINT_NAMES[j] for j in np.flatnonzero(distance.numpy() >= 0)]


def test_left_and_right_mirror_each_other_in_any_pose_and_shape(model: BodyModel) -> None:
    mirror = model.mirror
    assert mirror is not None
    np.testing.assert_array_equal(mirror[mirror], np.arange(model.vertex_count))
    rng = np.random.default_rng(0)
    pose = 0.4 * rng.normal(size=(24, 3))
    pose[0] = 0
    betas = rng.normal(size=16)
    mirrored = pose[list(MIRROR)] * [1.0, -1.0, -1.0]
    a, b = posed(model, pose, betas, 0.3), posed(model, mirrored, betas, 0.3)
    # the file rounds lengths to 1e-6 m and correctives to float16 (5e-4 of at most 0.1 m)
    np.testing.assert_allclose(b, FLIP * a[mirror], atol=5e-5)


def test_weights_regressor_and_correctives_have_smpls_form(model: BodyModel) -> None:
    assert ((model.weights > 0).sum(1) <= 4).all()
    np.testing.assert_allclose(model.weights.sum(1), 1, atol=1e-12)
    assert model.J_regressor.data.min() > 0
    np.testing.assert_allclose(model.J_regressor.sum(1), 1, atol=1e-6)
    assert np.diff(model.J_regressor.indptr).max() < 80
    assert model.shape_count == 16
    assert model.posedirs is not None
    assert model.posedirs.shape == (model.vertex_count, 3, 207)
    # nothing happens far from a bent joint
    left_leg = model.weights[:, [JOINT_INDEX[n] for n in ("left_knee", "left_ankle", "left_foot")]].sum(1) > 0.99
    elbow = 9 * (JOINT_INDEX["right_elbow"] - 1)
    assert np.abs(model.posedirs[left_leg][..., elbow : elbow + 9]).max() == 0


def test_betas_have_unit_deviation_and_the_first_makes_tall(model: BodyModel) -> None:
    size = np.sqrt((model.shapedirs**2).sum((0, 1)))
    assert (np.diff(size) < 0).all()
    assert np.ptp(model.shaped(np.array([1.0]))[:, 1]) - np.ptp(model.shaped()[:, 1]) > 0.05


def test_texture_coordinates_cover_the_atlas(model: BodyModel) -> None:
    assert model.uv is not None
    assert model.uv_faces is not None
    assert model.uv.min() >= -1e-3
    assert model.uv.max() <= 1 + 1e-3
    assert model.uv_faces.shape == model.faces.shape
    a, b, c = (model.uv[model.uv_faces[:, i]] for i in range(3))
    area = np.abs((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]) / 2
    assert 0.3 < area.sum() < 1.0
    assert np.linalg.norm(b - a, axis=1).max() < 0.2  # no face spans a seam


def test_keypoints_are_where_their_names_say(model: BodyModel) -> None:
    v, k = model.v_template, model.keypoint_vertices
    assert len(k) == 21
    assert v[k["LBigToe"], 2] > v[k["LHeel"], 2] + 0.15
    assert v[k["LSmallToe"], 0] > v[k["LBigToe"], 0]
    assert v[k["lmiddle"], 0] > 0.65
    assert v[k["lear"], 0] > 0.05
    assert v[k["leye"], 1] > v[k["nose"], 1]
    for left, right in (("lear", "rear"), ("LHeel", "RHeel"), ("lpinky", "rpinky"), ("leye", "reye")):
        np.testing.assert_allclose(v[k[right]], FLIP * v[k[left]], atol=2e-6)


def test_correctives_keep_the_volume_of_a_bent_limb(model: BodyModel) -> None:
    import dataclasses

    pose = np.zeros((24, 3))
    pose[JOINT_INDEX["left_knee"]] = pose[JOINT_INDEX["right_knee"]] = [1.9, 0, 0]
    plain = dataclasses.replace(model, posedirs=None)
    rest = model.mesh(model.v_template).volume()
    corrected, collapsed = (m.mesh(posed(m, pose)).volume() for m in (model, plain))
    assert abs(corrected - rest) < abs(collapsed - rest)


def test_written_bytes_depend_on_the_arrays_only(tmp_path) -> None:
    arrays = {"a": np.arange(5), "b": np.array(["x", "y"])}
    for name in ("one.npz", "two.npz"):
        write_arrays(arrays, tmp_path / name)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    with np.load(tmp_path / "one.npz") as file:
        np.testing.assert_array_equal(file["b"], arrays["b"])


@pytest.mark.slow
def test_the_build_gives_the_shipped_file(tmp_path) -> None:
    """Needs the extra `build`; 20 s, and 40 s more and 0.8 GB of cache on the first run."""
    import subprocess
    import sys
    from pathlib import Path

    pytest.importorskip("anny", reason="needs the package anny (extra `build`)")
    pytest.importorskip("pyfqmr", reason="needs the package pyfqmr (extra `build`)")
    script = Path(__file__).parents[2] / "scripts" / "build_open_body.py"
    subprocess.run([sys.executable, script, "--output", tmp_path / "open_body.npz"], check=True, capture_output=True)
    with np.load(tmp_path / "open_body.npz") as made, np.load(OPEN_BODY) as shipped:
        assert made.files == shipped.files
        for key in shipped.files:
            if made[key].dtype.kind != "f":
                np.testing.assert_array_equal(made[key], shipped[key], err_msg=key)
            else:  # other processors round their sums differently
                np.testing.assert_allclose(made[key], shipped[key], atol=1e-4, err_msg=key)
