"""How often a classifier is right about which of two ways made a cloud, on people whom it never saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Float32

from hps.errors import HpsError
from hps.synthesis.telling_apart.classifiers import Kind, trained
from hps.synthesis.telling_apart.cloud_statistics import LEAST_POINTS, cloud_statistics
from hps.synthesis.telling_apart.seen_cloud import SeenCloud

FOLDS: Final = 5
RESAMPLED: Final = 2000
POINTS: Final = 256
"""Of a cloud that a PointNet sees."""
REACH: Final = 1
"""Pixels from each of them whose depths are its channels."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """Accuracy of one classifier; 0.5 is guessing."""

    accuracy: float
    low: float
    high: float
    """95 % interval by drawing groups anew."""
    clouds: int
    """Of both ways together."""
    groups: int


def tell_apart(first: Sequence[SeenCloud], second: Sequence[SeenCloud], kind: Kind, *, seed: int = 0) -> Verdict:
    """Trains on four fifths of the groups (people), tests on the others, in turn, so that each cloud is judged once.

    Clouds of fewer than LEAST_POINTS points are left out. Raises HpsError for fewer groups than folds, or for groups
    that came from one way alone: a classifier would know the people instead of the way.
    """
    clouds = [c for c in (*first, *second) if len(c.points) >= LEAST_POINTS]
    of_second = np.array([n >= len(first) for n, c in enumerate((*first, *second)) if len(c.points) >= LEAST_POINTS])
    groups = np.array([cloud.group for cloud in clouds])
    _check(groups, of_second)
    rows = features(clouds, kind, seed)
    right = np.zeros(len(clouds), bool)
    names = np.random.default_rng(seed).permutation(np.unique(groups))
    for fold in range(FOLDS):
        held = np.isin(groups, names[fold::FOLDS])
        classify = trained(kind, rows[~held], of_second[~held], seed + fold)
        right[held] = classify(rows[held]) == of_second[held]
    low, high = _interval(right, groups, seed)
    return Verdict(accuracy=float(right.mean()), low=low, high=high, clouds=len(clouds), groups=len(names))


def features(clouds: Sequence[SeenCloud], kind: Kind, seed: int = 0) -> Float32[np.ndarray, "clouds *features"]:
    """What a classifier is given: statistics, or for a PointNet points with their neighbourhoods."""
    if kind != "pointnet":
        return np.stack([cloud_statistics(cloud) for cloud in clouds]).astype(np.float32)
    rng = np.random.default_rng(seed)
    return np.stack([_patches(cloud, rng) for cloud in clouds]).astype(np.float32)


def _patches(cloud: SeenCloud, rng: np.random.Generator) -> np.ndarray:
    """Points and the depths of the pixels around each against its own, millimetres; missing ones 0 and marked."""
    image = cloud.depth_image()
    at = cloud.pixels - (cloud.pixels.min(0) - 2)
    chosen = rng.permutation(len(at))[:POINTS]
    chosen = np.resize(chosen, POINTS)
    row, column = at[chosen].T
    own = cloud.points[chosen]
    around = np.stack(
        [image[row + i, column + j] for i in range(-REACH, REACH + 1) for j in range(-REACH, REACH + 1) if i or j],
        1,
    )
    change = 1e3 * (around - own[:, 2:])
    missing = np.isnan(change)
    change = np.nan_to_num(change)
    squeezed = np.sign(change) * np.log1p(np.abs(change))
    return np.concatenate([own - np.median(own, 0), own[:, 2:], squeezed, missing], 1)


def _check(groups: np.ndarray, of_second: Bool[np.ndarray, "clouds"]) -> None:
    names, others = set(groups[~of_second]), set(groups[of_second])
    if len(names | others) < FOLDS:
        raise HpsError(f"clouds of {len(names | others)} groups cannot be split into {FOLDS} folds; give more people")
    if names != others:
        only = sorted(names ^ others)
        raise HpsError(f"{len(only)} groups ({', '.join(only[:3])}, …) have clouds of one way alone; give both ways'")


def _interval(right: np.ndarray, groups: np.ndarray, seed: int) -> tuple[float, float]:
    _, which = np.unique(groups, return_inverse=True)
    hits, counts = np.bincount(which, right), np.bincount(which)
    drawn = np.random.default_rng(seed).integers(0, len(counts), (RESAMPLED, len(counts)))
    low, high = np.quantile(hits[drawn].sum(1) / counts[drawn].sum(1), (0.025, 0.975))
    return float(low), float(high)
