"""Packed clouds: what goes in comes out, in the canonical frame."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from made_samples import made_sample

from body.loading import load_body_model
from body.skinning import Skinning
from geometry.rigid import rotate, transform
from hps.errors import HpsError
from hps.points.canonical import canonical_frame
from hps.points.landmarks import landmarks_of
from hps.points.person_cloud import PersonCloud
from hps.points.training.packed import PackedClouds, pack


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> PackedClouds:
    folder = tmp_path_factory.mktemp("pack")
    samples = [made_sample(number) for number in range(5)]
    few = replace(samples[0], cloud=samples[0].cloud.select(np.arange(20)), labels=None)
    foreign = replace(samples[2], model="smpl")
    figures = pack([*samples, few, replace(samples[1], truth=None), foreign], 8, folder, load_body_model(), points=256)
    assert figures.clouds == 5
    assert figures.left_out == {
        "fewer than 64 points": 1,
        "no truth": 1,
        "a truth of the body model 'smpl', not of 'open body'": 1,
    }
    return PackedClouds(folder)


def test_points_and_labels_are_those_of_the_cloud(packed: PackedClouds) -> None:
    batch = packed.batch(np.array([3]))
    sample = made_sample(3)
    T = canonical_frame(sample.cloud)
    own = transform(T, np.asarray(sample.cloud.points))
    gaps = np.linalg.norm(batch.points[0].numpy()[:, None] - own, axis=-1)
    nearest = gaps.argmin(1)
    assert gaps.min(1).max() < 0.2e-3  # half a step along each axis
    assert len(set(nearest.tolist())) == 256
    assert sample.labels is not None
    np.testing.assert_array_equal(batch.part[0].numpy(), sample.labels.part[nearest])
    offset = rotate(T, sample.labels.skin_offset)[nearest]
    np.testing.assert_allclose(batch.skin_offset[0].numpy(), offset, atol=0.51e-3)  # whole millimetres
    np.testing.assert_allclose(batch.rays[0].numpy(), rotate(T, sample.cloud.rays())[nearest], atol=2e-4)


def test_the_body_of_a_batch_is_the_body_of_its_landmarks(packed: PackedClouds) -> None:
    model = load_body_model()
    batch = packed.batch(np.arange(5))
    vertices, joints = Skinning(model).pose(batch.betas, batch.rotations, batch.transl, batch.child)
    found = torch.cat([joints, vertices[:, landmarks_of(model).markers]], 1)
    torch.testing.assert_close(found, batch.landmarks, atol=1e-5, rtol=0)  # float32 at 1 m
    # and the points, which are its vertices, lie on it
    on_skin = batch.points + batch.skin_offset
    assert float(torch.cdist(on_skin, vertices).amin(-1).max()) < 2e-3


def test_upright_in_the_canonical_frame(packed: PackedClouds) -> None:
    """Up of the samples is the z axis of the pack."""
    sample = made_sample(2)
    T = canonical_frame(sample.cloud)
    assert sample.cloud.up is not None
    np.testing.assert_allclose(T[:3, :3] @ sample.cloud.up, [0, 0, 1], atol=1e-12)
    camera = transform(T, np.zeros(3))
    assert camera[0] < 0
    assert abs(camera[1]) < 0.02 * abs(camera[0])  # the front is where a first middle was seen


def test_fewer_points_are_padded_and_not_kept(tmp_path: Path) -> None:
    pack([made_sample(1, points=100)], 1, tmp_path, load_body_model(), points=128)
    batch = PackedClouds(tmp_path).batch(np.array([0]))
    assert batch.keep.sum() == 100
    assert (batch.part[~batch.keep] == -1).all()


def test_points_of_unknown_cameras_have_no_rays(tmp_path: Path) -> None:
    sample = made_sample(1)
    blind = PersonCloud.of_points(sample.cloud.points, up=sample.cloud.up)
    pack([replace(sample, cloud=blind)], 1, tmp_path, load_body_model(), points=64)
    assert (PackedClouds(tmp_path).batch(np.array([0])).rays == 0).all()


def test_an_unfinished_pack_and_an_empty_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(HpsError, match="no finished pack"):
        PackedClouds(tmp_path)
    with pytest.raises(HpsError, match="nothing to pack"):
        pack([replace(made_sample(0), truth=None)], 1, tmp_path / "empty", load_body_model())
    assert not (tmp_path / "empty" / "pack.json").exists()
