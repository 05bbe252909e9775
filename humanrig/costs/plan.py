"""What is left to do in sessions, and what it needs: steps with their expected costs, and the disk that they fill."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from humanrig.batch.asking import Asked
from humanrig.batch.finding import Found
from humanrig.batch.tasks import prepare_task
from humanrig.batch.work import even_pieces
from humanrig.cli import expected_errors, in_words
from humanrig.costs.model import CostModel
from humanrig.costs.schedule import Step
from humanrig.costs.size import Size


@dataclass(frozen=True, kw_only=True)
class SessionPlan:
    """One session, and what is left to do in it."""

    name: str
    session: str
    """The whole path."""
    steps: tuple[Step, ...] = ()
    whole: tuple[str, ...] = ()
    """Stages whose results are there."""
    instants: int = 0
    trouble: str = ""
    """Why nothing can be done."""
    left_out: str = ""
    """Why nothing is to be done."""

    @property
    def seconds(self) -> float:
        """On one core."""
        return sum(step.seconds for step in self.steps)

    @property
    def disk_bytes(self) -> int:
        """What the steps will leave."""
        return sum(step.disk_bytes for step in self.steps)


@dataclass(frozen=True, kw_only=True)
class DiskNeed:
    """What sessions of one file system will fill of it."""

    place: str
    """The first of them."""
    needed_bytes: int
    free_bytes: int

    @property
    def enough(self) -> bool:
        """Whether it fits."""
        return self.needed_bytes <= self.free_bytes


def plan_session(found: Found, asked: Asked, model: CostModel) -> SessionPlan:
    """What is left to do in a session. Raises nothing that a session does: that is its trouble."""
    if found.trouble or found.left_out:
        return SessionPlan(name=found.name, session=found.session, trouble=found.trouble, left_out=found.left_out)
    try:
        prepared = prepare_task(lambda done, total: None, session=found.session, asked=asked.values)
    except expected_errors() as error:
        return SessionPlan(name=found.name, session=found.session, trouble=in_words(error))
    size = Size(**prepared["size"])
    whole = tuple(prepared["whole"])
    return SessionPlan(
        name=found.name,
        session=found.session,
        whole=whole,
        steps=tuple(
            step_of(stage["name"], size, model, stage["ahead"])
            for stage in prepared["stages"]
            if stage["name"] not in whole
        ),
        instants=size.instants,
    )


def step_of(stage: str, size: Size, model: CostModel, ahead: int = 0) -> Step:
    """The expected cost of a stage, and into how many tasks of `ahead` instants it can be cut (0: none)."""
    cost = model.expected(stage, size)
    pieces = len(even_pieces(size.instants, ahead)) if ahead and size.instants >= 2 * ahead else 1
    rest = model.expected(stage, replace(size, instants=0)).seconds if pieces > 1 else 0.0
    return Step(
        stage=stage,
        seconds=cost.seconds,
        memory_bytes=cost.memory_bytes,
        disk_bytes=cost.disk_bytes,
        pieces=pieces,
        rest_s=min(rest, cost.seconds),
    )


def disk_needs(plans: Iterable[SessionPlan]) -> list[DiskNeed]:
    """What the plans fill, by file system; those of a store, whose room nobody tells, are passed over."""
    found: dict[int, tuple[str, int]] = {}
    for plan in plans:
        if not plan.steps or not Path(plan.session).is_dir():
            continue
        device = os.stat(plan.session).st_dev
        place, needed = found.get(device, (plan.session, 0))
        found[device] = (place, needed + plan.disk_bytes)
    return [
        DiskNeed(place=place, needed_bytes=needed, free_bytes=shutil.disk_usage(Path(place)).free)
        for place, needed in found.values()
    ]


def stage_sums(plans: Sequence[SessionPlan]) -> list[dict[str, Any]]:
    """For each stage: sessions, core seconds, bytes on disk and the most memory of one task, in the stages' order."""
    sums: dict[str, dict[str, Any]] = {}
    for step in (step for plan in plans for step in plan.steps):
        row = sums.setdefault(
            step.stage, {"stage": step.stage, "sessions": 0, "core_s": 0.0, "disk_bytes": 0, "memory_bytes": 0}
        )
        row["sessions"] += 1
        row["core_s"] += step.seconds
        row["disk_bytes"] += step.disk_bytes
        row["memory_bytes"] = max(row["memory_bytes"], step.memory_bytes)
    return list(sums.values())
