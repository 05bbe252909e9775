"""Reasons while they are collected: weighed by a limit, told with their number."""

from __future__ import annotations

from dataclasses import dataclass, field

from humanrig.trust.evidence import Evidence
from humanrig.trust.limits import WARNING, Limit
from humanrig.trust.verdict import Reason

FULL, MORE = 3, 0.01
"""So many sentences of a stage count whole, those after them hardly: one cause often has many."""
LEAST = 0.005
"""What costs less is not told."""


@dataclass
class Reasons:
    """What has been found so far."""

    found: list[Reason] = field(default_factory=list)

    def add(self, stage: str, limit: Limit, value: float | None, text: str, camera: str = "") -> None:
        """A figure against its limit; nothing is added where it is not known, or harmless."""
        self.put(stage, limit.cost(value), text, camera)

    def put(self, stage: str, cost: float, text: str, camera: str = "") -> None:
        """A cost that is known already."""
        if cost >= LEAST:
            self.found.append(Reason(stage=stage, text=text, cost=round(min(cost, 1.0), 4), camera=camera))

    def add_warnings(self, evidence: Evidence) -> None:
        """Sentences of the stages about what no figure above has told: a camera that has a reason is not told twice."""
        for stage in evidence.done:
            for text in evidence.words(stage, "warnings"):
                camera = next((d for d in evidence.session.devices if text.startswith((f"{d}:", f"{d}/", f"{d} "))), "")
                told = any(r.stage == stage and r.camera == camera and r.cost > WARNING for r in self.found)
                before = sum(r.cost == WARNING and r.stage == stage for r in self.found)
                self.put(stage, 0.0 if camera and told else WARNING if before < FULL else MORE, text, camera)
