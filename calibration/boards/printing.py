"""A board as a PDF at true scale: vectors, a ruler to check the print with, and the board's description."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reportlab.lib import pagesizes
from reportlab.pdfgen.canvas import Canvas

from calibration.errors import CalibrationError
from capture.board import Board
from capture.board_file import board_flags, describe
from capture.board_pattern import pattern_bounds, pattern_rectangles

POINT_MM = 25.4 / 72
PLAIN_SQUARES, LEAST_PLAIN_MM = 0.25, 10.0
"""Plain border around the pattern, in squares, without which the outermost markers are not found; and its least."""
FOOT_MM = 24.0
"""Height of the strip below with ruler and description."""
MARGIN_MM, OVERLAP_MM = 10.0, 10.0
"""Of a tile: what printers leave white, and what two neighbouring tiles share."""
RULER_MM = (100.0, 50.0, 20.0)
LARGEST_MM = 200 * 25.4
"""A PDF page is at most 14400 points long."""
PAGES = {name: getattr(pagesizes, name) for name in ("A0", "A1", "A2", "A3", "A4", "LETTER", "LEGAL", "TABLOID")}


@dataclass(frozen=True, kw_only=True, slots=True)
class Sheet:
    """Where things lie on the whole print, millimetres from its top left corner."""

    width_mm: float
    height_mm: float
    origin_mm: tuple[float, float]
    """Of the front's frame: the outer corner of the first square. The back's has the same, read from behind."""


def sheet_of(board: Board) -> Sheet:
    """The print of a board with its plain border and the strip below. Raises CalibrationError for one too large."""
    x0, y0, x1, y1 = 1000 * pattern_bounds(board)
    plain = max(PLAIN_SQUARES * 1000 * board.square_m, LEAST_PLAIN_MM)
    width, height = x1 - x0 + 2 * plain, y1 - y0 + 2 * plain + FOOT_MM
    if max(width, height) > LARGEST_MM:
        raise CalibrationError(
            f"a board of {width:.0f} x {height:.0f} mm is larger than a PDF page can be ({LARGEST_MM:.0f} mm); make "
            "its squares smaller"
        )
    return Sheet(width_mm=float(width), height_mm=float(height), origin_mm=(float(plain - x0), float(plain - y0)))


def print_board(path: Path, board: Board, *, page: str | None = None) -> int:
    """Writes the PDF, each side on a page of its own size, or on tiles of `page` (A4, A3, …); returns the pages.

    Whole sheets keep their size: print at 100 %. Raises CalibrationError for an unknown page.
    """
    if page is not None and page.upper() not in PAGES:
        raise CalibrationError(f"no page '{page}'; give one of {', '.join(PAGES)}, or leave it out for one large sheet")
    sheet = sheet_of(board)
    buffer = io.BytesIO()
    canvas = Canvas(buffer, invariant=1)
    canvas.setTitle(describe(board))
    canvas.setSubject(board_flags(board))
    pages = 0
    for side in range(board.sides):
        tiles = _tiles(sheet, page)
        for tile in tiles:
            _page(canvas, board, side, sheet, tile, len(tiles))
            canvas.showPage()
            pages += 1
    canvas.save()
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_bytes(buffer.getvalue())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)  # of a full disk
    return pages


@dataclass(frozen=True, kw_only=True, slots=True)
class _Tile:
    """A piece of the sheet and the page it is printed on, millimetres."""

    page_mm: tuple[float, float]
    low: tuple[float, float]
    """Of the sheet, what lies at the page's printable top left corner."""
    size: tuple[float, float]
    margin: float
    label: str = ""


def _tiles(sheet: Sheet, page: str | None) -> list[_Tile]:
    whole = sheet.width_mm, sheet.height_mm
    if page is None:
        return [_Tile(page_mm=whole, low=(0.0, 0.0), size=whole, margin=0.0)]
    short, long = sorted(POINT_MM * side for side in PAGES[page.upper()])
    best: list[_Tile] = []
    for page_mm in ((short, long), (long, short)):
        if all(side <= room for side, room in zip(whole, page_mm)):  # the border is wide enough for any printer
            low = ((whole[0] - page_mm[0]) / 2, (whole[1] - page_mm[1]) / 2)
            return [_Tile(page_mm=page_mm, low=low, size=page_mm, margin=0.0)]
        room = (page_mm[0] - 2 * MARGIN_MM, page_mm[1] - 2 * MARGIN_MM)
        columns, rows = (max(1, -int(-(side - OVERLAP_MM) // (space - OVERLAP_MM))) for side, space in zip(whole, room))
        tiles = [
            _Tile(
                page_mm=page_mm,
                low=(column * (room[0] - OVERLAP_MM), row * (room[1] - OVERLAP_MM)),
                size=room,
                margin=MARGIN_MM,
                label=f"row {row + 1} of {rows}, column {column + 1} of {columns}",
            )
            for row in range(rows)
            for column in range(columns)
        ]
        if not best or len(tiles) < len(best):
            best = tiles
    return best


def _page(canvas: Any, board: Board, side: int, sheet: Sheet, tile: _Tile, tiles: int) -> None:
    """Draws in millimetres from the top left, y down."""
    width, height = tile.page_mm
    canvas.setPageSize((width / POINT_MM, height / POINT_MM))
    canvas.saveState()
    canvas.translate(0, height / POINT_MM)
    canvas.scale(1 / POINT_MM, -1 / POINT_MM)
    canvas.saveState()
    canvas.translate(tile.margin, tile.margin)
    if tiles > 1:
        clip = canvas.beginPath()
        clip.rect(0, 0, *tile.size)
        canvas.clipPath(clip, stroke=0, fill=0)
    canvas.translate(-tile.low[0], -tile.low[1])
    _pattern(canvas, board, side, sheet)
    _foot(canvas, board, side, sheet)
    canvas.restoreState()
    if tiles > 1:
        _joints(canvas, tile)
    canvas.restoreState()


def _pattern(canvas: Any, board: Board, side: int, sheet: Sheet) -> None:
    if board.inverted:
        canvas.setFillGray(0)
        canvas.rect(0, 0, sheet.width_mm, sheet.height_mm - FOOT_MM, stroke=0, fill=1)
    canvas.setFillGray(1 if board.inverted else 0)
    path = canvas.beginPath()  # one path: between two, viewers leave hairlines
    for x0, y0, x1, y1 in 1000 * pattern_rectangles(board, side):
        path.rect(sheet.origin_mm[0] + x0, sheet.origin_mm[1] + y0, x1 - x0, y1 - y0)
    canvas.drawPath(path, stroke=0, fill=1)


def _foot(canvas: Any, board: Board, side: int, sheet: Sheet) -> None:
    """Ruler and words, along the lower edge."""
    top, left = sheet.height_mm - FOOT_MM, LEAST_PLAIN_MM
    canvas.setFillGray(0)
    canvas.setStrokeGray(0)
    length = next((r for r in RULER_MM if r <= sheet.width_mm - 2 * left), RULER_MM[-1])
    canvas.setLineWidth(0.15)
    canvas.line(left, top + 4, left + length, top + 4)
    for mm in range(int(length) + 1):
        tick = 3.0 if mm % 10 == 0 else 2.0 if mm % 5 == 0 else 1.2
        canvas.line(left + mm, top + 4, left + mm, top + 4 - tick)
    which = ["", "; this is the back"][side] if board.sides == 1 or side else "; this is the front"
    words = [
        f"This line is {length:.0f} mm long. If it is not, print again at 100 %: no fitting to the page.",
        describe(board) + which,
        board_flags(board),
    ]
    for number, text in enumerate(words):
        _text(canvas, left, top + 9 + 4.6 * number, text, sheet.width_mm - 2 * left)


def _text(canvas: Any, x: float, y: float, text: str, room_mm: float, size_mm: float = 3.4) -> None:
    """A line of text with its foot at y, made narrower where it does not fit."""
    size_mm = min(size_mm, size_mm * room_mm / max(canvas.stringWidth(text, "Helvetica", size_mm), 1e-6))
    canvas.saveState()
    canvas.translate(x, y)
    canvas.scale(1, -1)
    canvas.setFont("Helvetica", size_mm)
    canvas.drawString(0, 0, text)
    canvas.restoreState()


def _joints(canvas: Any, tile: _Tile) -> None:
    """Marks where tiles overlap, in the margin, and which tile this is."""
    width, height = tile.page_mm
    canvas.setStrokeGray(0)
    canvas.setLineWidth(0.15)
    for x in (tile.margin, tile.margin + OVERLAP_MM, width - tile.margin - OVERLAP_MM, width - tile.margin):
        canvas.line(x, tile.margin - 5, x, tile.margin - 1)
        canvas.line(x, height - tile.margin + 1, x, height - tile.margin + 5)
    for y in (tile.margin, tile.margin + OVERLAP_MM, height - tile.margin - OVERLAP_MM, height - tile.margin):
        canvas.line(tile.margin - 5, y, tile.margin - 1, y)
        canvas.line(width - tile.margin + 1, y, width - tile.margin + 5, y)
    canvas.setFillGray(0)
    _text(canvas, tile.margin + 14, 5.0, f"{tile.label}; neighbours share {OVERLAP_MM:.0f} mm", width - 60, 2.6)
