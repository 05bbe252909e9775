"""The view of a person: what must not change what the lifter is asked, and what must."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from hps.errors import HpsError
from hps.rgb.keypoint_batch import KeypointBatch
from hps.rgb.keypoint_names import LIFTED, LIFTED_COUNT
from hps.rgb.lifter.person_view import onto_z, person_view
from hps.rgb.lifter.training.degrading import FEWEST, hidden, with_focal, with_unsure_focal, without


def people(n: int = 6, seed: int = 0) -> KeypointBatch:
    """Points somewhere before cameras that look past them, projected."""
    g = torch.Generator().manual_seed(seed)
    p = torch.randn((n, LIFTED_COUNT, 3), generator=g) * 0.4 + torch.tensor([0.8, -0.3, 4.0])
    K = torch.zeros(n, 3, 3)
    K[:, 0, 0] = K[:, 1, 1] = 900 + 200 * torch.rand(n, generator=g)
    K[:, :2, 2] = torch.tensor([630.0, 350.0])
    K[:, 2, 2] = 1
    q = (p @ K.transpose(1, 2))[..., :2] / p[..., 2:]
    return KeypointBatch(
        q=q,
        confidence=0.2 + 0.8 * torch.rand((n, LIFTED_COUNT), generator=g),
        pixel_size=torch.full((n,), 2.0),
        K=K,
        size=torch.tensor([1280.0, 720.0]).repeat(n, 1),
        focal_known=torch.ones(n, dtype=torch.bool),
    )


def test_a_larger_picture_of_the_same_is_the_same_view():
    batch, s = people(), 1.7
    scale = torch.tensor([[s, 0, (s - 1) / 2], [0, s, (s - 1) / 2], [0, 0, 1]])  # centres of pixels are integers
    larger = replace(
        batch,
        q=batch.q * s + (s - 1) / 2,
        K=scale @ batch.K,
        size=batch.size * s,
        pixel_size=batch.pixel_size * s,
    )
    a, b = person_view(batch), person_view(larger)
    assert torch.allclose(a.keypoints, b.keypoints, atol=1e-4)  # of single precision on rays of thousands of pixels
    assert torch.allclose(a.camera, b.camera, atol=1e-4)


def test_turning_the_camera_turns_the_view_about_its_axis_alone():
    batch = people()
    R = torch.from_numpy(Rotation.from_euler("xy", [10, -14], degrees=True).as_matrix()).float()
    rays = torch.linalg.solve(batch.K, torch.cat([batch.q, torch.ones_like(batch.q[..., :1])], -1).transpose(1, 2))
    turned = (batch.K @ R @ rays).transpose(1, 2)
    a, b = person_view(batch), person_view(replace(batch, q=turned[..., :2] / turned[..., 2:]))
    assert torch.allclose(a.size, b.size, rtol=1e-4)
    assert torch.allclose(a.keypoints.norm(dim=-1), b.keypoints.norm(dim=-1), atol=1e-3)


def test_views_are_the_rays_of_keypoints_seen_along_the_axis():
    batch = people()
    view = person_view(batch)
    p = torch.tensor([[0.5, -0.2, 3.0]]).repeat(len(batch), 1)
    assert torch.allclose(view.root_in_camera(view.root_in_view(p)), p, atol=1e-5)
    rays = torch.linalg.solve(batch.K, torch.cat([batch.q, torch.ones_like(batch.q[..., :1])], -1).transpose(1, 2))
    back = torch.cat([view.keypoints * view.size[:, None, None], torch.ones_like(batch.q[..., :1])], -1)
    back = (back @ view.R_view_camera).transpose(1, 2)
    assert torch.allclose(back / back[:, 2:], rays / rays[:, 2:], atol=1e-4)
    assert torch.allclose(view.R_view_camera @ view.R_view_camera.transpose(1, 2), torch.eye(3), atol=1e-5)


def test_onto_z_turns_by_the_angle_between():
    axis = torch.nn.functional.normalize(torch.tensor([[0.3, -0.5, 0.8], [0.0, 0.0, 1.0]]), dim=-1)
    R = onto_z(axis)
    assert torch.allclose((R @ axis[..., None])[..., 0], torch.tensor([0.0, 0.0, 1.0]).expand(2, 3), atol=1e-6)
    angle = np.linalg.norm(Rotation.from_matrix(R.double().numpy()).as_rotvec(), axis=1)
    assert np.allclose(angle, np.arccos(axis[:, 2].double().numpy()), atol=1e-3)


def test_mirrors_are_undone_by_mirrors():
    view = person_view(people())
    there, back = view.mirrored(), view.mirrored().mirrored()
    assert not torch.allclose(there.keypoints, view.keypoints)
    assert torch.equal(back.keypoints, view.keypoints)
    assert torch.equal(back.camera, view.camera)
    assert torch.equal(there.confidence[:, LIFTED.index("left_knee")], view.confidence[:, LIFTED.index("right_knee")])


def test_a_mirrored_picture_gives_the_mirrored_view():
    batch = people()
    partner = torch.from_numpy(LIFTED.mirror)
    width = batch.size[:, :1]
    K = batch.K.clone()
    K[:, 0, 2] = width[:, 0] - 1 - K[:, 0, 2]
    q = torch.stack([width - 1 - batch.q[:, partner, 0], batch.q[:, partner, 1]], -1)
    mirrored = person_view(replace(batch, q=q, K=K, confidence=batch.confidence[:, partner]))
    expected = person_view(batch).mirrored()
    assert torch.allclose(mirrored.keypoints, expected.keypoints, atol=1e-4)
    assert torch.allclose(mirrored.camera, expected.camera, atol=1e-4)


@pytest.mark.parametrize("belief", ["constant", "none"])
def test_beliefs_do_not_look_at_the_intrinsics(belief):
    batch = people()
    a, b = person_view(batch, belief), person_view(with_focal(batch, torch.full((len(batch),), 2.0)), belief)
    assert torch.equal(a.keypoints, b.keypoints)
    assert torch.equal(a.camera, b.camera)
    p = torch.tensor([[0.5, -0.2, 3.0]]).repeat(len(batch), 1)
    assert torch.allclose(a.root_in_camera(a.root_in_view(p)), p, atol=1e-5)
    assert not person_view(batch, "given").camera.equal(a.camera)


def test_without_a_camera_the_place_in_the_picture_is_not_seen():
    batch = people()
    moved = replace(batch, q=batch.q + torch.tensor([120.0, -60.0]))
    a, b = person_view(batch, "none"), person_view(moved, "none")
    assert torch.allclose(a.keypoints, b.keypoints, atol=1e-4)
    assert torch.equal(a.camera, b.camera)


def test_people_with_too_few_keypoints_are_named():
    batch = people()
    confidence = batch.confidence.clone()
    confidence[3, 1:] = 0
    with pytest.raises(HpsError, match="person 3 has 1 keypoints"):
        person_view(replace(batch, confidence=confidence))


def test_unknown_keypoints_do_not_move_the_view():
    batch = people()
    away = torch.zeros((len(batch), LIFTED_COUNT), dtype=torch.bool)
    away[:, 4:9] = True
    a = person_view(without(batch, away))
    b = person_view(replace(without(batch, away), q=batch.q + 300 * away[..., None]))
    assert torch.allclose(a.keypoints, b.keypoints, atol=1e-4)
    assert torch.allclose(a.camera, b.camera, atol=1e-4)


def test_hiding_leaves_enough_and_nothing_new():
    batch, g = people(400), torch.Generator().manual_seed(1)
    some = hidden(batch, 1.0, g)
    known = some.confidence > 0
    assert (known.sum(1) >= FEWEST).all()
    assert (known.sum(1) < LIFTED_COUNT).float().mean() > 0.5
    assert torch.equal(some.q[known], batch.q[known])
    assert torch.equal(hidden(batch, 0.0, g).confidence, batch.confidence)


def test_unsure_focal_lengths_are_said_to_be():
    batch = people(300)
    unsure = with_unsure_focal(batch, 0.5, torch.Generator().manual_seed(0))
    same = (unsure.K == batch.K).flatten(1).all(1)
    assert torch.equal(same, unsure.focal_known)
    assert 0.35 < same.float().mean() < 0.65  # 6 deviations of a fair coin thrown 300 times
    assert torch.equal(unsure.K[:, :2, 2], batch.K[:, :2, 2])
