"""Stages that take no time, in place of the real ones: `sync`, `masks`, `register`; masks can be worked ahead of."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from capture.session import Session
from humanrig import pipeline
from humanrig.costs.model import Cost
from humanrig.errors import HumanrigError
from humanrig.stage import Ahead, Stage, StageContext
from humanrig.trust.verdict import Verdict

NAMES = ("sync", "masks", "register")
INSTANTS = 6


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Config:
    number: int = 1
    betas: int = 10
    shape: Path | None = None
    people: int | None = None
    workers: int | None = None


class BatchStages:
    """Notes what ran, as (session, stage); `fail` names sessions whose masks raise an error."""

    def __init__(self) -> None:
        self.ran: list[tuple[str, str]] = []
        self.ahead: list[tuple[str, list[int]]] = []
        self.fail: dict[str, Exception] = {}
        self.configs: list[Config] = []

    def stage(self, name: str) -> Stage:
        if name not in NAMES:
            raise HumanrigError(f"there is no stage '{name}'")
        needs = NAMES[: NAMES.index(name)][-1:]
        ahead = Ahead(run=self.work_ahead, instants=2) if name == "masks" else None
        return Stage(name=name, folder=name, needs=needs, config=Config, run=self.run, ahead=ahead)

    def run(self, context: StageContext) -> dict:
        take, stage = context.session.folder.name, context.output.name.split(".")[1]
        self.ran.append((take, stage))
        self.configs.append(context.config)
        (context.output / "value.txt").write_text(f"{stage} {context.config.number} {context.instants}")
        if stage == "masks" and take in self.fail:
            raise self.fail[take]
        return {"number": context.config.number}

    def work_ahead(self, context: StageContext) -> None:
        self.ahead.append((context.session.folder.name, context.instants))


def play_stages(monkeypatch: pytest.MonkeyPatch) -> BatchStages:
    """The stages, in place of the real ones until the test ends."""
    from humanrig.batch import asking
    from humanrig.costs import model
    from humanrig.trust import judge

    stages = BatchStages()
    monkeypatch.setattr(pipeline, "STAGES", NAMES)
    monkeypatch.setattr(pipeline, "load_stage", stages.stage)
    monkeypatch.setattr(asking, "load_stage", stages.stage)
    monkeypatch.setattr(pipeline, "instants_of", lambda session, stage, frames: list(range(10, 10 + INSTANTS)))
    monkeypatch.setattr(model, "expected", lambda stage, size: Cost(seconds=10.0, memory_bytes=100, disk_bytes=0))
    monkeypatch.setattr(judge, "judge", judged)
    return stages


def judged(session: Session, *, until: str | None = None) -> Verdict:
    """The fewer letters before z, the better the session."""
    score = (ord(session.folder.name[0]) - ord("a")) / 25
    return Verdict(word="good" if score > 0.9 else "look", score=score, line=f"worth {score:.2f}")


def take(folder: Path, **values: object) -> Path:
    """A session without streams."""
    made = Session.create(folder, streams=[], origin="test", **values)  # pyright: ignore[reportArgumentType]
    (made.folder / "recording").mkdir()
    (made.folder / "recording" / "rig.mcap").write_bytes(b"frames")
    return folder
