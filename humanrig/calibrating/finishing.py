"""What is made of a solved rig: its world on the floor, its depth cameras' errors, its colours, and what they say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from calibration.board_view import BoardTake
from calibration.rig import Verdict
from calibration.rig_solve.result import RigSolve
from capture.session import Session
from humanrig.calibrating.corrections_step import with_color, with_depth
from humanrig.calibrating.geometry_step import with_geometry
from humanrig.calibrating.phone_step import with_phones
from humanrig.calibrating.settings import RigCalibrationConfig
from humanrig.calibrating.world_step import in_world

Report = Callable[[str, int, int], None]


@dataclass(frozen=True, kw_only=True, eq=False)
class Finished:
    """The rig as it is written."""

    solve: RigSolve
    """In its world; `calibration` holds the corrections."""
    is_upright: bool
    verdicts: tuple[Verdict, ...]
    """All of them: of the solve, the corrections and the world."""
    figures: dict[str, Any] = field(default_factory=dict)
    """By step; fit for JSON but for numbers that are not finite."""


def finish(
    session: Session, take: BoardTake, solve: RigSolve, config: RigCalibrationConfig, output: Path, report: Report
) -> Finished:
    """Runs the steps after the solve; a step that cannot be done says so in a verdict, and the others go on."""
    verdicts = list(solve.verdicts)
    figures: dict[str, Any] = {}
    if config.depth:
        depth = with_depth(session, solve, take, partial(report, "depth"))
        solve, figures["depth"] = depth.solve, depth.figures
        verdicts += depth.verdicts
    if config.color:
        color = with_color(session, solve, take, partial(report, "colour"))
        solve, figures["color"] = color.solve, color.figures
        verdicts += color.verdicts
    report("floor", 0, 1)
    world = in_world(session, solve, take.board, config, solve.calibration.depth_corrections)
    solve = world.solve
    verdicts += world.verdicts
    report("floor", 1, 1)
    if config.refine == "geometry":
        report("surfaces", 0, 1)
        refined = with_geometry(session, solve, config.refine_with)
        solve, figures["surfaces"] = refined.solve, refined.figures
        verdicts += refined.verdicts
        report("surfaces", 1, 1)
    if config.phone:
        placed, figures["phones"] = with_phones(session, take, solve.calibration, output, report)
        verdicts += placed
    calibration = replace(solve.calibration, verdicts=tuple(verdicts))
    return Finished(
        solve=replace(solve, calibration=calibration, verdicts=tuple(verdicts)),
        is_upright=world.is_upright,
        verdicts=tuple(verdicts),
        figures=figures,
    )
