"""What a batch has its workers do: look at a session, run a stage, work ahead of one, find a shape, judge."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from capture.errors import CaptureError
from capture.session import Session
from humanrig import pipeline
from humanrig.batch.asking import Asked, one_process
from humanrig.batch.places import place_of
from humanrig.errors import HumanrigError
from humanrig.executors.executor import Tell
from humanrig.lease import EXPIRY_S, WATCH_S, held
from humanrig.stage import StageContext

SHAPE = "shape"
"""A step before `register` where the shape is known from a scan or a take."""
AGAIN_S = EXPIRY_S + WATCH_S + 10.0
"""So long a task that is given again waits for the lease of the process that died with it, wherever that was."""


def prepare_task(tell: Tell, *, session: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Looks at a session. Returns its stages with what they are expected to cost, how many of the first are whole, the
    take that its shape comes from, and the options with the number of people in them.

    Raises the errors of a session that cannot be opened or of a request that does not fit it.
    """
    from humanrig.costs.model import expected
    from humanrig.costs.size import Size
    from humanrig.registering.options import LINK, set_people

    ask = Asked.of(asked)
    place = place_of(session)
    opened = Session.open(place.local())
    set_people(opened, ask.configs, ask.people)
    request = ask.request
    names = pipeline.chosen(opened, request)
    shape = None
    if "register" in names:
        link = opened.info.links.get(LINK)
        shape = str(Path(ask.shape_from).resolve()) if ask.shape_from else place.linked(link) if link else None
    size = Size.of(opened, frames=ask.frames, without=request.without, people=ask.people or None)
    costs = {name: expected(name, size) for name in names}
    stages = [pipeline.load_stage(name) for name in names]
    whole = _whole(opened, ask, names, stop="register" if shape else None)
    place.publish_left([stage.folder for stage in stages if stage.name in whole])  # their tasks are not given again
    return {
        "configs": ask.configs,
        "shape": shape,
        "whole": whole,
        "instants": _instants(opened, request),
        "size": asdict(size),
        "stages": [
            {
                "name": stage.name,
                "needs": [need for need in stage.needs if need in names],
                "seconds": costs[stage.name].seconds,
                "memory_bytes": costs[stage.name].memory_bytes,
                "ahead": pipeline.ahead_instants(stage, request),
            }
            for stage in stages
        ],
    }


def run_stage_task(
    tell: Tell, *, session: str, stage: str, asked: dict[str, Any], forced: bool, again: bool
) -> dict[str, Any]:
    """Runs one stage unless its result is whole. `again`: a process died with this task before.

    Raises the stage's errors, and HumanrigError when another program works on the session.
    """
    place = place_of(session)
    request = one_process(stage, Asked.of(asked).request)
    wait_s = AGAIN_S if again else 0.0
    with place.held(wait_s):
        opened = Session.open(place.local())
        with held(opened.folder, wait_s) as lease:
            known = pipeline.load_stage(stage)
            done = pipeline.run_stage(opened, known, request, forced, lambda _, n, total: tell(n, total), lease)
        place.publish(known.folder)
    return {
        "skipped": done.skipped,
        "seconds": done.seconds,
        "figures": done.figures,
        "instants": _instants(opened, request),
    }


def run_ahead_task(
    tell: Tell, *, session: str, stage: str, asked: dict[str, Any], forced: bool, first: int, last: int
) -> dict[str, Any]:
    """Works ahead of a stage that has not begun, on its instants from the first up to the last (not included), counted
    from 0. Does nothing where the stage's result is whole."""
    place = place_of(session)
    opened = Session.open(place.local())
    known = pipeline.load_stage(stage)
    wanted, config = pipeline.wanted_of(opened, known, one_process(stage, Asked.of(asked).request))
    instants = wanted.instants[first:last]
    if known.ahead is None or not instants or (not forced and pipeline.whole(opened, known, wanted)):
        return {"instants": 0}
    with tempfile.TemporaryDirectory(prefix="humanrig-ahead-") as scratch:
        context = StageContext(
            session=opened,
            output=Path(scratch),
            config=config,
            instants=instants,
            whole=tuple(wanted.instants),
            without=frozenset(wanted.without),
            progress=tell,
        )
        known.ahead.run(context)
    place.publish("cache")
    return {"instants": len(instants)}


def shape_task(tell: Tell, *, session: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Finds the shape that is known of person00; returns the file that `register` reads it from."""
    from humanrig.registering.options import set_shape

    ask = Asked.of(asked)
    place = place_of(session)
    opened = Session.open(place.local())
    path = None if ask.shape_from is None else Path(ask.shape_from)
    found = set_shape(opened, ask.configs, path, ask.scan_unit, ask.scan_up, lambda _, n, total: tell(n, total))
    shape = ask.configs.get("register", {}).get("shape")
    place.publish_all()
    return {
        "shape": None if shape is None else str(shape),
        "skipped": found is None or found.skipped,
        "seconds": 0.0 if found is None else found.seconds,
    }


def judge_task(tell: Tell, *, session: str, until: str | None) -> dict[str, Any]:
    """The verdict on a session as it is now (`trust.verdict.Verdict`)."""
    from humanrig.trust.judge import judge

    return asdict(judge(Session.open(place_of(session).local()), until=until))


def _whole(opened: Session, ask: Asked, names: Sequence[str], stop: str | None) -> list[str]:
    """The first stages whose results are what is asked for."""
    found: list[str] = []
    for name in names:
        if name in (stop, ask.start, ask.only):
            break
        stage = pipeline.load_stage(name)
        wanted, _ = pipeline.wanted_of(opened, stage, ask.request)
        if pipeline.whole(opened, stage, wanted) is None:
            break
        found.append(name)
    return found


def _instants(opened: Session, request: pipeline.Request) -> int:
    """How many instants the stages after `sync` work on; 0 before that is known."""
    try:
        return len(pipeline.instants_of(opened, pipeline.load_stage("masks"), request.frames))
    except (CaptureError, HumanrigError):
        return 0
