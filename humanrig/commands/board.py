"""`humanrig board`: a calibration board as a PDF, and what is found of one in pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, arg

from humanrig.commands.group import group
from humanrig.errors import HumanrigError
from humanrig.terminal import print_json, progress, say

if TYPE_CHECKING:
    from capture.board import Board
    from capture.session import Session

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")

SAMPLES = 4
"""Pictures of each camera in which another board is looked for, where the described one is hardly found."""


def make(
    squares: Annotated[str | None, arg(metavar="CxR")] = None,
    square_mm: Annotated[float | None, arg(metavar="MM")] = None,
    preset: Annotated[str | None, arg(metavar="NAME")] = None,
    pdf: Path = Path("board.pdf"),
    kind: Literal["charuco", "checkerboard", "aprilgrid"] = "charuco",
    marker_mm: Annotated[float | None, arg(metavar="MM")] = None,
    dictionary: str | None = None,
    legacy: bool = False,
    inverted: bool = False,
    two_sided: bool = False,
    thickness_mm: Annotated[float | None, arg(metavar="MM")] = None,
    page: Annotated[str | None, arg(metavar="A4")] = None,
) -> int:
    """Write a board as a PDF at true scale, and a board.toml beside it that calibration reads.

    For a room: humanrig board make --squares 9x12 --square-mm 60 --pdf board.pdf.
    On sheets of A4 to be glued: humanrig board make --squares 9x12 --square-mm 60 --page A4.

    Args:
        squares: Columns x rows of squares; of an AprilGrid, of tags.
        square_mm: Side of a square; of an AprilGrid, from tag to tag.
        preset: A board with a name instead: room, room-large, a3, a4, kalibr, azure-kinect.
        pdf: File to write. An existing one is replaced.
        kind: charuco: may be seen in part; checkerboard: must be seen whole; aprilgrid: Kalibr's.
        marker_mm: Side of a marker; default three quarters of a square.
        dictionary: Of the markers, as OpenCV names it; default the smallest 4x4 one that is large enough.
        legacy: The pattern of OpenCV before 4.6.
        inverted: White on black.
        two_sided: A second page for the back, with other markers.
        thickness_mm: Of the plate between two sides, paper included; needed with --two-sided, and means it.
        page: Print on sheets of this size (A4, A3, letter, ...) with marks to glue them by; default one large sheet.
    """
    from calibration.boards.printing import print_board
    from capture.board_file import board_flags, describe, write_board

    if two_sided and not thickness_mm:
        raise HumanrigError("--two-sided needs the thickness of the plate, paper included: --thickness-mm 10")
    board = _board(
        preset=preset,
        squares=squares,
        square_mm=square_mm,
        kind=kind,
        marker_mm=marker_mm,
        dictionary=dictionary,
        legacy=legacy,
        inverted=inverted,
        thickness_mm=thickness_mm,
    )
    toml = pdf.with_suffix(".toml")
    if pdf.suffix.lower() != ".pdf":
        raise HumanrigError(f"--pdf {pdf} does not end in .pdf; call it {pdf}.pdf")
    pages = print_board(pdf, board, page=page)
    write_board(toml, board)
    say(f"{pdf}: {describe(board)}; {pages} page(s). Print at 100 %, then measure the ruler")
    say(f"{toml}: give it as --board {toml}, or the words {board_flags(board)}")
    if not board.half_turn_shows:
        say("this checkerboard looks the same upside down: it serves one camera's lens, not a rig; take odd by even")
    return 0


def find(
    where: Positional[tuple[Path, ...]],
    board: Annotated[str | None, arg(metavar="WORDS")] = None,
    out: Annotated[Path | None, arg(metavar="FOLDER")] = None,
    every: int = 1,
    workers: int | None = None,
    json: bool = False,
) -> int:
    """Look for a board in a SESSION or in images: how often each camera sees it, and pictures of what was found.

    Where none is found, or hardly any of it, say which other description would fit.

    Args:
        where: A session that has been synchronised, or image files or folders of images.
        board: A preset (room, a4, kalibr), a board.toml, or words such as "9x12 60mm inverted"; of a session default
            its own recording/board.toml.
        out: Folder for the pictures: each image, of a session the fullest view of each camera.
        every: Search every so many instants of a session.
        workers: Processes for a session; default one for each processor.
        json: Print the counts on standard output.
    """
    session = where[0] if len(where) == 1 and (where[0] / "session.toml").is_file() else None
    if session is not None:
        return _find_in_session(session, board, out, every, workers, json)
    return _find_in_images(_images(where), board, out, json)


board = group("Print a calibration board, or look for one in pictures.", {"make": make, "find": find})


def _board(*, preset: str | None, squares: str | None, square_mm: float | None, **words: Any) -> Board:
    from capture.board_file import PRESETS, make_board
    from capture.rig.toml_tables import meant

    if preset is not None:
        said = [key for key in ("marker_mm", "dictionary", "legacy", "inverted", "thickness_mm") if words[key]]
        if squares or square_mm or said or words["kind"] != "charuco":
            raise HumanrigError(f"--preset {preset} says what the board is; leave the other words out")
        if preset not in PRESETS:
            raise HumanrigError(f"no board is called '{preset}'; {meant(preset, PRESETS)}")
        return PRESETS[preset]
    if squares is None or square_mm is None:
        raise HumanrigError("a board needs --squares and --square-mm, such as --squares 9x12 --square-mm 60")
    return make_board(squares=squares, square_mm=square_mm, **{**words, "thickness_mm": words["thickness_mm"] or 0.0})


def _find_in_session(
    folder: Path, words: str | None, out: Path | None, every: int, workers: int | None, json: bool
) -> int:
    from calibration.boards.sweep import find_boards, stream_of
    from capture.board_file import BOARD_FILE, parse_board, read_board
    from capture.session import Session

    session = Session.open(folder)
    file = session.path(*BOARD_FILE)
    if words is None and not file.is_file():
        raise HumanrigError(f'{folder} does not say which board it shows; give --board "9x12 60mm" or a board.toml')
    described = parse_board(words) if words is not None else read_board(file)
    with progress("boards") as update:
        take = find_boards(session, described, every=every, workers=workers, on_progress=update)
    rows = []
    by_number = {i.instant: i for i in session.instants()}
    samples: list[tuple[str, int]] = []
    for camera in take.cameras:
        views = take.of_camera(camera)
        stream = stream_of(session, camera)
        shown = [i for i in list(by_number.values())[::every] if i.has(stream)]
        rows.append(_row(camera, len(shown), list(views)))
        samples += [(stream, i.index[stream]) for i in shown[:: max(1, len(shown) // SAMPLES)]]
        if out is not None and views:
            fullest = max(views, key=lambda view: len(view.ids))
            image = session.frame(stream, by_number[fullest.instant].index[stream]).payload
            _draw(out / f"{camera.replace('/', '_')}.png", image, described, fullest)
    for note in take.notes:
        say(note)
    return _tell(rows, lambda: _readable(session, samples), described, out, json)


def _readable(session: Session, samples: list[tuple[str, int]]) -> list[Any]:
    """The frames that are not damaged."""
    from capture.errors import CaptureError

    pictures = []
    for stream, index in samples:
        try:
            pictures.append(session.frame(stream, index).payload)
        except CaptureError:
            continue
    return pictures


def _find_in_images(images: list[Path], words: str | None, out: Path | None, json: bool) -> int:
    import cv2

    from calibration.boards.detection import BoardDetector
    from capture.board_file import parse_board
    from geometry.coded_images import decode_image

    if words is None:
        raise HumanrigError('which board do the images show? Give --board "9x12 60mm" or a board.toml')
    described = parse_board(words)
    detector = BoardDetector(described, one_camera=True)
    rows, pictures = [], []
    for path in images:
        image = decode_image(path.read_bytes(), cv2.IMREAD_ANYDEPTH | cv2.IMREAD_COLOR) if path.is_file() else None
        if image is None:
            say(f"{path} is no image that can be read; it is left out")
            continue
        image = image[..., ::-1] if image.dtype == "uint8" else image[..., 0]
        view = detector.detect(image, camera=path.stem, instant=0)
        rows.append(_row(str(path), 1, [view] if view else []))
        pictures.append(image)
        if out is not None:
            _draw(out / f"{path.stem}.png", image, described, view)
    if not rows:
        raise HumanrigError("none of the files is an image that can be read")
    return _tell(rows, lambda: pictures, described, out, json)


def _images(where: tuple[Path, ...]) -> list[Path]:
    if not where:
        raise HumanrigError("give a session, images, or folders of images")
    found: list[Path] = []
    for path in where:
        if not path.exists():
            raise HumanrigError(f"there is no {path}; give a session, images, or folders of images")
        inside = [p for p in path.iterdir() if p.suffix.lower() in PICTURES] if path.is_dir() else [path]
        found += sorted(inside)
    if not found:
        raise HumanrigError(f"{where[0]} is no session and holds no images ({' '.join(PICTURES)})")
    return found


def _row(name: str, pictures: int, views: list[Any]) -> dict[str, Any]:
    corners = sorted(len(view.ids) for view in views)
    sigmas = sorted(view.sigma_px for view in views)
    return {
        "name": name,
        "pictures": pictures,
        "views": len(views),
        "corners_median": corners[len(corners) // 2] if corners else 0,
        "sigma_px": round(sigmas[len(sigmas) // 2], 4) if sigmas else None,
    }


def _tell(
    rows: list[dict[str, Any]], pictures: Callable[[], list[Any]], board: Board, out: Path | None, json: bool
) -> int:
    """Prints the counts; 1 where nothing was found."""
    from calibration.boards.guess import explain, guess_board
    from capture.board_file import describe

    seen, asked = sum(row["views"] for row in rows), sum(row["pictures"] for row in rows)
    if json:
        print_json({"board": board.values(), "found": rows})
    else:
        say(f"{describe(board)}: {board.corners_per_side} corners a side")
        for row in rows:
            sure = f", each sure to {row['sigma_px']:.3f} px" if row["sigma_px"] else ""
            say(f"  {row['name']}: seen in {row['views']} of {row['pictures']}, {row['corners_median']} corners{sure}")
        if out is not None and out.is_dir():
            say(f"pictures of what was found: {out}")
    if not seen or 20 * seen < asked:
        say(explain(guess_board(pictures(), board), board))
    return 0 if seen else 1


def _draw(path: Path, image: Any, board: Board, view: Any) -> None:
    import cv2

    from calibration.boards.drawing import draw_view

    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), draw_view(image, board, view)[..., ::-1]):
        raise HumanrigError(f"{path} cannot be written; is there room, and may you write there?")
