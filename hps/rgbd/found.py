"""What is found of people in pictures with depth: one body, and those of several views."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from hps.points.estimate import BodyEstimate
from hps.points.fitted_clouds import FittedClouds
from hps.points.judging.confidence import Verdict
from hps.rgbd.agreement import Agreement

Used = Literal["both", "depth", "picture"]
"""What a body was made of."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RgbdEstimate:
    """One person's body at one instant, in the colour camera's frame."""

    estimate: BodyEstimate
    used: Used | None
    """None where there is no body."""
    note: str
    """Why only one of both was used; empty where both were."""
    residual_mm: float
    """Median distance of the points from the body; NaN where no points were used."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RgbdBatch:
    """What was found in several views, a row for each that was not refused."""

    rows: tuple[int, ...]
    """Which views these are, rising."""
    bodies: FittedClouds
    """In the frames of the colour cameras."""
    verdicts: tuple[Verdict, ...]
    used: tuple[Used, ...]
    notes: tuple[str, ...]
    """Why only one of both was used; empty where both were."""
    residual_mm: tuple[float, ...]
    agreement: tuple[Agreement | None, ...]
    """None where one of both was missing."""
    refused: dict[int, str]
    """Views without a body, with the reason."""
    spread: tuple[float, ...]
    """What calibration multiplied each body's standard deviations by."""
    milliseconds: dict[str, float]
    """All views together."""

    def shifted(self, by: int) -> RgbdBatch:
        """The same with other numbers of views."""
        rows = tuple(row + by for row in self.rows)
        return replace(self, rows=rows, refused={row + by: reason for row, reason in self.refused.items()})

    @classmethod
    def joined(cls, parts: Sequence[RgbdBatch]) -> RgbdBatch:
        """Several batches as one; at least one."""
        spent: dict[str, float] = {}
        for part in parts:
            add_milliseconds(spent, part.milliseconds)
        return cls(
            rows=tuple(row for part in parts for row in part.rows),
            bodies=FittedClouds.joined([part.bodies for part in parts]),
            verdicts=tuple(one for part in parts for one in part.verdicts),
            used=tuple(one for part in parts for one in part.used),
            notes=tuple(one for part in parts for one in part.notes),
            residual_mm=tuple(one for part in parts for one in part.residual_mm),
            agreement=tuple(one for part in parts for one in part.agreement),
            refused={row: reason for part in parts for row, reason in part.refused.items()},
            spread=tuple(one for part in parts for one in part.spread),
            milliseconds=spent,
        )


def add_milliseconds(spent: dict[str, float], more: dict[str, float]) -> None:
    """Adds what was spent, by name."""
    for name, value in more.items():
        spent[name] = spent.get(name, 0.0) + value
