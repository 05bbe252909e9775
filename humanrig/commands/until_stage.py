"""Runs a session up to the one stage that a command is named after, and says how it ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from capture.session import Session
from humanrig import pipeline
from humanrig.commands.reconstruct import parse_frames
from humanrig.commands.stage_ending import tell
from humanrig.terminal import stage_progress


def run_until(
    stage: str,
    session: Session,
    configs: dict[str, dict[str, Any]],
    lines: Callable[[dict[str, Any]], Iterable[str]],
    *,
    wishes: dict[str, Any],
    frames: str | None,
    without: Iterable[str],
    again: bool,
    json: bool,
) -> int:
    """Runs what is missing up to `stage`, `again` even if nothing changed; returns the exit code.

    wishes: options of the stage that stand over those of `configs` where they are not None. Raises HumanrigError for
    frames that are no span, and the error of the stage that failed.
    """
    configs.setdefault(stage, {}).update({name: value for name, value in wishes.items() if value is not None})
    request = pipeline.Request(
        until=stage,
        start=stage if again else None,
        frames=parse_frames(frames),
        without=frozenset(without),
        configs=configs,
    )
    with stage_progress() as update:
        outcomes = pipeline.reconstruct(session, request, on_stage=update)
    tell(outcomes, lines, session.path(pipeline.load_stage(stage).folder), json=json)
    return 0
