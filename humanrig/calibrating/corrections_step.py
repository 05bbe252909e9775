"""What a solved rig's cameras measure wrongly, from the board they were placed by: depth, and colour."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from calibration.board_view import BoardTake
from calibration.color.session_colors import session_colors
from calibration.depth.estimate import estimate_depth_corrections
from calibration.rig import Verdict
from calibration.rig_solve.result import RigSolve
from capture.session import Session

Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Corrected:
    """A solve whose calibration holds further corrections."""

    solve: RigSolve
    verdicts: tuple[Verdict, ...]
    figures: dict[str, Any]
    """By camera."""


def with_depth(session: Session, solve: RigSolve, take: BoardTake, progress: Progress) -> Corrected:
    """With what is wrong with each depth camera's distances, where the boards tell it.

    Raises CaptureError before the stage `sync`.
    """
    if not any(name in solve.calibration.cameras for name in session.of_kind("depth")):
        return Corrected(solve=solve, verdicts=(), figures={})
    placed = solve.solution.T_world_board
    found = estimate_depth_corrections(session, take.board, placed, solve.calibration, on_progress=progress)
    verdicts = tuple(v if v.text.startswith("depth") else replace(v, text=f"depth: {v.text}") for v in found.verdicts)
    damaged = tuple(Verdict(subject="rig", good=False, text=text) for text in found.damaged)
    calibration = replace(solve.calibration, depth_corrections=found.corrections)
    figures = {name: asdict(correction) for name, correction in found.corrections.items()}
    return Corrected(solve=replace(solve, calibration=calibration), verdicts=(*verdicts, *damaged), figures=figures)


def with_color(session: Session, solve: RigSolve, take: BoardTake, progress: Progress) -> Corrected:
    """With what makes the colour cameras' colours alike, where they saw the board together.

    Raises CaptureError before the stage `sync`.
    """
    colors = [name for name in solve.calibration.cameras if name.endswith("/color")]
    if len(colors) < 2:
        return Corrected(solve=solve, verdicts=(), figures={})
    found = session_colors(session, take, solve.calibration.cameras, on_progress=progress)
    verdicts = tuple(
        Verdict(subject=name, good=False, text=f"colour is not corrected: {reason}")
        for name, reason in found.unsolved.items()
    )
    calibration = replace(solve.calibration, color_corrections=found.corrections)
    figures = {
        name: {"matrix": correction.matrix, "rms": correction.rms, "sigma": found.sigma[name]}
        for name, correction in found.corrections.items()
    }
    return Corrected(solve=replace(solve, calibration=calibration), verdicts=verdicts, figures=figures)
