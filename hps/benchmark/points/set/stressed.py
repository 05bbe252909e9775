"""A sample after an augmentation plan: for stress tests, reproducible cloud by cloud."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Final

import numpy as np
import torch
from jaxtyping import Bool, Float, Integer
from scipy.spatial import KDTree

from geometry.rigid import inverse, rotate, transform
from hps.datasets.cloud_sample import CloudSample, PointLabels
from hps.errors import HpsError
from hps.points.augmentation.operation import Operation
from hps.points.augmentation.placing import Center, Mirror, Scale, Shift, Turn
from hps.points.augmentation.plan import AugmentationPlan, augment
from hps.points.augmentation.taking import RemoveParts, RemoveRegion
from hps.points.canonical import canonical_frame
from hps.points.cloud_batch import CloudBatch
from hps.points.part_labels import UNKNOWN_PART
from hps.points.person_cloud import PersonCloud

MOVING: Final[tuple[type[Operation], ...]] = (Turn, Shift, Center, Mirror, Scale)
"""Operations that move or change the person, whose truth a sample then no longer has."""

HIDING: Final[tuple[type[Operation], ...]] = (RemoveRegion, RemoveParts)
"""Operations that take whole stretches of skin out of sight."""


def stressed(sample: CloudSample, plan: AugmentationPlan, seed: int) -> CloudSample:
    """The sample with points taken away, added or disturbed; the truth stays.

    What is drawn depends on the seed and the sample's key alone. Neither camera nor order tells added points from the
    person's: each is of the camera that saw the point nearest to it, and all points are shuffled. Raises HpsError for a
    plan that moves the person.
    """
    if moving := [operation.kind for operation in plan.operations if isinstance(operation, MOVING)]:  # type: ignore[attr-defined]
        raise HpsError(
            f"a plan with '{moving[0]}' moves the person; a sample may only be stressed by what takes, adds or "
            "disturbs points"
        )
    if not plan.operations or not len(sample.cloud):
        return sample
    T = canonical_frame(sample.cloud)
    number = _seed_of(sample.key, seed)
    batch = augment(_batch(sample, T), plan, torch.Generator().manual_seed(number))
    keep = batch.keep[0].numpy()
    old = len(sample.cloud)
    camera = _cameras(sample.cloud, transform(inverse(T), batch.points[0].numpy()), keep)
    chosen = np.flatnonzero(keep)
    if len(keep) > old:
        chosen = np.random.default_rng(number).permutation(chosen)
    points = transform(inverse(T), batch.points[0].numpy()[chosen])
    offset = rotate(inverse(T), batch.skin_offset[0].numpy()[chosen])
    hides = any(isinstance(operation, HIDING) for operation in plan.operations)
    kept_share = float(keep[:old].mean())
    return replace(
        sample,
        cloud=PersonCloud(points=points, camera=camera[chosen], origins=sample.cloud.origins, up=sample.cloud.up),
        labels=None if sample.labels is None else PointLabels(part=batch.part[0].numpy()[chosen], skin_offset=offset),
        attributes=_left(sample.attributes, kept_share, int(keep.sum()), hides),
    )


def _cameras(
    cloud: PersonCloud, points: Float[np.ndarray, "points 3"], keep: Bool[np.ndarray, "points"]
) -> Integer[np.ndarray, "points"]:
    """Of the cloud's points and of those added behind them: the camera of the nearest point that is kept."""
    old = len(cloud)
    if len(points) == old:
        return cloud.camera
    there = np.flatnonzero(keep[:old])
    nearest = KDTree(points[there]).query(points[old:])[1]
    return np.concatenate([cloud.camera, cloud.camera[there[nearest]]])


def _left(attributes: dict[str, float | str], kept_share: float, points: int, hides: bool) -> dict[str, float | str]:
    """Skin that is seen goes with the points that show it, but not where points are only made fewer."""
    found = {**attributes, "points": float(points), "removed_share": 1 - kept_share}
    if hides and "visible_share" in found:
        found["visible_share"] = float(found["visible_share"]) * kept_share
        found["occluded_share"] = 1 - (1 - float(found["occluded_share"])) * kept_share
    return found


def _batch(sample: CloudSample, T: np.ndarray) -> CloudBatch:
    """One cloud whose body nothing will look at."""
    cloud = sample.cloud.moved(T)
    count = len(cloud)
    labels = sample.labels
    part = np.full(count, UNKNOWN_PART) if labels is None else np.asarray(labels.part, np.int64)
    offset = np.full((count, 3), np.nan) if labels is None else rotate(T, labels.skin_offset)
    return CloudBatch(
        points=torch.from_numpy(np.asarray(cloud.points, np.float64))[None],
        rays=torch.from_numpy(cloud.rays())[None],
        keep=torch.ones(1, count, dtype=torch.bool),
        part=torch.from_numpy(part)[None],
        skin_offset=torch.from_numpy(offset)[None],
        landmarks=torch.zeros(1, 0, 3, dtype=torch.float64),
        rotations=torch.eye(3, dtype=torch.float64).expand(1, 24, 3, 3),
        betas=torch.zeros(1, 0, dtype=torch.float64),
        child=torch.zeros(1, dtype=torch.float64),
        transl=torch.zeros(1, 3, dtype=torch.float64),
        exact=torch.zeros(1, dtype=torch.bool),
    )


def _seed_of(key: str, seed: int) -> int:
    digest = hashlib.sha256(f"{seed}:{key}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % 2**63
