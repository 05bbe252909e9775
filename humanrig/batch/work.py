"""How far a session of a batch has come, and what can be done next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from humanrig.batch.finding import Found
from humanrig.batch.tasks import SHAPE

PREPARE, JUDGE = "look", "judge"
"""Steps of every session that are no stages: the first and the last."""
State = Literal["waiting", "running", "done", "failed", "left out"]


@dataclass(kw_only=True)
class Step:
    """One thing to be done with a session, in one process."""

    name: str
    seconds: float = 0.0
    """Expected."""
    memory_bytes: int = 0
    needs: tuple[str, ...] = ()
    ahead: int = 0
    """So many instants are worth a task that works ahead; 0 where there is no such work."""
    done: bool = False
    skipped: bool = False
    took_s: float = 0.0
    """By the stage's own measure."""
    task_s: float = 0.0
    """By the worker's: what it spent around the stage is the difference."""
    deaths: int = 0
    """Processes that ended by themselves while they did it."""
    starved: bool = False
    """The last of them ran out of memory: it is to have twice as much, beside fewer others."""
    figures: dict[str, Any] = field(default_factory=dict)
    pieces: list[tuple[int, int]] | None = None
    """Work ahead that has not been given: first instant and the one after the last. None before anybody asked."""


@dataclass(kw_only=True)
class Work:
    """A session and its steps."""

    number: int
    found: Found
    state: State = "waiting"
    steps: list[Step] = field(default_factory=lambda: [Step(name=PREPARE)])
    configs: dict[str, dict[str, Any]] = field(default_factory=dict)
    instants: int = 0
    shape: str | None = None
    """The take or scan that its shape comes from."""
    running: str = ""
    """The step that a worker has or is about to have."""
    ahead: set[str] = field(default_factory=set)
    """Names of tasks that work ahead."""
    progress: tuple[int, int] = (0, 0)
    since: float = 0.0
    """When the running step was taken up; 0 while it waits for a worker."""
    worker: str = ""
    error: str = ""
    error_step: str = ""
    trouble: str = ""
    """The traceback behind the error, where nobody expected it."""
    verdict: dict[str, Any] | None = None

    @property
    def ended(self) -> bool:
        """Nothing is to be done any more."""
        return self.state in ("done", "failed", "left out")

    @property
    def next(self) -> Step | None:
        """The first step that is not done."""
        return next((step for step in self.steps if not step.done), None)

    @property
    def left_s(self) -> float:
        """Expected seconds of what is not done; of the running step what is left of it."""
        done, total = self.progress
        share = done / total if self.running and total else 0.0
        return sum(
            step.seconds * (1 - share if step.name == self.running else 1) for step in self.steps if not step.done
        )

    @property
    def stages(self) -> list[Step]:
        """The steps that are stages."""
        return [step for step in self.steps if step.name not in (PREPARE, JUDGE, SHAPE)]

    def step(self, name: str) -> Step:
        """The step of that name."""
        return next(step for step in self.steps if step.name == name)

    def plan(self, prepared: dict[str, Any]) -> None:
        """Takes over what `prepare_task` found."""
        self.configs, self.instants, self.shape = prepared["configs"], prepared["instants"], prepared["shape"]
        for values in prepared["stages"]:
            whole = values["name"] in prepared["whole"]
            if values["name"] == "register" and self.shape:
                self.steps.append(Step(name=SHAPE))
            known = {key: values[key] for key in ("name", "seconds", "memory_bytes", "ahead")}
            self.steps.append(Step(**known, needs=tuple(values["needs"]), done=whole, skipped=whole))
        self.steps.append(Step(name=JUDGE))

    def fail(self, step: str, error: str, trouble: str = "") -> None:
        """Gives the session up, except for the verdict on what there is."""
        self.error, self.error_step, self.trouble = error, step, trouble
        self.steps = [one for one in self.steps if one.done or one.name == JUDGE]
        if not any(one.name == JUDGE for one in self.steps):
            self.state = "failed"

    def end(self, verdict: dict[str, Any]) -> None:
        """All is done that will be."""
        self.verdict, self.state = verdict, "failed" if self.error else "done"

    def end_without_verdict(self, why: str, trouble: str = "") -> None:
        """The stages are as good as they are, though nobody could judge them."""
        self.trouble = self.trouble or trouble
        line = f"no verdict: {why}"
        self.end({"word": "unfinished", "score": 0.0, "line": line, "reasons": []})

    def pieces_of(self, step: Step) -> list[tuple[int, int]]:
        """The work ahead of a step that can be given now; empty while what it needs is not there."""
        if not step.ahead or step.done or self.instants < 2 * step.ahead:
            return []
        if not all(self.step(need).done for need in step.needs):
            return []
        if step.pieces is None:
            step.pieces = even_pieces(self.instants, step.ahead)
        return step.pieces

    def ahead_of(self, step: Step) -> bool:
        """Whether anybody works ahead of this step."""
        return any(name.split("/")[1] == step.name for name in self.ahead)


def even_pieces(instants: int, each: int) -> list[tuple[int, int]]:
    """Spans of about `each` instants, as equal as they can be, that cover all of them."""
    count = max(round(instants / each), 1)
    return [(instants * n // count, instants * (n + 1) // count) for n in range(count)]


def time_left_s(works: Sequence[Work], slots: int) -> float:
    """Expected seconds until all is done: as long as the longest session, and all work over all slots, at least.

    What stages took so far corrects what they were expected to take.
    """
    ran = [step for work in works for step in work.stages if step.done and not step.skipped and step.seconds > 0]
    expected = sum(step.seconds for step in ran)
    factor = sum(step.took_s for step in ran) / expected if expected else 1.0
    left = [work.left_s for work in works if not work.ended]
    return factor * max(sum(left) / max(slots, 1), max(left, default=0.0))
