"""The printed board, rendered from its PDF: its corners are found, and lie where a ruler would find them."""

import numpy as np
import pypdfium2
import pytest

from calibration.boards.detection import BoardDetector
from calibration.boards.printing import MARGIN_MM, OVERLAP_MM, POINT_MM, print_board, sheet_of
from calibration.errors import CalibrationError
from capture.board import APRILTAGS, Board
from capture.board_file import PRESETS

DPI = 100
BOARDS = {
    "charuco": PRESETS["a4"],
    "inverted, legacy": Board(columns=6, rows=4, square_m=0.04, marker_m=0.03, inverted=True, legacy=True),
    "checkerboard": Board(kind="checkerboard", columns=9, rows=6, square_m=0.025),
    "aprilgrid": Board(kind="aprilgrid", columns=4, rows=3, square_m=0.065, marker_m=0.05, dictionary=APRILTAGS),
    "two-sided": Board(columns=6, rows=5, square_m=0.04, marker_m=0.03, thickness_m=0.008),
}


def _pages(path):
    document = pypdfium2.PdfDocument(path)
    sizes = [page.get_size() for page in document]
    images = [page.render(scale=DPI / 72) for page in document]  # pyright: ignore[reportArgumentType]
    return sizes, [image.to_numpy()[..., :3].mean(-1).round().astype(np.uint8) for image in images]


@pytest.mark.parametrize("name", BOARDS)
def test_the_print_is_the_board_at_true_scale(name, tmp_path):
    board, path = BOARDS[name], tmp_path / "new" / "board.pdf"
    assert print_board(path, board) == board.sides
    sheet = sheet_of(board)
    sizes, images = _pages(path)
    for side, (size, image) in enumerate(zip(sizes, images, strict=True)):
        assert np.array(size) * POINT_MM == pytest.approx([sheet.width_mm, sheet.height_mm], abs=0.02)
        view = BoardDetector(board).detect(image, camera="print/color", instant=0)
        assert view is not None
        first = side * board.corners_per_side
        assert list(view.ids) == list(range(first, first + board.corners_per_side))
        p_mm = 1000 * board.corners[: board.corners_per_side, :2] + sheet.origin_mm
        # a page is a whole number of pixels: half a pixel over the page; corners of drawings are found to 0.02 px
        q = p_mm / (POINT_MM * np.array(size)) * image.shape[::-1] - 0.5
        assert np.abs(view.q - q).max() < 0.1
        assert np.abs((view.q + 0.5) * 25.4 / DPI - p_mm).max() < 25.4 / DPI  # mm: the page's last pixel


def test_tiles_glued_by_their_marks_are_the_board(tmp_path):
    board = Board(columns=7, rows=5, square_m=0.06, marker_m=0.045)
    sheet, px_mm = sheet_of(board), DPI / 25.4
    count = print_board(tmp_path / "tiles.pdf", board, page="a4")
    sizes, images = _pages(tmp_path / "tiles.pdf")
    assert len(images) == count == 4
    assert all(sorted(np.array(size) * POINT_MM) == pytest.approx([210, 297], abs=0.1) for size in sizes)
    room = np.array([297 - 2 * MARGIN_MM, 210 - 2 * MARGIN_MM])
    glued = np.full((round(2 * 210 * px_mm), round(2 * 297 * px_mm)), 255, np.uint8)
    for number, image in enumerate(images):
        low = np.array([number % 2, number // 2]) * (room - OVERLAP_MM)
        x, y = np.round(low * px_mm).astype(int)
        cut = image[round(MARGIN_MM * px_mm) :, round(MARGIN_MM * px_mm) :]
        cut = cut[: round(room[1] * px_mm), : round(room[0] * px_mm)]
        glued[y : y + cut.shape[0], x : x + cut.shape[1]] = cut
    view = BoardDetector(board).detect(glued, camera="print/color", instant=0)
    assert view is not None
    assert len(view.ids) == len(board.corners)
    p_mm = 1000 * board.corners[:, :2] + sheet.origin_mm
    assert np.abs((view.q + 0.5) / px_mm - p_mm).max() < 0.4  # mm: pages glued to whole pixels of 0.25 mm


def test_a_small_board_fits_on_one_page(tmp_path):
    assert print_board(tmp_path / "one.pdf", BOARDS["charuco"], page="A4") == 1


def test_what_cannot_be_printed_is_refused(tmp_path):
    with pytest.raises(CalibrationError, match="no page 'B7'; give one of A0"):
        print_board(tmp_path / "x.pdf", Board(), page="B7")
    with pytest.raises(CalibrationError, match="larger than a PDF page"):
        print_board(tmp_path / "x.pdf", Board(square_m=1.0))
    assert list(tmp_path.iterdir()) == []
