"""`humanrig calibrate`: a rig's cameras from a take of a board, with how far each can be trusted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from humanrig.errors import HumanrigError
from humanrig.terminal import print_json, say, stage_progress

if TYPE_CHECKING:
    from capture.session import Session
    from humanrig.calibrating.described_board import BoardWords
    from humanrig.calibrating.flow import Calibrated


def calibrate(
    session: Annotated[Positional[Path], arg(metavar="SESSION")],
    boards: Annotated[Path | None, arg(metavar="TAKE")] = None,
    board: Annotated[str | None, arg(metavar="BOARD")] = None,
    kind: Literal["charuco", "checkerboard", "aprilgrid"] | None = None,
    squares: Annotated[str | None, arg(metavar="CxR")] = None,
    square_mm: Annotated[float | None, arg(metavar="MM")] = None,
    marker_mm: Annotated[float | None, arg(metavar="MM")] = None,
    dictionary: Annotated[str | None, arg(metavar="NAME")] = None,
    legacy: bool = False,
    inverted: bool = False,
    thickness_mm: Annotated[float, arg(metavar="MM")] = 0.0,
    intrinsics: Literal["free", "fixed"] = "free",
    refine: Literal["none", "geometry"] = "none",
    phone: bool = False,
    origin: Annotated[str, arg(metavar="centre|board|CAMERA")] = "centre",
    floor: Literal["auto", "depth", "board", "none"] = "auto",
    person_height: Annotated[float | None, arg(metavar="M")] = None,
    max_instants: Annotated[int, arg(metavar="N")] = 200,
    every: Annotated[int, arg(metavar="N")] = 0,
    depth: bool = True,
    color: bool = True,
    again: bool = False,
    workers: Annotated[int | None, arg(metavar="N")] = None,
    json: bool = False,
) -> int:
    """Calibrate a rig from a take in which a board is carried through it, and say how far each camera can be trusted.

    Writes SESSION/rig_calibration: cameras.json, the views it rests on, report.html. An unchanged call is skipped, an
    interrupted one goes on where it stopped. humanrig reconstruct then uses these cameras.

    The day's board take: humanrig calibrate day/board.
    For a take of a person, which then refers to that board take: humanrig calibrate day/walk --boards day/board.
    A board that the take does not describe: --squares 9x12 --square-mm 60, or --board board.toml.

    Exit code 0: every camera is calibrated; 3: some are left out, and it says why; 1: none could be.

    Args:
        session: The take that shows the board; with --boards, the take that is to use its calibration.
        boards: A take that shows the board. It is calibrated where that was not done, and SESSION refers to it. What
            was said when it was calibrated still holds, unless it is said otherwise now.
        board: A board.toml as humanrig board make wrote it, a preset such as room, or words: "9x12 60mm".
        kind: Of the board.
        squares: Columns and rows of squares, or of tags, such as 9x12.
        square_mm: Side of a square as it was measured on the print; of an aprilgrid, from tag to tag.
        marker_mm: Side of a marker; three quarters of the square where it is left out.
        dictionary: Of the markers, as OpenCV names it.
        legacy: The board was printed by OpenCV before 4.6.
        inverted: The board is white on black.
        thickness_mm: Of a two-sided board.
        intrinsics: fixed: the lenses stay as the factory measured them.
        refine: geometry: depth of things or people in SESSION checks the cameras, and refines what the board left weak.
        phone: Place the phones that filmed the board beside the rig.
        origin: Of the world: the cameras' centre, the board where it lay on the floor, or below a camera.
        floor: What the floor is found from; auto: depth, else a board that lay on it.
        person_height: No board: place the colour cameras by the person who moves in SESSION, of this height in metres.
        max_instants: Most placements of the board that enter the solve.
        every: Look for the board in every N-th instant; by default in twelve a second or a few more.
        depth: --no-depth: do not estimate what is wrong with each depth camera's distances.
        color: --no-color: do not estimate what makes the cameras' colours alike.
        again: Calibrate again although nothing changed. Boards that were found are kept.
        workers: Processes that look for boards; default one for each processor.
        json: Print all figures as JSON.
    """
    from capture.session import Session
    from humanrig.calibrating.described_board import BoardWords
    from humanrig.calibrating.former import as_before

    words = BoardWords(
        board=board,
        kind=kind,
        squares=squares,
        square_mm=square_mm,
        marker_mm=marker_mm,
        dictionary=dictionary,
        legacy=legacy,
        inverted=inverted,
        thickness_mm=thickness_mm,
    )
    opened = Session.open(session)
    if person_height is not None:
        if boards is not None or words.given:
            raise HumanrigError("--person-height is for takes without a board; leave it out, or the board's words")
        return _tell(opened, opened, _by_person(opened, person_height, again=again, workers=workers), json=json)
    take = _take(opened, boards, words)
    options = {
        "intrinsics": intrinsics,
        "refine": refine,
        "refine_with": _refining(opened, take) if refine == "geometry" else None,
        "phone": phone,
        "origin": origin,
        "floor": floor,
        "max_instants": max_instants,
        "every": every,
        "depth": depth,
        "color": color,
    }
    if take.folder.resolve() != opened.folder.resolve() and not words.given:
        options = as_before(take, options)
    result = _calibrated(take, words, options, again=again, workers=workers)
    return _tell(opened, take, result, json=json)


def _take(session: Session, boards: Path | None, words: BoardWords) -> Session:
    """The take that shows the board: what is given, the session itself, or the one that it refers to."""
    from capture.board_file import BOARD_FILE
    from capture.session import Session
    from humanrig.calibrating.links import calibration_take

    if boards is not None:
        return Session.open(boards)
    if words.given or session.path(*BOARD_FILE).is_file():
        return session
    linked = calibration_take(session)
    if linked is None:
        return session
    say(f"{session.folder} takes its calibration from {linked}")
    return Session.open(linked)


def _by_person(session: Session, height_m: float, *, again: bool, workers: int | None) -> Calibrated:
    from humanrig.calibrating.person_flow import calibrate_by_person

    with stage_progress() as update:
        return calibrate_by_person(session, height_m, again=again, workers=workers, on_progress=update)


def _refining(session: Session, take: Session) -> Path | None:
    """What names the session whose depth refines, if it is another than the board's; its frames are matched first."""
    from capture.session import INFO_FILE
    from humanrig import pipeline
    from humanrig.calibrating.links import link_calibration

    if session.folder.resolve() == take.folder.resolve():
        return None
    pipeline.reconstruct(link_calibration(session, take), pipeline.Request(until="sync"))
    return session.path(INFO_FILE)


def _calibrated(
    take: Session, words: BoardWords, options: dict[str, object], *, again: bool, workers: int | None
) -> Calibrated:
    from humanrig.calibrating.described_board import described_board
    from humanrig.calibrating.flow import calibrate_session
    from humanrig.calibrating.settings import config_of

    if "board" not in options:
        options["board"], options["board_from"] = described_board(take, words)
    config = config_of(**options)
    with stage_progress() as update:
        return calibrate_session(take, config, again=again, workers=workers, on_progress=update)


def _tell(session: Session, take: Session, result: Calibrated, *, json: bool) -> int:
    from humanrig.calibrating.flow import REPORT
    from humanrig.calibrating.links import RESULT, link_calibration
    from humanrig.calibrating.verdict_table import exit_code, lines_of

    if session is not take and take.folder.resolve() != session.folder.resolve():
        link_calibration(session, take)
        say(f"{session.folder} refers to {take.folder} for its calibration")
        if session.path(*RESULT).is_file():
            say(f"but {session.path(RESULT[0])} is its own and goes first; remove it to use the other")
    if json:
        print_json(result.figures)
    else:
        for line in lines_of(result.figures):
            print(line)
    say("unchanged, skipped" if result.skipped else f"{result.seconds:.1f} s")
    folder = take.path(RESULT[0])
    for path in (folder / RESULT[1], folder / REPORT):
        if path.is_file():
            say(f"{path}")
    say(f"next: humanrig reconstruct {session.folder}")
    return exit_code(result.figures)
