"""Plans as files, and what each operation does to points."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from batches_of_bodies import CAMERA, posed_batch
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from hps.errors import HpsError
from hps.points.augmentation.blobs import Blobs
from hps.points.augmentation.measuring import DropRays, Jitter, Noise
from hps.points.augmentation.operation import Operation
from hps.points.augmentation.placing import Center, Scale, Yaw
from hps.points.augmentation.plan import AugmentationPlan, augment, load_plan, plan_names, write_plan
from hps.points.augmentation.taking import Grid, RemoveParts, RemoveRegion, Thin
from hps.points.cloud_batch import CloudBatch
from hps.points.part_labels import NOT_BODY


def done(batch: CloudBatch, *operations: Operation, seed: int = 0) -> CloudBatch:
    return augment(batch, AugmentationPlan(operations=operations), torch.Generator().manual_seed(seed))


def test_plans_of_the_program_are_read_and_written_to_the_same(tmp_path) -> None:
    assert {"train_default", "removal_30", "removal_50", "removal_70", "removal_90"} <= set(plan_names())
    for name in plan_names():
        plan = load_plan(name)
        assert plan.purpose
        write_plan(tmp_path / "again.toml", plan)
        assert load_plan(tmp_path / "again.toml") == plan


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('format = 1\n[[operation]]\nkind = "yaw"\nmost_degrees = 3\n', "most_degrees"),
        ('format = 1\n[[operation]]\nkind = "jaw"\n', "jaw"),
        ('format = 1\n[[operation]]\nkind = "thin"\nleast = 0\n', "least"),
        ('format = 1\n[[operation]]\nkind = "noise"\nshare = 1.5\n', "share"),
        ('format = 1\n[[operation]]\nkind = "noise"\nmost_m = nan\n', "most_m"),
        ("format = 2\n", "format 2"),
        ("", "format None"),
        ("format = ", "cannot|can be read"),
    ],
)
def test_what_no_operation_knows_is_refused(tmp_path, text: str, said: str) -> None:
    (tmp_path / "plan.toml").write_text(text)
    with pytest.raises(HpsError, match=said):
        load_plan(tmp_path / "plan.toml")


def test_a_plan_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(HpsError, match="train_default"):
        load_plan("train_defualt")


def test_scaling_alone_makes_parameters_untrue() -> None:
    assert load_plan("train_default").keeps_bodies
    assert not AugmentationPlan(operations=(Yaw(), Scale())).keeps_bodies


def test_noise_lies_along_the_rays_and_grows_with_the_square_of_the_range() -> None:
    batch = posed_batch(clouds=40, points=300)
    far = replace(batch, points=batch.points + 2.5 * batch.rays)  # the camera stays, everybody moves away
    for clouds, range_m in ((batch, 2.5), (far, 5.0)):
        shift = done(clouds, Noise(least_m=0.01, most_m=0.01)).points - clouds.points
        along = (shift * clouds.rays).sum(-1)
        assert torch.allclose(shift, along[..., None] * clouds.rays, atol=1e-9)
        distance = (clouds.points - clouds.points.new_tensor(CAMERA)).norm(dim=-1)
        scaled = along / (0.01 * (distance / 2) ** 2)
        assert abs(float(scaled.std()) - 1) < 0.03  # 12,000 draws: four standard errors
        assert abs(float(distance.mean()) - range_m) < 0.3


def test_noise_does_not_grow_where_several_cameras_looked() -> None:
    batch = posed_batch(clouds=40, points=300)
    other = torch.nn.functional.normalize(batch.points - batch.points.new_tensor((2.0, 2.0, 0.4)), dim=-1)
    batch = replace(batch, rays=torch.where(torch.arange(300)[:, None] < 150, batch.rays, other))
    shift = (done(batch, Noise(least_m=0.01, most_m=0.01)).points - batch.points).norm(dim=-1)
    assert abs(float(shift.square().mean().sqrt()) - 0.01) < 3e-4


def test_jitter_is_cut_off_and_moves_offsets_along() -> None:
    batch = posed_batch()
    after = done(batch, Jitter(sigma_m=0.02, clip_m=0.03))
    shift = after.points - batch.points
    assert shift.abs().max() <= 0.03 + 1e-12
    assert abs(float(shift.std()) - 0.0178) < 0.0008  # a normal distribution cut off at 1.5 sigma: 0.89 sigma
    assert torch.allclose(after.points + after.skin_offset, batch.points + batch.skin_offset)


def test_blobs_are_balls_of_nobodys_points_beside_the_person() -> None:
    batch = posed_batch(clouds=20)
    after = done(batch, Blobs(share=0.5, count=2, points=150, radius_m=0.3, reach_m=0.3))
    own, more = batch.points.shape[1], after.keep[:, batch.points.shape[1] :]
    assert after.points.shape[1] == own + 300
    assert torch.equal(after.points[:, :own], batch.points)
    assert (after.part[:, own:] == NOT_BODY).all()
    assert after.skin_offset[:, own:].isnan().all()
    counts = more.sum(1)
    assert 3 <= (counts > 0).sum() <= 17
    assert counts.max() <= 300
    for cloud in torch.nonzero(counts > 0)[:, 0]:
        for ball in range(2):
            there = after.points[cloud, own + 150 * ball : own + 150 * (ball + 1)][
                more[cloud, 150 * ball : 150 * (ball + 1)]
            ]
            if len(there) > 1:
                assert torch.cdist(there, there).max() <= 0.6 + 1e-6


def test_rays_of_added_points_come_from_the_camera_as_those_of_the_person_do() -> None:
    batch = posed_batch(clouds=6)
    after = done(batch, Blobs())
    expected = torch.nn.functional.normalize(after.points - after.points.new_tensor(CAMERA), dim=-1)
    # the camera is found where the rays meet, exact but for a regularisation of 1e-7
    assert (after.rays - expected)[after.keep].norm(dim=-1).max() < 1e-4
    blind = done(replace(batch, rays=torch.zeros_like(batch.rays)), Blobs())
    assert (blind.rays == 0).all()


def test_removed_parts_are_gone_whole_and_the_others_are_all_there() -> None:
    batch = posed_batch(clouds=20)
    batch.part[:, :10] = NOT_BODY
    after = done(batch, RemoveParts(most=4))
    assert after.keep[:, :10].all()
    for cloud in range(len(batch)):
        gone = batch.part[cloud][~after.keep[cloud]].unique()
        assert 0 <= len(gone) <= 4
        assert not after.keep[cloud][torch.isin(batch.part[cloud], gone)].any()
    assert not after.keep.all()


@pytest.mark.parametrize("shape", ["disc", "side"])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_removed_region_is_connected_and_of_the_share_that_was_asked_for(shape: str, share: float) -> None:
    grid = torch.stack(torch.meshgrid(torch.linspace(-0.5, 0.5, 40), torch.linspace(-1, 1, 40), indexing="ij"), -1)
    wall = torch.nn.functional.pad(grid.reshape(1, -1, 2), (1, 0)).double()  # a plane before the camera
    template = posed_batch(clouds=1, points=1600)
    rays = torch.nn.functional.normalize(wall + wall.new_tensor([50.0, 0, 0]), dim=-1)
    batch = replace(template, points=wall, rays=rays)
    keep = done(batch, RemoveRegion(least=share, most=share, shape=shape)).keep[0].numpy()  # type: ignore[arg-type]
    assert abs((~keep).mean() - share) < 0.001
    points = wall[0].numpy()[~keep]
    near = KDTree(points).sparse_distance_matrix(KDTree(points), 0.075)  # neighbours: 0.026 m across, 0.051 m up
    assert connected_components(near, directed=False)[0] == 1


def test_removal_leaves_clouds_alone_that_would_have_too_little() -> None:
    batch = posed_batch(clouds=2, points=40)
    assert done(batch, RemoveRegion(least=0.5, most=0.5)).keep.all()
    assert done(batch, RemoveRegion(least=0.5, most=0.5, fewest=8)).keep.sum(1).tolist() == [20, 20]


def test_only_points_that_are_there_count() -> None:
    batch = posed_batch(clouds=3)
    half = torch.arange(400) < 200
    batch = replace(batch, keep=batch.keep & half)
    after = done(batch, RemoveRegion(least=0.25, most=0.25))
    assert after.keep.sum(1).tolist() == [150, 150, 150]
    middle = done(batch, Center(most=0)).points[:, :200].median(1).values
    assert middle.abs().max() < 1e-12


def test_thinning_and_grid() -> None:
    batch = posed_batch(clouds=30)
    kept = done(batch, Thin(least=0.5, most=0.5)).keep.double().mean(1)
    assert torch.all((kept - 0.5).abs() < 0.1)  # 400 draws: sigma 0.025
    after = done(batch, Grid(cell_m=0.1))
    for cloud in range(3):
        cells = np.floor(batch.points[cloud].numpy() / 0.1)
        left = cells[after.keep[cloud].numpy()]
        assert len(np.unique(left, axis=0)) == len(left)
        assert len(left) == len(np.unique(cells, axis=0))


def test_clouds_without_rays_are_turned_alone_where_that_is_asked_for() -> None:
    batch = posed_batch(clouds=30)
    after = done(batch, DropRays(share=0.5), Yaw(most_deg=180, cameras="unknown"))
    blind = (after.rays == 0).flatten(1).all(1)
    moved = (after.points - batch.points).flatten(1).abs().amax(1) > 0.01
    assert 5 < blind.sum() < 25
    assert torch.equal(blind, moved)
