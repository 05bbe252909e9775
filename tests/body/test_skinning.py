"""Skinning: equality with the smplx package, gradients, subsets, shapes."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from body.errors import BodyError
from body.joints import JOINT_COUNT
from body.loading import load_body_model
from body.model import BodyModel
from body.parameters import BodyParameters
from body.rotations import axis_angle_to_matrix
from body.skinning import Skinning


@pytest.fixture(scope="module")
def model() -> BodyModel:
    return load_body_model()


@pytest.fixture(scope="module")
def small(model: BodyModel) -> BodyModel:
    """The open body on a few vertices, for gradient checks."""
    chosen = np.arange(0, model.vertex_count, 800)
    regressor = np.zeros((JOINT_COUNT, len(chosen)))
    regressor[np.arange(JOINT_COUNT), np.arange(JOINT_COUNT) % len(chosen)] = 1
    return dataclasses.replace(
        model,
        v_template=model.v_template[chosen],
        shapedirs=model.shapedirs[chosen][..., :3],
        posedirs=None if model.posedirs is None else model.posedirs[chosen],
        weights=model.weights[chosen],
        J_regressor=type(model.J_regressor)(regressor),
        mirror=None,
        child_direction=None if model.child_direction is None else model.child_direction[chosen],
    )


def random_pose(batch: int, dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    betas, rotations, transl = (
        torch.randn(batch, *n, generator=generator, dtype=dtype) for n in ((10,), (24, 3), (3,))
    )
    return betas, 0.5 * rotations, transl


# smplx adds 1e-8 to axis-angles before it takes their length; in float32 bodies 3 m from the origin round to 3e-7 m
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-7), (torch.float32, 1e-6)])
@pytest.mark.parametrize("correctives", [True, False])
def test_equals_the_smplx_package(model: BodyModel, dtype: torch.dtype, tolerance: float, correctives: bool) -> None:
    smplx = pytest.importorskip("smplx", reason="needs the package smplx (extra `smpl`)")
    from smplx.utils import Struct

    if not correctives:
        model = dataclasses.replace(model, posedirs=None)
    posedirs = np.zeros((model.vertex_count, 3, 207)) if model.posedirs is None else model.posedirs
    kintree = np.stack([model.parents, np.arange(JOINT_COUNT)])
    data = Struct(
        v_template=model.v_template, shapedirs=model.shapedirs[..., :10], posedirs=posedirs, f=model.faces,
        J_regressor=model.J_regressor.toarray(), weights=model.weights, kintree_table=kintree,
    )  # fmt: skip
    other = smplx.SMPL("", data_struct=data, vertex_ids=model.keypoint_vertices, batch_size=4, dtype=dtype)
    betas, rotations, transl = random_pose(4, dtype)
    expected = other(betas=betas, global_orient=rotations[:, 0], body_pose=rotations[:, 1:].flatten(1), transl=transl)
    vertices, joints = Skinning(model, dtype=dtype).pose(betas, rotations, transl)
    assert (vertices - expected.vertices).norm(dim=-1).max() < tolerance
    assert (joints - expected.joints[:, :24]).norm(dim=-1).max() < tolerance


@pytest.mark.slow
def test_gradients_agree_with_differences(small: BodyModel) -> None:
    skinning = Skinning(small, dtype=torch.float64)
    _, rotations, transl = random_pose(2)
    betas, child = torch.randn(2, 3, dtype=torch.float64), torch.tensor([0.2, 0.9], dtype=torch.float64)
    rotations[0, 3] = 0  # also where the angle vanishes
    inputs = [x.requires_grad_() for x in (betas, rotations, transl, child)]
    assert torch.autograd.gradcheck(skinning.pose, inputs)


def test_a_subset_is_the_full_body_at_these_vertices(model: BodyModel) -> None:
    subset = np.random.default_rng(0).choice(model.vertex_count, 200, replace=False)
    betas, rotations, transl = random_pose(3)
    vertices, joints = Skinning(model, torch.float64).pose(betas, rotations, transl, child=0.4)
    some, same = Skinning(model, torch.float64, vertex_subset=subset).pose(betas, rotations, transl, child=0.4)
    torch.testing.assert_close(some, vertices[:, subset], atol=1e-12, rtol=0)
    torch.testing.assert_close(same, joints, atol=1e-12, rtol=0)


def test_forms_of_the_arguments_agree(model: BodyModel) -> None:
    skinning = Skinning(model, torch.float64)
    betas, rotations, transl = random_pose(3)
    expected, _ = skinning.pose(betas[:1].expand(3, -1), rotations, transl)
    exact = {"atol": 1e-12, "rtol": 0.0}
    torch.testing.assert_close(skinning.pose(betas[0], rotations, transl)[0], expected, **exact)
    torch.testing.assert_close(skinning.pose(betas[0], axis_angle_to_matrix(rotations), transl)[0], expected, **exact)
    torch.testing.assert_close(skinning.pose(betas[0], rotations)[0] + transl[:, None], expected, **exact)
    padded = torch.nn.functional.pad(betas[0], (0, model.shape_count - 10))
    torch.testing.assert_close(skinning.pose(padded, rotations, transl, child=0.0)[0], expected, **exact)
    factors = torch.tensor([0.3, 0.3, 0.3], dtype=torch.float64)
    one, each = (skinning.pose(betas[0], rotations, transl, child=c)[0] for c in (0.3, factors))
    torch.testing.assert_close(one, each, **exact)


def test_a_turn_of_the_root_turns_the_body_about_its_pelvis(model: BodyModel) -> None:
    skinning = Skinning(model, torch.float64)
    betas, rotations, transl = random_pose(2)
    Rs = axis_angle_to_matrix(rotations)
    turn = axis_angle_to_matrix(torch.tensor([0.3, 2.0, -1.0], dtype=torch.float64))
    before, joints = skinning.pose(betas, Rs, transl)
    after, _ = skinning.pose(betas, torch.cat([turn @ Rs[:, :1], Rs[:, 1:]], 1), transl)
    pelvis = joints[:, :1]
    torch.testing.assert_close(after, (before - pelvis) @ turn.T + pelvis, atol=1e-12, rtol=0)


def test_transforms_carry_points_that_are_not_vertices(model: BodyModel) -> None:
    skinning = Skinning(model, torch.float64)
    betas, rotations, transl = random_pose(2)
    transforms = skinning.transforms(betas, rotations, transl)
    vertices, joints = skinning.pose(betas, rotations, transl)
    weights = torch.tensor(model.weights)
    torch.testing.assert_close(skinning.skin(transforms.rest, transforms.Ts_world_rest, weights), vertices)
    rest_joints = torch.tensor(np.stack([model.rest_joints(b.numpy()) for b in betas]))
    torch.testing.assert_close(skinning.skin(rest_joints, transforms.Ts_world_rest, torch.eye(24).double()), joints)


def test_numpy_posing_equals_torch_over_chunks(model: BodyModel) -> None:
    frames = 70  # more than two chunks
    rng = np.random.default_rng(2)
    parameters = BodyParameters(
        betas=rng.normal(size=16), global_orient=rng.normal(size=(frames, 3)), transl=rng.normal(size=(frames, 3)),
        body_pose=0.3 * rng.normal(size=(frames, 69)), child=0.5,
    )  # fmt: skip
    posed = model.pose(parameters)
    last = model.pose(parameters[np.array([frames - 1])])
    np.testing.assert_allclose(posed.vertices[-1], last.vertices[0], atol=1e-12)
    np.testing.assert_allclose(posed.joints[:, 0], model.rest_joints(parameters.betas, 0.5)[0] + parameters.transl)


def test_what_a_model_lacks_is_said(model: BodyModel) -> None:
    _, rotations, _ = random_pose(1)
    with pytest.raises(BodyError, match="17 betas were given, but body model 'open body' has 16"):
        Skinning(model, torch.float64).pose(torch.zeros(17, dtype=torch.float64), rotations)
    adult = dataclasses.replace(model, child_direction=None)
    with pytest.raises(BodyError, match="has no child axis"):
        Skinning(adult, torch.float64).pose(torch.zeros(10, dtype=torch.float64), rotations, child=0.5)
    with pytest.raises(BodyError, match=r"2 sets of betas .* 3 frames"):
        Skinning(model, torch.float64).pose(torch.zeros(2, 10).double(), rotations.expand(3, -1, -1))
