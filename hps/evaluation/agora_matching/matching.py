"""Pairs of predicted and true people: AGORA's greedy rule, oddities included, and an assignment without them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from jaxtyping import Bool, Float, Int64
from scipy.optimize import linear_sum_assignment

from hps.evaluation.agora_matching.picture_people import MATCHED_JOINTS, PicturePeople

Rule = Literal["agora", "strict"]
LEAST_OVERLAP: Final = 0.1
"""IoU of the boxes around the projected joints below which two people are never a pair, by either rule."""
EDGE_PX: Final = 1.0
"""What AGORA adds to each side's length of these boxes."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Matching:
    """Who was found in one picture; rows are those of the two PicturePeople."""

    picture: str
    pairs: Int64[np.ndarray, "pairs 2"]
    """(predicted, true) of those true people who count."""
    false: Int64[np.ndarray, "false"]
    """Predicted people who are nobody, or somebody who does not count."""
    missed: Int64[np.ndarray, "missed"]
    """True people who count and were not found."""


def match_people(predicted: PicturePeople, true: PicturePeople, rule: Rule) -> Matching:
    """Pairs the people of one picture.

    `agora`: candidates in the order of `spectral_distances`, each person used once, boxes must overlap by 0.1.
    `strict`: the assignment of most pairs whose boxes overlap by 0.1, and among these of the least sum of
    `mean_distances` (Hungarian). By both, a prediction paired with a true person who does not count is a false one.
    """
    allowed = box_overlaps(predicted.q, true.q) >= LEAST_OVERLAP
    distance = spectral_distances if rule == "agora" else mean_distances
    pair = greedy_pairs if rule == "agora" else assigned_pairs
    pairs = pair(distance(predicted.q, true.q), allowed)
    counted = pairs[true.counts[pairs[:, 1]]]
    return Matching(
        picture=true.picture,
        pairs=counted,
        false=np.setdiff1d(np.arange(len(predicted)), counted[:, 0]),
        missed=np.setdiff1d(np.flatnonzero(true.counts), counted[:, 1]),
    )


def spectral_distances(
    predicted: Float[np.ndarray, "predicted projected 2"], true: Float[np.ndarray, "true projected 2"]
) -> Float[np.ndarray, "predicted true"]:
    """Largest singular value of the 24 x 2 matrix of differences, pixels.

    AGORA's code asks for the 2-norm of a matrix, which is this and not the distance of the joints. It looks at the
    joints' common shift far more than at their scatter.
    """
    return np.linalg.norm(_differences(predicted, true), ord=2, axis=(-2, -1))


def mean_distances(
    predicted: Float[np.ndarray, "predicted projected 2"], true: Float[np.ndarray, "true projected 2"]
) -> Float[np.ndarray, "predicted true"]:
    """Mean distance of the 24 joints, pixels."""
    return np.linalg.norm(_differences(predicted, true), axis=-1).mean(-1)


def box_overlaps(
    predicted: Float[np.ndarray, "predicted projected 2"], true: Float[np.ndarray, "true projected 2"]
) -> Float[np.ndarray, "predicted true"]:
    """Intersection over union of the boxes around the 24 joints, their sides a pixel longer."""
    (a, b), (c, d) = (_corners(q[:, :MATCHED_JOINTS]) for q in (predicted, true))
    sides = np.minimum(b[:, None], d[None]) - np.maximum(a[:, None], c[None]) + EDGE_PX
    both = np.maximum(sides, 0).prod(-1)
    area, true_area = ((high - low + EDGE_PX).prod(-1) for low, high in ((a, b), (c, d)))
    return both / (area[:, None] + true_area[None] - both)


def greedy_pairs(
    distance: Float[np.ndarray, "predicted true"], allowed: Bool[np.ndarray, "predicted true"]
) -> Int64[np.ndarray, "pairs 2"]:
    """The nearest two first, then the nearest two of those who are left; a pair that is not allowed is passed over."""
    pairs, used, taken = [], set(), set()
    for flat in np.argsort(distance, axis=None, kind="stable"):
        row, column = divmod(int(flat), distance.shape[1])
        if allowed[row, column] and row not in used and column not in taken:
            pairs.append((row, column))
            used.add(row)
            taken.add(column)
    return np.array(pairs, np.int64).reshape(-1, 2)


def assigned_pairs(
    distance: Float[np.ndarray, "predicted true"], allowed: Bool[np.ndarray, "predicted true"]
) -> Int64[np.ndarray, "pairs 2"]:
    """As many allowed pairs as there can be, and of these choices the one with the least sum of distances."""
    if not allowed.any():
        return np.zeros((0, 2), np.int64)
    forbidden = 1.0 + distance[allowed].sum()  # dearer than any set of allowed pairs
    rows, columns = linear_sum_assignment(np.where(allowed, distance, forbidden))
    pairs = np.stack([rows, columns], 1).astype(np.int64)
    return pairs[allowed[rows, columns]]


def _differences(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    return predicted[:, None, :MATCHED_JOINTS] - true[None, :, :MATCHED_JOINTS]


def _corners(q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if not len(q):
        return np.zeros((0, 2)), np.zeros((0, 2))
    return q.min(1), q.max(1)
