"""What a stage of the reconstruction is: a named step that turns a session's earlier outputs into one folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from capture.session import Session


@dataclass(frozen=True, kw_only=True)
class StageContext:
    """What a stage may read and where it writes."""

    session: Session
    output: Path
    """Temporary folder; it becomes SESSION/<stage folder>/ when the stage succeeds."""
    config: Any
    """The stage's own configuration, validated."""
    instants: list[int]
    """Instants to process, in order."""
    whole: tuple[int, ...] = ()
    """In work ahead of a stage: all instants that the stage is asked for, of which `instants` are some."""
    without: frozenset[str]
    """Devices that no estimate may use."""
    progress: Callable[[int, int], None]
    """Called with (done, total)."""

    @property
    def everything(self) -> list[int]:
        """All instants that the stage is asked for."""
        return list(self.whole) or self.instants

    def uses(self, stream: str) -> bool:
        """Whether a stream's device is not left out."""
        return stream.split("/", maxsplit=1)[0] not in self.without


@dataclass(frozen=True, kw_only=True)
class Ahead:
    """Work of a stage that can be done ahead of it, instants here and instants there, by other processes or machines.

    What it makes waits in the session's cache, under a name that hashes what it was made from; `Stage.run` takes what
    it finds there and makes the rest. So nothing is lost when some of it never ends, and the outputs are the same.
    """

    run: Callable[[StageContext], None]
    """Does the context's instants. The context's output folder is scratch that is thrown away."""
    instants: int
    """So many at once are worth a task: half a minute or so."""
    worth: Callable[[Any], bool] = lambda config: True
    """Whether there is such work with these options of the stage."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One step of `humanrig reconstruct`."""

    name: str
    folder: str
    """Where the outputs go, relative to the session."""
    needs: tuple[str, ...]
    """Stages whose outputs are read."""
    config: type
    """pydantic dataclass of the options; a misspelt key is an error."""
    run: Callable[[StageContext], dict[str, Any]]
    """Does the work; returns figures for the manifest (JSON-able)."""
    reads_body_model: bool = False
    """Whether the stage is to be redone when another body model file is set."""
    files: tuple[str, ...] = ()
    """Further files that are read where they are there: paths inside the session and the sessions it links to."""
    ahead: Ahead | None = None
    """Work that may be spread over a cluster before the stage itself runs; None where there is none."""
    version: int = 1
    """Raised when a change of code changes the output: earlier results are then redone."""
