"""From a session whose cameras saw a board to `rig_calibration/`: boards, solve, floor, corrections, report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from calibration.board_view import BoardTake
from calibration.boards.sweep import camera_of
from calibration.boards.take_files import write_take
from calibration.calibration_files import write_rig
from calibration.errors import CalibrationError
from calibration.rig import device_of
from calibration.rig_solve.options import RigSolveOptions
from calibration.rig_solve.result import RigSolve
from calibration.rig_solve.solve import solve_rig
from calibration.rig_solve.solve_files import write_solve
from calibration.world.placing import BOARD, CENTRE
from capture.board_file import describe
from capture.session import Session
from humanrig import pipeline
from humanrig.calibrating.blind_cameras import in_words, why_blind, with_reasons
from humanrig.calibrating.factory import FactoryRig, factory_rig
from humanrig.calibrating.finishing import finish
from humanrig.calibrating.found_boards import found_boards, searched_every
from humanrig.calibrating.links import RESULT
from humanrig.calibrating.settings import RigCalibrationConfig
from humanrig.calibrating.solve_figures import plain, solve_figures
from humanrig.calibration_report.page import write_calibration_report
from humanrig.errors import HumanrigError
from humanrig.stage import Stage, StageContext

Report = Callable[[str, int, int], None]
"""Called with (piece of work, done, total)."""
FOLDER = RESULT[0]
VERSION = 5
"""Raised when a change of code changes what is written."""
REPORT = "report.html"


@dataclass(frozen=True, kw_only=True)
class Calibrated:
    """What `calibrate_session` made or found made."""

    session: Session
    skipped: bool
    """Nothing had changed since it was made."""
    seconds: float
    figures: dict[str, Any]


def calibrate_session(
    session: Session,
    config: RigCalibrationConfig,
    *,
    again: bool = False,
    workers: int | None = None,
    on_progress: Report | None = None,
) -> Calibrated:
    """Calibrates the rig of a session that shows a board; skipped where nothing changed, unless `again`.

    The folder `rig_calibration` appears whole or not at all; boards that were found are kept, so that an interrupted
    call goes on from there. Raises HumanrigError when no board is found, CalibrationError when no two cameras can be
    tied, CaptureError for a recording that cannot be read.
    """
    report = on_progress or (lambda name, done, total: None)
    _check_origin(session, config.origin)
    pipeline.reconstruct(session, pipeline.Request(until="sync"), on_stage=report)
    stage = Stage(
        name="rig_calibration",
        folder=FOLDER,
        needs=("sync",),
        config=RigCalibrationConfig,
        run=partial(_run, report=report, workers=workers),
        version=VERSION,
    )
    outcome = pipeline.run_alone(session, stage, asdict(config), again=again)
    return Calibrated(session=session, skipped=outcome.skipped, seconds=outcome.seconds, figures=outcome.figures)


def _check_origin(session: Session, origin: str) -> None:
    """Raises HumanrigError for a name that is no camera of the session, before anything long is begun."""
    names = {*session.streams, *(device_of(name) for name in session.streams)}
    if origin not in (CENTRE, BOARD, *names):
        raise HumanrigError(
            f"--origin {origin}: there is no camera '{origin}'; choose {CENTRE}, {BOARD} or one of "
            f"{', '.join(sorted({device_of(name) for name in session.streams}))}"
        )


def searched_streams(session: Session, uses: Callable[[str], bool]) -> list[str]:
    """Colour and infrared streams in which the board is looked for. Raises HumanrigError where there is none."""
    streams = [name for name, s in session.streams.items() if s.kind in ("color", "ir") and s.frames and uses(name)]
    if not streams:
        raise HumanrigError(f"{session.folder} has no colour or infrared frames; record the board with colour cameras")
    return streams


def _run(context: StageContext, *, report: Report, workers: int | None) -> dict[str, Any]:
    session, config = context.session, context.config
    streams = searched_streams(session, context.uses)
    images = frozenset(camera_of(name) for name, s in session.streams.items() if s.is_image and context.uses(name))
    factory = factory_rig(session, images)
    take = found_boards(
        session,
        config.board,
        streams,
        every=config.every or searched_every(session),
        workers=workers,
        on_progress=partial(report, "boards"),
    )
    solve = _solved(session, take, streams, factory, config, report)
    finished = finish(session, take, solve, config, context.output, report)
    solve = finished.solve
    write_take(context.output / "views.npz", take)
    write_solve(context.output / "solve", solve)
    write_rig(context.output / RESULT[1], solve.calibration, is_upright=finished.is_upright)
    figures = {
        **solve_figures(solve, take),
        **plain(finished.figures),
        "board_from": config.board_from,
        "source": solve.calibration.source,
        "warnings": list(take.notes),
        "verdicts": [plain(asdict(verdict)) for verdict in finished.verdicts],
    }
    notes = [f"The board is a {describe(config.board)}; {config.board_from} says so.", *figures["warnings"]]
    title = f"Calibration of {session.info.id}"
    write_calibration_report(context.output / REPORT, solve, known=factory.cameras, title=title, notes=notes)
    return figures


def _solved(
    session: Session,
    take: BoardTake,
    streams: list[str],
    factory: FactoryRig,
    config: RigCalibrationConfig,
    report: Report,
) -> RigSolve:
    """The rig; a camera that never saw the board is told what its pictures show instead."""
    blind = why_blind(session, take, streams)
    try:
        solve = solve_rig(
            take,
            factory.cameras,
            pairs=factory.pairs,
            priors=factory.priors,
            options=RigSolveOptions(max_instants=config.max_instants, free_intrinsics=config.intrinsics == "free"),
            on_progress=lambda text: report("solve", 0, 1),
        )
    except CalibrationError as error:
        raise CalibrationError(f"{error}{in_words(blind)}") from error
    report("solve", 1, 1)
    return with_reasons(solve, blind)
