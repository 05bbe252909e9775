"""Whatever is done to a cloud, its truth and labels stay those of its points."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from batches_of_bodies import landmarks_of_parameters, nearest_skin_mm, posed_batch

from body.joints import MIRROR
from body.loading import load_body_model
from hps.points.augmentation.blobs import Blobs
from hps.points.augmentation.measuring import DropRays, Jitter, Noise, ranges
from hps.points.augmentation.operation import Operation
from hps.points.augmentation.placing import Center, Mirror, Scale, Shift, Tilt, Yaw
from hps.points.augmentation.plan import AugmentationPlan, augment
from hps.points.augmentation.taking import Grid, RemoveParts, RemoveRegion, Thin
from hps.points.cloud_batch import CloudBatch
from hps.points.landmarks import landmarks_of
from hps.points.part_labels import NOT_BODY, UNKNOWN_PART

EXACT_M = 1e-6
"""Rounding: what is drawn has float32's accuracy, all else is float64."""
MIRROR_M = 2e-4
"""Skinning weights and pose correctives of the model are mirrored to about this."""
ALL: tuple[Operation, ...] = (
    Noise(), Jitter(), DropRays(), Yaw(), Tilt(sigma_deg=20), Shift(sigma_m=0.3), Center(), Mirror(share=1), Scale(),
    RemoveParts(), RemoveRegion(), Thin(), Grid(cell_m=0.05), Blobs(),
)  # fmt: skip


def done(batch: CloudBatch, *operations: Operation, seed: int = 0) -> CloudBatch:
    return augment(batch, AugmentationPlan(operations=operations), torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("operation", ALL, ids=lambda operation: operation.kind)
def test_parameters_pose_the_body_whose_landmarks_are_given(operation: Operation) -> None:
    after = done(posed_batch(), operation)
    gap = (landmarks_of_parameters(after) - after.landmarks).norm(dim=-1).amax(1)
    limit = MIRROR_M if operation.kind == "mirror" else EXACT_M
    if operation.shaping:
        assert not after.exact.any()
        assert (gap > 0.001).any()  # it is not marked in vain
    else:
        assert after.exact.all()
        assert gap.max() < limit


@pytest.mark.parametrize("operation", [one for one in ALL if not one.shaping], ids=lambda operation: operation.kind)
def test_points_moved_by_their_offsets_lie_on_the_skin(operation: Operation) -> None:
    batch = posed_batch()
    after = done(batch, operation)
    assert nearest_skin_mm(after).max() < 1000 * (MIRROR_M if operation.kind == "mirror" else EXACT_M)
    assert (
        not torch.equal(after.points, batch.points)
        or not torch.equal(after.keep, batch.keep)
        or (operation.kind == "drop_rays")
    )


@pytest.mark.parametrize("operation", [Yaw(), Tilt(sigma_deg=20), Mirror(share=1), Shift(sigma_m=0.3), Scale()])
def test_rays_still_come_from_one_camera(operation: Operation) -> None:
    batch = posed_batch()
    before, after = ranges(batch), ranges(done(batch, operation))
    expected = (batch.points - batch.points.new_tensor((-2.5, 0.3, 0.4))).norm(dim=-1)
    assert torch.allclose(before, expected, atol=1e-4)
    ratio = after / before
    assert torch.allclose(ratio, ratio[:, :1].expand_as(ratio), atol=1e-4)
    if operation.kind != "scale":
        assert torch.allclose(ratio, torch.ones_like(ratio), atol=1e-4)


def test_mirror_twice_is_nothing_and_once_exchanges_the_sides() -> None:
    batch = posed_batch()
    batch.part[:, :5], batch.part[:, 5:9] = UNKNOWN_PART, NOT_BODY
    once = done(batch, Mirror(share=1))
    flip = batch.points.new_tensor([1.0, -1, 1])
    assert torch.equal(once.points, batch.points * flip)
    mirror = torch.from_numpy(landmarks_of(load_body_model()).mirror)
    assert torch.equal(once.landmarks, (batch.landmarks * flip)[:, mirror])
    partners = torch.tensor([*MIRROR, NOT_BODY, UNKNOWN_PART])
    assert torch.equal(once.part, partners[batch.part])
    assert (once.part[:, :5] == UNKNOWN_PART).all()
    assert (once.part[:, 5:9] == NOT_BODY).all()
    twice = done(once, Mirror(share=1))
    for name in ("points", "rays", "part", "skin_offset", "landmarks", "rotations", "transl"):
        assert torch.allclose(getattr(twice, name), getattr(batch, name), atol=1e-12)


def test_consecutive_turns_done_as_one_equal_turns_done_one_by_one() -> None:
    batch = posed_batch()
    steps = (Yaw(), Tilt(sigma_deg=10))
    as_one = done(batch, *steps)
    draws = torch.Generator().manual_seed(0)
    one_by_one = augment(batch, AugmentationPlan(operations=steps[:1]), draws)
    one_by_one = augment(one_by_one, AugmentationPlan(operations=steps[1:]), draws)
    assert torch.allclose(as_one.points, one_by_one.points, atol=1e-6)
    assert torch.allclose(as_one.transl, one_by_one.transl, atol=1e-6)


def test_share_of_clouds_and_the_rest_untouched() -> None:
    batch = posed_batch(clouds=300, points=4)
    after = done(batch, Shift(share=0.3, sigma_m=0.1))
    moved = (after.points != batch.points).flatten(1).any(1)
    assert 60 < moved.sum() < 120  # 90 +- 8 (binomial), nearly four standard deviations
    assert torch.equal(after.landmarks[~moved], batch.landmarks[~moved])


def test_the_same_seed_gives_the_same_and_another_another() -> None:
    batch = posed_batch()
    a, b, c = done(batch, *ALL), done(batch, *ALL), done(batch, *ALL, seed=1)
    assert torch.equal(a.points, b.points)
    assert torch.equal(a.keep, b.keep)
    assert not torch.equal(a.points, c.points)


def test_clouds_in_float32_stay_so_and_absent_rays_do_no_harm() -> None:
    batch = posed_batch()
    batch = CloudBatch(
        **{
            name: value.float() if (value := getattr(batch, name)).is_floating_point() else value
            for name in CloudBatch.__dataclass_fields__
        }
    )
    batch = replace(batch, rays=torch.zeros_like(batch.rays))
    after = done(batch, *ALL)
    assert after.points.dtype == torch.float32
    assert after.points.isfinite().all()
    assert after.landmarks.isfinite().all()
