"""Convex lifting against bodies that it can make, cameras that it has not seen, and people who are hard to see."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from hps.errors import HpsError
from hps.metrics.alignment import procrustes
from hps.rgb.convex.common_turn import common_turn
from hps.rgb.convex.depth_twin import better, depth_twin
from hps.rgb.convex.lifter import ConvexLifter, bones
from hps.rgb.convex.line_of_sight import line_of_sight
from hps.rgb.convex.refinement import RefinementConfig, TurnedShape, refined
from hps.rgb.convex.seen_shape import SeenShape
from hps.rgb.convex.shape_basis import default_shape_basis, read_shape_basis
from hps.rgb.convex.sparse_weights import sparse_weights
from hps.rgb.keypoint_batch import KeypointBatch
from hps.rgb.lifted import LiftedBodies


def _rotations(seed: int, count: int) -> torch.Tensor:
    return torch.as_tensor(Rotation.random(count, np.random.default_rng(seed)).as_matrix())


@pytest.fixture(scope="module")
def lifter() -> ConvexLifter:
    return ConvexLifter()


def _seen(count: int = 10, distance: float = 2.5, seed: int = 0) -> tuple[KeypointBatch, torch.Tensor]:
    """Sums of two basis shapes, turned by up to 60° from the camera, off the picture's middle, and their landmarks."""
    rng, basis = np.random.default_rng(seed), default_shape_basis()
    c = torch.zeros(count, len(basis), dtype=torch.float64)
    for row in range(count):
        c[row, rng.choice(len(basis), 2, replace=False)] = torch.tensor([0.6, 0.4], dtype=torch.float64)
    yaw = rng.uniform(-60, 60, count)
    R = torch.as_tensor(Rotation.from_euler("yx", np.stack([yaw, np.full(count, 180.0)], 1), degrees=True).as_matrix())
    points = torch.cat([basis.keypoints, basis.landmarks], 2)
    body = (R @ torch.einsum("rk,kcp->rcp", c, points)).mT
    body = body * (basis.bones_m / bones(body[:, basis.keypoints.shape[2] :]))[:, None, None]
    body = body + torch.tensor([0.7, -0.2, distance])
    K = torch.tensor([[900.0, 0, 500], [0, 900, 400], [0, 0, 1]])
    q = (body[:, : basis.keypoints.shape[2]] @ K.double().T).float()
    q = q[..., :2] / q[..., 2:]
    ones = torch.ones(count)
    batch = KeypointBatch(
        q=q,
        confidence=torch.ones(q.shape[:2]),
        pixel_size=0.02 * ones,
        K=K.expand(count, 3, 3),
        size=torch.tensor([1000.0, 800]).expand(count, 2),
        focal_known=ones.bool(),
    )
    return batch, body[:, basis.keypoints.shape[2] :]


def _errors_mm(lifted: LiftedBodies, truth: torch.Tensor) -> np.ndarray:
    found = lifted.landmarks.double().numpy()
    return 1000 * np.linalg.norm(procrustes(found, truth.numpy()) - truth.numpy(), axis=2).mean(1)


def test_common_turn_gives_back_what_one_rotation_made() -> None:
    R, c = _rotations(0, 9), torch.as_tensor(np.random.default_rng(1).uniform(0, 1, (9, 5)))
    M = torch.einsum("rdc,rk->rdck", R[:, :2], c)
    R_found, c_found = common_turn(M)
    torch.testing.assert_close(R_found, R, rtol=0, atol=1e-9)
    torch.testing.assert_close(c_found, c, rtol=0, atol=1e-9)
    R_none, c_none = common_turn(torch.zeros(1, 2, 3, 5, dtype=torch.float64))
    torch.testing.assert_close(R_none[0], torch.eye(3, dtype=torch.float64))
    assert float(c_none.abs().max()) == 0


@pytest.mark.parametrize(("lasso", "ridge"), [(0.4, 0.0), (0.0, 0.7), (0.2, 0.3)])
def test_sparse_weights_meet_their_optimality_conditions(lasso: float, ridge: float) -> None:
    X = torch.as_tensor(np.random.default_rng(2).standard_normal((4, 6, 9)))
    y = torch.as_tensor(np.random.default_rng(3).standard_normal((4, 6, 1)))
    gram, told = X.mT @ X, (X.mT @ y)[..., 0]
    steepest = float(torch.linalg.matrix_norm(gram, 2).max())
    c = sparse_weights(gram, told, lasso=lasso, ridge=ridge, steps=1000, steepest=steepest)
    slope = (gram @ c[..., None])[..., 0] - told + ridge * c + lasso
    assert float(c.min()) >= 0
    assert float(slope.min()) > -1e-6
    assert float((slope * c).abs().max()) < 1e-6


def test_refinement_never_rises() -> None:
    rng = np.random.default_rng(4)
    W, shapes = (torch.as_tensor(rng.standard_normal(s)) for s in ((5, 2, 12), (7, 3, 12)))
    weight = torch.as_tensor(rng.uniform(0.1, 1, (5, 12)))
    found = TurnedShape(R=_rotations(5, 5), c=torch.ones(5, 7, dtype=torch.float64), objective=W.new_full((5,), 1e9))
    for _ in range(12):
        after = refined(W, weight, shapes, found, RefinementConfig(lasso=0.2, ridge=0.1, rounds=1, weight_steps=30))
        assert (after.objective <= found.objective + 1e-9).all()
        found = after


def test_line_of_sight_is_the_picture_of_a_turned_camera() -> None:
    batch, _ = _seen()
    sight = line_of_sight(batch)
    torch.testing.assert_close(
        sight.R_camera_sight @ sight.R_camera_sight.mT, torch.eye(3, dtype=torch.float64).expand(10, 3, 3)
    )
    rays = torch.cat([sight.p, torch.ones_like(sight.p[..., :1])], 2) @ sight.R_camera_sight.mT
    again = rays @ batch.K.double().mT
    # float32 keypoints of hundreds of pixels
    torch.testing.assert_close(again[..., :2] / again[..., 2:], batch.q.double(), rtol=0, atol=1e-3)


def test_bodies_of_two_shapes_come_back(lifter: ConvexLifter) -> None:
    """The penalty on weights leaves a quarter of the spread of poses: 124 mm is the best constant shape's error."""
    batch, truth = _seen()
    lifted = lifter(batch)
    assert float(np.median(_errors_mm(lifted, truth))) < 35
    depth = (lifted.root[:, 2] / truth[:, 0, 2] - 1).abs()
    # the depth is the size of the whole: weights that are held small make a person smaller in part
    assert float(depth.median()) < 0.12
    # image of the root: a few hundredths of the distance
    assert float((lifted.root - truth[:, 0])[:, :2].norm(dim=1).median()) < 0.08
    turned = lifted.rotations @ lifted.rotations.mT
    torch.testing.assert_close(turned, torch.eye(3).expand_as(turned), rtol=0, atol=1e-5)


def test_the_true_shape_takes_all_perspective_out() -> None:
    rng = np.random.default_rng(6)
    shapes = torch.as_tensor(0.2 * rng.standard_normal((3, 3, 12)))
    c, R = torch.as_tensor(rng.uniform(0, 1, (5, 3))), _rotations(7, 5)
    body = R @ torch.einsum("rk,kcp->rcp", c, shapes)  # in units of its distance
    middle = torch.as_tensor(0.1 * rng.standard_normal((5, 2)))
    p = ((body[:, :2] + middle[..., None]) / (1 + body[:, 2:])).mT
    seen = SeenShape.of(p, torch.ones(5, 12, dtype=torch.float64))
    true = TurnedShape(R=R, c=c / seen.spread[:, None], objective=c[:, 0])
    flat = seen.corrected(shapes, true)
    expected = body[:, :2] + middle[..., None]
    torch.testing.assert_close(flat.W * seen.spread[:, None, None], expected)
    torch.testing.assert_close(flat.middle(shapes, true), middle)
    assert float((seen.W * seen.spread[:, None, None] - expected).abs().max()) > 0.01


@pytest.mark.slow
def test_pixels_may_be_of_any_size(lifter: ConvexLifter) -> None:
    batch, _ = _seen(count=2)
    K = batch.K.clone()
    K[:, :2] *= 3
    larger = replace(batch, q=3 * batch.q, K=K, size=3 * batch.size, pixel_size=3 * batch.pixel_size)
    torch.testing.assert_close(lifter(larger).landmarks, lifter(batch).landmarks, rtol=0, atol=1e-3)


def test_missing_keypoints_are_not_looked_at(lifter: ConvexLifter) -> None:
    batch, truth = _seen(count=3)
    confidence = batch.confidence.clone()
    confidence[:, [3, 5, 20]] = 0
    q = batch.q.clone()
    q[:, [3, 5, 20]] = 0
    missing = replace(batch, q=q, confidence=confidence)
    q_other = q.clone()
    q_other[:, [3, 5, 20]] = 700
    lifted = lifter(missing)
    torch.testing.assert_close(lifted.landmarks, lifter(replace(missing, q=q_other)).landmarks, rtol=0, atol=1e-5)
    assert float(np.median(_errors_mm(lifted, truth))) < 60


def test_too_few_keypoints_are_said(lifter: ConvexLifter) -> None:
    batch, _ = _seen(count=2)
    confidence = batch.confidence.clone()
    confidence[1, 5:] = 0
    with pytest.raises(HpsError, match=re.escape("person 1 has 5 keypoints")):
        lifter(replace(batch, confidence=confidence))


def test_twin_has_nearly_the_same_picture(lifter: ConvexLifter) -> None:
    found = TurnedShape(R=_rotations(8, 4), c=torch.ones(4, 3, dtype=torch.float64), objective=torch.ones(4))
    twin = depth_twin(found)
    torch.testing.assert_close(torch.linalg.det(twin.R), torch.ones(4, dtype=torch.float64))
    flat = torch.as_tensor(np.random.default_rng(0).standard_normal((4, 3, 10)))
    flat[:, 2] = 0
    torch.testing.assert_close((twin.R @ flat)[:, :2], (found.R @ flat)[:, :2])
    torch.testing.assert_close((twin.R @ flat)[:, 2], -(found.R @ flat)[:, 2])
    second = replace(found, objective=torch.tensor([0.5, 2, 0.5, 2]))
    chosen, other, ratio = better(found, second)
    assert chosen.objective.tolist() == [0.5, 1, 0.5, 1]
    assert other.objective.tolist() == [1, 2, 1, 2]
    assert ratio.tolist() == [2, 2, 2, 2]
    answer = lifter.answer(_seen(count=3)[0])
    assert (answer.twin_ratio >= 1).all()


def test_basis_file_comes_back_and_others_are_refused(tmp_path: Path) -> None:
    basis = default_shape_basis()
    basis.write(tmp_path / "basis.npz")
    again = read_shape_basis(tmp_path / "basis.npz")
    torch.testing.assert_close(again.keypoints, basis.keypoints)
    assert again.source == basis.source
    (tmp_path / "bad.npz").write_bytes(b"PK nothing")
    for name in ("bad.npz", "missing.npz"):
        with pytest.raises(HpsError, match=name):
            read_shape_basis(tmp_path / name)
