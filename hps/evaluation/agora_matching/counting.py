"""How many people were found, missed and made up, and the F1 that AGORA divides by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hps.evaluation.agora_matching.matching import Matching, Rule
from hps.evaluation.agora_matching.picture_people import PicturePeople


@dataclass(frozen=True, kw_only=True, slots=True)
class DetectionCounts:
    """Over one picture or many."""

    found: int
    """True people who count and have a prediction."""
    false: int
    missed: int

    @property
    def precision(self) -> float:
        """Share of the predictions that are somebody; NaN without predictions."""
        return _share(self.found, self.found + self.false)

    @property
    def recall(self) -> float:
        """Share of the true people who were found; NaN without true people."""
        return _share(self.found, self.found + self.missed)

    @property
    def f1(self) -> float:
        """TP / (TP + (FP + FN) / 2); NaN without anybody."""
        return _share(self.found, self.found + 0.5 * (self.false + self.missed))

    def normaliser(self, rule: Rule) -> float:
        """What an error is divided by for NMJE and NMVE: F1, by `agora` rounded to two decimals first."""
        return round(self.f1, 2) if rule == "agora" else self.f1

    def normalised(self, error_mm: float, rule: Rule) -> float:
        """NMJE or NMVE of a mean error over the people found; NaN where nobody was found or F1 rounds to nothing."""
        divisor = self.normaliser(rule)
        return error_mm / divisor if divisor > 0 else float("nan")


def count_people(matchings: Sequence[Matching]) -> DetectionCounts:
    """Of everybody."""
    return DetectionCounts(
        found=sum(len(one.pairs) for one in matchings),
        false=sum(len(one.false) for one in matchings),
        missed=sum(len(one.missed) for one in matchings),
    )


def count_kids(matchings: Sequence[Matching], true: Sequence[PicturePeople]) -> DetectionCounts:
    """Of children alone, but with every false prediction of everybody, as AGORA counts: no prediction says its age."""
    return DetectionCounts(
        found=sum(int(people.kids[one.pairs[:, 1]].sum()) for one, people in zip(matchings, true, strict=True)),
        false=sum(len(one.false) for one in matchings),
        missed=sum(int(people.kids[one.missed].sum()) for one, people in zip(matchings, true, strict=True)),
    )


def _share(part: float | int, whole: float | int) -> float:
    return part / whole if whole else float("nan")
