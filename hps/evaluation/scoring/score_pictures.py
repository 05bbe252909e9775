"""Scoring people of pictures who must be matched first: AGORA's measure, its own way and without its oddities."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Final

import numpy as np
from jaxtyping import Bool, Float

from hps.errors import HpsError
from hps.evaluation.agora_matching import DetectionCounts, Matching, PicturePeople, Rule, match_people
from hps.evaluation.agora_matching.counting import count_kids, count_people
from hps.evaluation.agora_matching.part_errors import part_errors_mm, vertex_errors_mm
from hps.evaluation.people_annotations import PersonAnnotations
from hps.evaluation.scoring.body_models import BodyModels
from hps.evaluation.scoring.picture_bins import picture_bins
from hps.evaluation.scoring.picture_groups import by_picture, large_cameras, picture_people
from hps.evaluation.scoring.score_report import Counts, Figure, PersonRow, ScoreReport
from hps.metrics.subject_bootstrap import Interval, mean_interval, ratio_interval

AGORA: Final = "agora"
RULES: Final[tuple[Rule, ...]] = ("agora", "strict")


def score_pictures(
    predictions: Sequence[PersonAnnotations],
    truths: Sequence[PersonAnnotations],
    *,
    models: BodyModels | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> ScoreReport:
    """F1, MPJPE, MVE and both by F1, of everybody and of children, by both rules of matching.

    Pictures without predictions are all misses; pictures that the truth does not have are told and left out. Intervals
    resample pictures. Raises HpsError where no picture is on both sides, or where people cannot be compared.
    """
    models = BodyModels() if models is None else models
    estimates, true = by_picture(predictions), by_picture(truths)
    if not set(estimates) & set(true):
        raise HpsError(
            f"no picture is in both: the predictions are of {_some(estimates)}, the truth of {_some(true)}; prediction "
            "files are called PICTURE_personId_K.pkl"
        )
    cameras = large_cameras(truths)
    sides = []
    for done, (picture, people) in enumerate(true.items()):
        on_progress(done, len(true))
        sides.append(
            (
                picture_people(picture, estimates.get(picture, []), models, cameras),
                picture_people(picture, people, models, cameras),
            )
        )
    told = [
        f"{len(lost)} pictures have no prediction, such as {lost[0]}: everybody there is missed"
        for lost in [[name for name in true if name not in estimates]]
        if lost
    ]
    stray = [name for name in estimates if name not in true]
    if stray:
        told.append(f"{len(stray)} pictures of the predictions are not in the truth, such as {stray[0]}: left out")
    figures: list[Figure] = []
    bins: list[PersonRow] = []
    matched: dict[Rule, _Matched] = {}
    for rule in RULES:
        matched[rule] = _Matched(rule, sides)
        figures += matched[rule].figures()
        bins += matched[rule].bins()
    found = count_people(matched["agora"].matchings)
    told += [*models.told, *matched["agora"].problems]
    return ScoreReport(
        protocol=AGORA,
        says="people of pictures, matched by AGORA's own rule and by a strict one",
        source="pixelite1201/agora_evaluation, from its published description",
        rules="people who are valid and hidden by 90 % at most; bodies as in the files; 24 joints of SMPL or 22 of "
        "SMPL-X from the middle of the hips",
        figures=tuple(figures),
        rows=tuple(matched["agora"].rows()),
        bins=tuple(bins),
        counts=Counts(
            people=found.found,
            missing_people=found.missed,
            unknown_people=found.false,
            frames=len(sides),
            ignored_frames=sum(int((~people.counts).sum()) for _, people in sides),
            lacking_frames=sum(name not in estimates for name in true),
            refused_frames=0,
        ),
        told=tuple(told),
    )


class _Matched:
    """All pictures under one rule, with the errors of those who were found."""

    def __init__(self, rule: Rule, sides: Sequence[tuple[PicturePeople, PicturePeople]]) -> None:
        self.rule: Rule = rule
        self.true = [true for _, true in sides]
        self.matchings: list[Matching] = [match_people(predicted, true, rule) for predicted, true in sides]
        self.errors: dict[str, list[np.ndarray]] = {}
        self.problems: list[str] = []
        for (predicted, true), matching in zip(sides, self.matchings, strict=True):
            a, b = matching.pairs.T
            if len(a):
                for part, error in part_errors_mm(predicted.joints[a], true.joints[b]).items():
                    self._keep(f"MPJPE {part}" if part != "body" else "MPJPE", error)
                self._vertices(predicted, true, matching)
        self.picture = np.repeat(np.arange(len(sides)), [len(one.pairs) for one in self.matchings])
        self.kid = self._of_found([people.kids for people in self.true]).astype(bool)

    def figures(self) -> Iterator[Figure]:
        """Of everybody, then of children where there are any."""
        everybody = count_people(self.matchings)
        yield from self._detection()
        yield from self._errors(everybody, "", np.ones(len(self.picture), bool))
        kids = count_kids(self.matchings, self.true)
        if kids.found + kids.missed:
            yield self._figure("kid F1", "", "children, and every false prediction", _alone(kids.f1, kids.found))
            yield from self._errors(kids, "kid ", self.kid)

    def bins(self) -> Iterator[PersonRow]:
        """Errors and found shares by how people are hidden, turned and placed."""
        for name, which_true in picture_bins(self.true):
            hit = self._of_found(which_true).astype(bool)
            total = sum(int((some & people.counts).sum()) for some, people in zip(which_true, self.true, strict=True))
            if not total:
                continue
            means = {f"{key} [{self.rule}] mm": float(np.concatenate(parts)[hit].mean()) for key, parts in
                     self.errors.items() if hit.any() and len(np.concatenate(parts)) == len(hit)}  # fmt: skip
            yield PersonRow(name=name, frames=total, values={f"found [{self.rule}]": float(hit.sum()) / total, **means})

    def rows(self) -> Iterator[PersonRow]:
        """One a picture."""
        errors = np.concatenate([np.zeros(0), *self.errors.get("MPJPE", [])])
        for n, one in enumerate(self.matchings):
            own = errors[self.picture == n]
            means = {f"MPJPE [{self.rule}] mm": float(own.mean())} if len(own) else {}
            counts = count_people([one])
            yield PersonRow(
                name=one.picture,
                frames=counts.found + counts.missed,
                values={**means, **{name: float(value) for name, value in asdict(counts).items()}},
            )

    def _detection(self) -> Iterator[Figure]:
        each = [count_people([one]) for one in self.matchings]
        names = np.arange(len(each)).astype(str)
        found = np.array([one.found for one in each], np.float64)
        for name, other, says in (
            ("F1", [0.5 * (one.false + one.missed) for one in each], "harmonic mean of precision and recall"),
            ("precision", [one.false for one in each], "predictions that are somebody who counts"),
            ("recall", [one.missed for one in each], "people who count and were found"),
        ):
            of = found + np.array(other, np.float64)
            told = np.where(of > 0, of, np.nan)  # other pictures say nothing of this share
            yield self._figure(name, "", says, ratio_interval(found, told, names))

    def _errors(self, counts: DetectionCounts, who: str, which: Bool[np.ndarray, "found"]) -> Iterator[Figure]:
        normalised = {"MPJPE": "NMJE", "MVE": "NMVE"}
        for name, parts in self.errors.items():
            error: Float[np.ndarray, "found"] = np.concatenate(parts)
            if len(error) != len(which):
                continue
            interval = mean_interval(error[which], self.picture[which].astype(str))
            yield self._figure(f"{who}{name}", "mm", "of people who were found, from the middle of the hips", interval)
            base, _, part = name.partition(" ")
            value = counts.normalised(interval.value, self.rule)
            rounded = ", rounded to two decimals" if self.rule == "agora" else ""
            yield self._figure(
                f"{who}{normalised[base]} {part}".strip(), "mm", f"{name} by F1{rounded}", _alone(value, interval.n)
            )

    def _vertices(self, predicted: PicturePeople, true: PicturePeople, matching: Matching) -> None:
        a, b = matching.pairs.T
        if predicted.vertices is None or true.vertices is None:
            problem = "some people have no vertices: MVE is not told"
        else:
            error = vertex_errors_mm(predicted.vertices[a], true.vertices[b], predicted.joints[a], true.joints[b])
            self._keep("MVE", error)
            return
        if problem not in self.problems:
            self.problems.append(problem)

    def _keep(self, name: str, error: np.ndarray) -> None:
        self.errors.setdefault(name, []).append(error)

    def _of_found(self, of_true: Sequence[np.ndarray]) -> np.ndarray:
        picked = [values[one.pairs[:, 1]] for values, one in zip(of_true, self.matchings, strict=True)]
        return np.concatenate([np.zeros(0), *picked])

    def _figure(self, measure: str, unit: str, says: str, interval: Interval) -> Figure:
        return Figure(measure=measure, protocol=self.rule, unit=unit, says=says, over="pictures", interval=interval)


def _alone(value: float, n: int) -> Interval:
    """A number without an interval: a ratio of two that are both uncertain."""
    return Interval(n=n, subjects=0, value=value, low=float("nan"), high=float("nan"))


def _some(pictures: dict[str, list[tuple[PersonAnnotations, int]]]) -> str:
    names = list(pictures)
    return f"{', '.join(names[:3])}{' …' if len(names) > 3 else ''}" if names else "nothing"
