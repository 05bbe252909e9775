"""Which predicted person is which true one, by sequence and person, and which frames of them are compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Int64

from hps.errors import HpsError
from hps.evaluation.people_annotations import PersonAnnotations

SHOWN = 3
"""Names in a message."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Pair:
    """One person on both sides."""

    estimate: PersonAnnotations
    truth: PersonAnnotations

    @property
    def name(self) -> str:
        """Sequence and person, as the truth calls them."""
        return f"{self.truth.sequence}, person {self.truth.person}"


@dataclass(kw_only=True, slots=True)
class Pairing:
    """Everybody on either side."""

    pairs: list[Pair] = field(default_factory=list[Pair])
    missing: list[PersonAnnotations] = field(default_factory=list[PersonAnnotations])
    """True people without a prediction."""
    unknown: list[PersonAnnotations] = field(default_factory=list[PersonAnnotations])
    """Predicted people who are nobody in the truth."""
    told: list[str] = field(default_factory=list[str])


def pair_people(predictions: Sequence[PersonAnnotations], truths: Sequence[PersonAnnotations]) -> Pairing:
    """Pairs people of equal sequence and person names.

    Where both sides have one sequence, or one person in a sequence, their names may differ; it is told. Raises HpsError
    where a name stands twice on a side, or where nobody is on both sides.
    """
    pairing = Pairing()
    estimates = _by_name(predictions, "the predictions")
    true = _by_name(truths, "the truth")
    names = {sequence: sequence for sequence in true}
    if len(estimates) == len(true) == 1 and set(estimates) != set(true):
        (only,), (predicted,) = true, estimates
        names[only] = predicted
        pairing.told.append(f"the prediction of {predicted} is compared with {only}: each side has one sequence")
    for sequence, people in true.items():
        found = estimates.pop(names[sequence], {})
        if len(found) == len(people) == 1 and set(found) != set(people):
            (person,), (predicted,) = people, found
            found = {person: found[predicted]}
            pairing.told.append(f"{sequence}: person {predicted} of the prediction is compared with person {person}")
        for person, truth in people.items():
            estimate = found.pop(person, None)
            if estimate is None:
                pairing.missing.append(truth)
            else:
                pairing.pairs.append(Pair(estimate=estimate, truth=truth))
        pairing.unknown += found.values()
    pairing.unknown += [person for people in estimates.values() for person in people.values()]
    if not pairing.pairs:
        raise HpsError(
            f"no person is in both: the predictions have {_some(predictions)}, the truth {_some(truths)}; sequences "
            "and people must have equal names"
        )
    return pairing


def compared_rows(
    pair: Pair, counted: np.ndarray, *, partial: bool
) -> tuple[Int64[np.ndarray, "rows"], Int64[np.ndarray, "rows"], int]:
    """Rows of the estimate and of the truth at the counted frames that both have, and how many the estimate lacks.

    counted: which frames of the truth count. Raises HpsError where the estimate lacks one, unless `partial`.
    """
    estimate, truth = pair.estimate, pair.truth
    for side, frames in (("prediction", estimate.frames), ("truth", truth.frames)):
        if len(np.unique(frames)) != len(frames):
            raise HpsError(f"{pair.name}: the {side} has frame {_twice(frames)} twice")
    wanted = truth.frames[counted]
    order = np.argsort(estimate.frames, kind="stable")
    at = np.searchsorted(estimate.frames, wanted, sorter=order)
    there = np.zeros(len(wanted), bool)
    inside = at < len(order)
    there[inside] = estimate.frames[order[at[inside]]] == wanted[inside]
    lacking = int((~there).sum())
    refused = int(np.isin(wanted[~there], estimate.extra.get("refused", ())).sum())
    if lacking and not partial:
        raise HpsError(
            f"{pair.name}: the prediction has {len(estimate)} frames, the truth {len(truth)} of which {len(wanted)} "
            f"count; frame {wanted[~there][0]} and {lacking - 1} more have no prediction"
            f"{f' ({refused} refused by the estimator)' if refused else ''}. Predict every frame, number "
            "the frames as the truth does, or pass --partial to leave them out and be told how many"
        )
    if not there.any():
        raise HpsError(
            f"{pair.name}: no frame is in both, the prediction has {_span(estimate.frames)}, the truth counts "
            f"{_span(wanted)}"
        )
    return order[at[there]].astype(np.int64), np.flatnonzero(counted)[there].astype(np.int64), lacking


def _by_name(people: Sequence[PersonAnnotations], side: str) -> dict[str, dict[str, PersonAnnotations]]:
    count = Counter((one.sequence, one.person) for one in people)
    twice = [name for name, times in count.items() if times > 1]
    if twice:
        raise HpsError(f"{side} name {twice[0][0]}, person {twice[0][1]} twice; keep one")
    named: dict[str, dict[str, PersonAnnotations]] = {}
    for one in people:
        named.setdefault(one.sequence, {})[one.person] = one
    return named


def _some(people: Sequence[PersonAnnotations]) -> str:
    names = [f"{one.sequence}, person {one.person}" for one in people]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ("; ".join(names[:SHOWN]) + more) or "nobody"


def _span(frames: np.ndarray) -> str:
    return f"frames {frames.min()} to {frames.max()}" if len(frames) else "no frames"


def _twice(frames: np.ndarray) -> int:
    values, counts = np.unique(frames, return_counts=True)
    return int(values[counts > 1][0])
