"""Which predicted person is which true one where trackers number people as they like: the nearest in a sequence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from scipy.optimize import linear_sum_assignment

from hps.errors import HpsError
from hps.evaluation.people_annotations import PersonAnnotations
from hps.evaluation.scoring.body_models import BodyModels
from hps.evaluation.scoring.posing import posed_clip
from hps.metrics.positions import PELVIS

APART_M: Final = 1e6
"""Between people who are at no frame together."""


def named_by_place(
    predictions: Sequence[PersonAnnotations], truths: Sequence[PersonAnnotations], models: BodyModels
) -> tuple[list[PersonAnnotations], list[str]]:
    """The predictions with the names of the true people who they are nearest to, and a sentence about each.

    In each sequence the assignment with the least sum of mean distances of the pelvis, over the frames that both have;
    predicted people who are left over keep their names, marked by `unmatched`. Sequences must have equal names, or be
    one on each side. Raises HpsError where the two sides are in different frames, or have no pelvis joint.
    """
    sequences = list(dict.fromkeys(one.sequence for one in truths))
    if len(sequences) == 1 and len({one.sequence for one in predictions}) == 1:
        predictions = [replace(one, sequence=sequences[0]) for one in predictions]
    named = [one for one in predictions if one.sequence not in sequences]
    told: list[str] = []
    for sequence in sequences:
        true = [one for one in truths if one.sequence == sequence]
        estimates = [one for one in predictions if one.sequence == sequence]
        if not estimates:
            continue
        roots = [[_roots(one, models) for one in side] for side in (estimates, true)]
        apart = np.array([[_distance(estimate, truth) for truth in roots[1]] for estimate in roots[0]])
        rows, columns = linear_sum_assignment(apart)
        together = apart[rows, columns] < APART_M
        partner = dict(zip(rows[together].tolist(), columns[together].tolist(), strict=True))
        for row, estimate in enumerate(estimates):
            if row not in partner:
                named.append(replace(estimate, person=f"unmatched {estimate.person}"))
                continue
            truth = true[partner[row]]
            named.append(replace(estimate, person=truth.person))
            told.append(
                f"{sequence}: the predicted person {estimate.person} is compared with {truth.person}, in the mean "
                f"{apart[row, partner[row]]:.2f} m away"
            )
    return named, told


def _roots(person: PersonAnnotations, models: BodyModels) -> tuple[str, dict[int, np.ndarray]]:
    """Frame of reference, and the pelvis at each frame's number."""
    clip = posed_clip(person, np.arange(len(person), dtype=np.int64), models)
    if clip.joints is None:
        raise HpsError(f"{person.sequence}, person {person.person} has no pelvis joint, by which people are matched")
    roots = clip.joints[:, PELVIS]
    return clip.frame, {int(n): root for n, root in zip(person.frames, roots, strict=True) if np.isfinite(root).all()}


def _distance(estimate: tuple[str, dict[int, np.ndarray]], truth: tuple[str, dict[int, np.ndarray]]) -> float:
    if estimate[0] != truth[0]:
        raise HpsError(
            f"people are matched by place in one frame; the predictions are in the {estimate[0]}'s, the truth in the "
            f"{truth[0]}'s"
        )
    both = estimate[1].keys() & truth[1].keys()
    if not both:
        return APART_M
    return float(np.mean([np.linalg.norm(estimate[1][n] - truth[1][n]) for n in both]))
