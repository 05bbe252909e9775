"""Which predicted person is which true one where trackers number people as they like: the nearest in a sequence."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy.optimize import linear_sum_assignment

from geometry.rigid import transform
from hps.errors import HpsError
from hps.evaluation.people_annotations import PersonAnnotations
from hps.evaluation.scoring.body_models import BodyModels
from hps.evaluation.scoring.joining import NO_CAMERA
from hps.evaluation.scoring.posing import posed_clip
from hps.metrics.positions import PELVIS

APART_M: Final = 1e6
"""Between people who are at no frame together."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Roots:
    """Of one person, by the frames' numbers."""

    name: str
    frame: str
    at: dict[int, np.ndarray]
    cameras: dict[int, np.ndarray] | None


def named_by_place(
    predictions: Sequence[PersonAnnotations], truths: Sequence[PersonAnnotations], models: BodyModels
) -> tuple[list[PersonAnnotations], list[str]]:
    """The predictions with the names of the true people who they are nearest to, and a sentence about each.

    In each sequence the assignment with the least sum of mean distances of the pelvis, over the frames that both have;
    predicted people who are left over keep their names, marked by `unmatched`. Sequences must have equal names, or be
    one on each side. Raises HpsError where the two sides are in different frames that no camera joins, or have no
    pelvis joint.
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


def _roots(person: PersonAnnotations, models: BodyModels) -> _Roots:
    """The pelvis and the camera at each frame's number."""
    clip = posed_clip(person, np.arange(len(person), dtype=np.int64), models)
    if clip.joints is None:
        raise HpsError(f"{person.sequence}, person {person.person} has no pelvis joint, by which people are matched")
    if not clip.placed:
        raise HpsError(f"{person.sequence}, person {person.person} has no translations, by which people are matched")
    roots, numbers, Ts = clip.joints[:, PELVIS], person.frames.tolist(), person.Ts_camera_world
    return _Roots(
        name=f"{person.sequence}, person {person.person}",
        frame=clip.frame,
        at={n: root for n, root in zip(numbers, roots, strict=True) if np.isfinite(root).all()},
        cameras=None if Ts is None else dict(zip(numbers, np.asarray(Ts, np.float64), strict=True)),
    )


def _distance(estimate: _Roots, truth: _Roots) -> float:
    both = estimate.at.keys() & truth.at.keys()
    if not both:
        return APART_M
    apart = estimate.frame != truth.frame
    sides = [_seen(a, b, both) if apart else a.at for a, b in ((estimate, truth), (truth, estimate))]
    return float(np.mean([np.linalg.norm(sides[0][n] - sides[1][n]) for n in both]))


def _seen(own: _Roots, other: _Roots, numbers: Set[int]) -> dict[int, np.ndarray]:
    """In the camera's frame, by the cameras of its own file or of the other."""
    if own.frame == "camera":
        return own.at
    cameras = other.cameras if own.cameras is None else own.cameras
    if cameras is None:
        raise HpsError(f"{own.name}: {NO_CAMERA}")
    return {n: transform(cameras[n], own.at[n]) for n in numbers}
