"""One stage of the program run in a copy of a take, once, and the processor time that it took."""

from __future__ import annotations

import json
import resource
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from capture.session import Session
from humanrig import __version__, manifest, pipeline
from humanrig.pipeline import Request
from humanrig.stage import Stage

TIMES = ".processor_times.json"
WARM_UP = 2
"""Instants of the run before the first one that is measured: compiled code is loaded, tables are made."""
_warm: Final[set[str]] = set()


@dataclass(frozen=True, kw_only=True, slots=True)
class StageRun:
    """What a stage came to."""

    figures: dict[str, Any]
    cpu_s: float
    """Of this process and those that it started; NaN where it was run by somebody else."""
    instants: int
    digest: str
    """Of the outputs."""

    @property
    def cpu_s_per_instant(self) -> float:
        """All that the stage did, over its instants."""
        return self.cpu_s / max(self.instants, 1)


def run_stage(
    session: Session, name: str, options: dict[str, Any], without: frozenset[str] = frozenset(), *, again: bool = False
) -> StageRun:
    """Runs the stage alone, or returns what it came to before with the same options, code and inputs.

    Raises the stage's error, and HumanrigError for an option that it does not have.
    """
    stage = pipeline.load_stage(name)
    done = _done(session, stage, options, without)
    if done is None or again:
        request = Request(only=name, configs={name: options}, without=without)
        _warm_up(session, name, options, without)
        before = cpu_seconds()
        pipeline.reconstruct(session, request)
        spent = cpu_seconds() - before
        done = manifest.read(session.path(stage.folder))
        assert done is not None
        _keep(session.folder / TIMES, name, {"digest": done.digest, "cpu_s": spent})
    kept = _kept(session.folder / TIMES).get(name, {})
    cpu_s = kept["cpu_s"] if kept.get("digest") == done.digest else float("nan")
    return StageRun(figures=done.figures, cpu_s=cpu_s, instants=len(done.instants), digest=done.digest)


def cpu_seconds() -> float:
    """Processor time of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def _done(session: Session, stage: Stage, options: dict[str, Any], without: frozenset[str]) -> manifest.Manifest | None:
    done = manifest.read(session.path(stage.folder))
    wanted = TypeAdapter(stage.config).dump_python(pipeline.read_config(stage, options), mode="json")
    if done is None or done.config != wanted or not without <= set(done.without):
        return None
    inputs = {need: manifest.read(session.path(pipeline.load_stage(need).folder)) for need in stage.needs}
    same = all(m is not None and done.inputs.get(need) == m.digest for need, m in inputs.items())
    return done if same and done.code == f"{__version__}/{stage.version}" else None


def _warm_up(session: Session, name: str, options: dict[str, Any], without: frozenset[str]) -> None:
    key = f"{name} {json.dumps(options, sort_keys=True)}"
    instants = [instant.instant for instant in session.instants()][:WARM_UP]
    if key in _warm or not instants:
        return
    _warm.add(key)
    frames = (instants[0], instants[-1] + 1)
    pipeline.reconstruct(session, Request(only=name, configs={name: options}, without=without, frames=frames))


def _kept(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text()) if path.is_file() else {}


def _keep(path: Path, name: str, value: dict[str, Any]) -> None:
    path.write_text(json.dumps({**_kept(path), name: value}, indent=1))
