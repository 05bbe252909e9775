"""Samples after a plan: the same every time, nested over severity, with labels that stay with their points."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from body.parameters import BodyParameters
from hps.benchmark.points.set.stressed import stressed
from hps.datasets.cloud_sample import CloudSample, PointLabels
from hps.errors import HpsError
from hps.points.augmentation.measuring import Jitter
from hps.points.augmentation.placing import Yaw
from hps.points.augmentation.plan import AugmentationPlan, load_plan
from hps.points.person_cloud import PersonCloud

COUNT = 2000


def sample(key: str = "s000001_000_c00_a00") -> CloudSample:
    """A man-sized heap of points before a level camera; each point's label is its number."""
    rng = np.random.default_rng(0)
    points = rng.normal(0, [0.2, 0.5, 0.1], (COUNT, 3)) + [0.1, 0.2, 2.5]
    return CloudSample(
        key=key,
        subject="b0001",
        action="walk",
        sequence="s",
        frame=0,
        time_s=0.0,
        sensors=("kinect",),
        cloud=PersonCloud.of_camera(points),
        truth=BodyParameters(
            betas=np.zeros(10), global_orient=np.zeros((1, 3)), body_pose=np.zeros((1, 69)), transl=np.zeros((1, 3))
        ),
        joints=np.zeros((24, 3)),
        model="open body",
        labels=PointLabels(part=np.arange(COUNT) % 24, skin_offset=points * 0.01),
        attributes={"visible_share": 0.4, "occluded_share": 0.1, "points": float(COUNT)},
    )


def numbers(found: CloudSample, whole: CloudSample) -> np.ndarray:
    """Which points of the whole are left."""
    gaps = np.linalg.norm(found.cloud.points[:, None] - whole.cloud.points, axis=2)
    assert gaps.min(1).max() < 1e-12
    return gaps.argmin(1)


def test_removal_takes_the_share_and_more_severe_ones_take_more_of_the_same_region() -> None:
    whole = sample()
    left = []
    for percent in (30, 50, 70, 90):
        found = stressed(whole, load_plan(f"removal_{percent}"), 9)
        which = numbers(found, whole)
        assert len(which) == round(COUNT * (1 - percent / 100))
        assert np.array_equal(found.labels.part, which % 24)
        assert np.allclose(found.labels.skin_offset, found.cloud.points * 0.01, atol=1e-12)
        assert found.truth is whole.truth
        assert found.attributes["visible_share"] == pytest.approx(0.4 * (1 - percent / 100))
        assert found.attributes["occluded_share"] == pytest.approx(1 - 0.9 * (1 - percent / 100))
        assert found.attributes["points"] == len(which)
        left.append(set(which.tolist()))
    assert left[3] < left[2] < left[1] < left[0]


def test_what_is_drawn_depends_on_key_and_seed_alone() -> None:
    plan = load_plan("removal_50")
    a, b = stressed(sample(), plan, 9), stressed(sample(), plan, 9)
    assert np.array_equal(a.cloud.points, b.cloud.points)
    for other in (stressed(sample("another"), plan, 9), stressed(sample(), plan, 10)):
        assert not np.array_equal(a.cloud.points, other.cloud.points)


def test_added_points_are_nobodys_and_only_their_place_tells_them() -> None:
    whole = sample()
    found = stressed(whole, load_plan("dirt"), 9)
    added = found.labels.part == 24
    assert 0 < added.sum() <= 600
    assert (found.cloud.camera == 0).all()
    assert np.isnan(found.labels.skin_offset[added]).all()
    near = np.sort(found.cloud.points[~added], axis=0) - np.sort(whole.cloud.points, axis=0)
    assert np.abs(near).max() < 1e-12
    # places of the added points among all: evenly spread, so that their mean is the middle (4 standard errors)
    place = np.flatnonzero(added) / len(added)
    assert abs(place.mean() - 0.5) < 4 / np.sqrt(12 * len(place))
    assert found.attributes["visible_share"] == 0.4


def test_added_points_are_of_the_camera_that_saw_what_they_lie_beside() -> None:
    cloud = sample().cloud
    sides = (cloud.points[:, 1] > 0.2).astype(np.int64)
    two = PersonCloud(points=cloud.points, camera=sides, origins=np.array([[0.0, -3, 2.5], [0, 3, 2.5]]))
    found = stressed(replace(sample(), cloud=two), load_plan("dirt"), 9)
    added = found.labels.part == 24
    gaps = np.linalg.norm(found.cloud.points[added][:, None] - two.points, axis=2)
    assert np.array_equal(found.cloud.camera[added], sides[gaps.argmin(1)])


def test_fewer_points_show_the_same_skin() -> None:
    found = stressed(sample(), load_plan("sparse"), 9)
    assert 0.02 * COUNT < len(found.cloud) < 0.33 * COUNT
    assert found.attributes["visible_share"] == 0.4
    assert found.attributes["removed_share"] == pytest.approx(1 - len(found.cloud) / COUNT)


def test_noise_is_allowed_and_moving_the_person_is_not() -> None:
    found = stressed(sample(), AugmentationPlan(operations=(Jitter(),)), 1)
    shift = found.cloud.points - sample().cloud.points
    assert 0 < np.abs(shift).max() < 0.021 * np.sqrt(3)
    assert np.allclose(found.cloud.points + found.labels.skin_offset, sample().cloud.points * 1.01, atol=1e-12)
    with pytest.raises(HpsError, match="'yaw' moves the person"):
        stressed(sample(), AugmentationPlan(operations=(Yaw(),)), 1)


def test_without_points_or_labels() -> None:
    empty = replace(sample(), cloud=PersonCloud.of_camera(np.zeros((0, 3))), labels=None)
    assert stressed(empty, load_plan("removal_50"), 1) is empty
    bare = stressed(replace(sample(), labels=None), load_plan("removal_50"), 9)
    assert bare.labels is None
    assert np.array_equal(bare.cloud.points, stressed(sample(), load_plan("removal_50"), 9).cloud.points)
