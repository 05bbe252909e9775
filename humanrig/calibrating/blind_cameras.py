"""Why a camera never saw the board that others saw: its pictures may show it mirrored, or another board."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from calibration.board_view import BoardTake
from calibration.boards.guess import guess_board
from calibration.boards.sweep import camera_of
from calibration.rig_solve.result import RigSolve
from calibration.rig_solve.verdicts import not_solved
from capture.errors import CaptureError
from capture.session import Session

PICTURES = 12
"""Of a camera, from moments at which another one saw the board."""


def why_blind(session: Session, take: BoardTake, streams: list[str]) -> dict[str, str]:
    """By camera without a view: what its pictures show instead, in words. Cameras whose pictures show nothing are not
    in it."""
    seeing = {view.camera for view in take.views}
    found: dict[str, str] = {}
    for stream in streams:
        camera = camera_of(stream)
        if camera in seeing:
            continue
        guesses = guess_board(_pictures(session, take, stream), take.board)
        if guesses:
            found[camera] = guesses[0].text
    return found


def with_reasons(solve: RigSolve, reasons: Mapping[str, str]) -> RigSolve:
    """The solve, which names these reasons for the cameras that it could not place."""
    unsolved = {name: reasons.get(name, reason) for name, reason in solve.unsolved.items()}
    old = {not_solved(name, reason): name for name, reason in solve.unsolved.items()}
    verdicts = tuple(not_solved(old[v], unsolved[old[v]]) if v in old else v for v in solve.verdicts)
    calibration = replace(solve.calibration, verdicts=verdicts)
    return replace(solve, calibration=calibration, verdicts=verdicts, unsolved=unsolved)


def in_words(reasons: Mapping[str, str]) -> str:
    """The reasons as the end of a sentence; empty where there are none."""
    return "".join(f"; {name}: {text}" for name, text in reasons.items())


def _pictures(session: Session, take: BoardTake, stream: str) -> list[Any]:
    """Pictures of a stream from moments at which the board was seen, those that can be read."""
    seen = {view.instant for view in take.views}
    places = [i.index[stream] for i in session.instants() if i.instant in seen and i.has(stream)]
    pictures = []
    for index in places[:: max(1, len(places) // PICTURES)][:PICTURES]:
        try:
            pictures.append(session.frame(stream, index).payload)
        except CaptureError:
            continue  # named in the take's notes
    return pictures
