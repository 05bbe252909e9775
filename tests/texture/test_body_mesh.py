"""The dressed body: offsets move with the skin, and clouds give them back."""

import numpy as np
import pytest
import torch

from body.loading import load_body_model
from body.parameters import BodyParameters
from body.skinning import Skinning
from geometry.cloud import PointCloud
from geometry.mesh import TriangleMesh
from texture.errors import TextureError
from texture.surfaces.body_mesh import DressedBody, joint_rotations, posed_directions, rest_normals
from texture.surfaces.offsets import HANDS, LIMITS_M, estimate_offsets


@pytest.fixture(scope="module")
def model():
    return load_body_model()


def clip(frames, seed=0, spread=0.25):
    rng = np.random.default_rng(seed)
    return BodyParameters(
        betas=rng.normal(0, 0.7, 10),
        global_orient=np.array([np.pi / 2, 0, 0]) + rng.normal(0, 0.3, (frames, 3)),
        body_pose=rng.normal(0, spread, (frames, 69)),
        transl=rng.normal(0, 0.5, (frames, 3)),
    )


def test_offsets_are_skinned_with_the_rest_body(model):
    parameters, offsets = clip(3), np.random.default_rng(1).uniform(-0.01, 0.04, model.vertex_count)
    dressed = DressedBody(model=model, parameters=parameters, offsets=offsets)
    axis_angles = np.concatenate([parameters.global_orient, parameters.body_pose], 1).reshape(3, 24, 3)
    skinning = Skinning(model, dtype=torch.float64)
    t = skinning.transforms(*(torch.as_tensor(a) for a in (parameters.betas, axis_angles, parameters.transl)))
    moved = t.rest + torch.as_tensor(offsets[:, None] * rest_normals(model, parameters))
    np.testing.assert_allclose(dressed.vertices(), skinning.skin(moved, t.Ts_world_rest).numpy(), atol=1e-9)
    np.testing.assert_allclose(
        dressed.rest_vertices(), model.shaped(parameters.betas) + offsets[:, None] * rest_normals(model, parameters)
    )


def test_without_offsets_it_is_the_body(model):
    parameters = clip(2)
    dressed = DressedBody(model=model, parameters=parameters, offsets=np.zeros(model.vertex_count))
    np.testing.assert_array_equal(dressed.vertices(), model.pose(parameters).vertices)


def test_joint_rotations_multiply_along_the_tree(model):
    parameters = clip(2)
    R = joint_rotations(parameters, model.parents)
    t = Skinning(model, dtype=torch.float64).transforms(
        torch.as_tensor(parameters.betas),
        torch.as_tensor(np.concatenate([parameters.global_orient, parameters.body_pose], 1).reshape(2, 24, 3)),
    )
    np.testing.assert_allclose(R, t.Ts_world_rest[:, :, :3, :3].numpy(), atol=1e-12)


def scanned(model, parameters, offsets, rng, seen=None, noise=0.003, points=20_000):
    """Points on the dressed surface of each frame with sensor noise, and the bare vertices."""
    dressed = DressedBody(model=model, parameters=parameters, offsets=offsets)
    for bare, vertices in zip(model.pose(parameters).vertices, dressed.vertices()):
        mesh = TriangleMesh(vertices=vertices, faces=model.faces)
        allowed = np.arange(len(model.faces)) if seen is None else np.flatnonzero(seen[model.faces].all(-1))
        chosen = rng.choice(allowed, points)
        weights = rng.dirichlet((1, 1, 1), points)
        p = np.einsum("nk,nkc->nc", weights, vertices[model.faces[chosen]])
        yield bare, PointCloud(points=p + rng.normal(0, noise, p.shape), normals=mesh.face_normals()[chosen])


def trouser_offsets(model, thickness=0.02):
    y = model.v_template[:, 1]
    return thickness * np.clip((y + 1.0) / 0.1, 0, 1) * np.clip((-0.1 - y) / 0.1, 0, 1) * _not_hand(model)


def _not_hand(model):
    return ~np.isin(np.argmax(model.weights, 1), HANDS)


def test_clouds_give_the_offsets_back(model):
    rng, true = np.random.default_rng(5), trouser_offsets(model)
    estimated = estimate_offsets(model, scanned(model, clip(6, spread=0.15), true, rng))
    error = (estimated - true)[_not_hand(model)]
    # 3 mm noise, 6 x 20,000 points on 6,900 vertices: 0.9 mm for a median; smoothing blurs hems over two rings
    assert np.abs(error).mean() < 0.0015
    assert np.percentile(np.abs(error), 95) < 0.006
    thick = true > 0.019
    assert estimated[thick].mean() == pytest.approx(0.02, abs=0.0015)


def test_a_bad_instant_leaves_no_dent(model):
    rng, true = np.random.default_rng(6), np.full(model.vertex_count, 0.01) * _not_hand(model)
    pairs = list(scanned(model, clip(5, spread=0.1), true, rng))
    bare, cloud = pairs[2]
    assert cloud.normals is not None
    pairs[2] = (bare, PointCloud(points=cloud.points + 0.03 * cloud.normals, normals=cloud.normals))
    torso = model.weights[:, [3, 6, 9]].sum(1) > 0.9
    # the median of five instants, one 30 mm off: biased by less than the noise of 3 mm
    assert estimate_offsets(model, pairs)[torso].mean() == pytest.approx(0.01, abs=0.0025)


def test_unseen_skin_is_bare_and_limits_hold(model):
    rng = np.random.default_rng(7)
    upper = model.v_template[:, 1] > -0.2
    loose = np.full(model.vertex_count, 0.055)
    offsets = estimate_offsets(model, scanned(model, clip(3, spread=0.1), loose, rng, seen=upper))
    assert offsets.max() <= LIMITS_M[1]
    assert offsets[upper & _not_hand(model)].mean() > 0.02
    feet = model.v_template[:, 1] < -1.0
    assert np.abs(offsets[feet]).max() < 0.001


def test_without_clouds_there_are_no_offsets(model):
    assert not estimate_offsets(model, []).any()
    far = PointCloud(points=np.full((10, 3), 50.0), normals=np.tile([0.0, 0, 1], (10, 1)))
    assert not estimate_offsets(model, [(model.v_template.astype(np.float64), far)]).any()


def test_normals_keep_the_sides_of_a_limb_apart(model):
    vertices = model.v_template.astype(np.float64)
    mesh = TriangleMesh(vertices=vertices, faces=model.faces)
    inside_out = PointCloud(points=vertices + 0.01 * mesh.vertex_normals(), normals=-mesh.vertex_normals())
    torso = model.weights[:, [3, 6, 9]].sum(1) > 0.9  # ears and lips are thin enough to reach through
    assert np.abs(estimate_offsets(model, [(vertices, inside_out)] * 20)[torso]).max() < 0.001
    with pytest.raises(TextureError, match="without normals"):
        estimate_offsets(model, [(vertices, PointCloud(points=vertices))])


def test_directions_keep_their_length_where_one_joint_rules(model):
    rigid = model.weights.max(1) > 0.9999
    v = np.random.default_rng(2).normal(size=(model.vertex_count, 3))
    posed = posed_directions(model, clip(2), v)
    lengths = np.linalg.norm(v[rigid], axis=-1)
    np.testing.assert_allclose(np.linalg.norm(posed[:, rigid], axis=-1), [lengths] * 2, rtol=1e-3)
