"""Boards of every kind in drawn pictures: which corners are found, and how near to where they are."""

import cv2
import numpy as np
import pytest
from drawn_boards import drawn, placed, true_corners

from calibration.boards.detection import BoardDetector
from calibration.boards.refinement import measure_corners
from calibration.errors import CalibrationError
from capture.board import APRILTAGS, Board

BOARDS = {
    "charuco": Board(),
    "legacy": Board(legacy=True),
    "inverted": Board(inverted=True),
    "checkerboard": Board(kind="checkerboard", rows=5),
    "inverted_checkerboard": Board(kind="checkerboard", rows=5, inverted=True),
    "aprilgrid": Board(kind="aprilgrid", columns=6, rows=5, square_m=0.114, marker_m=0.088, dictionary=APRILTAGS),
}
TURNS = [(0.1, 0.05, 0.2), (0.5, -0.3, -0.4), (-0.4, 0.55, 3.0)]


@pytest.mark.parametrize("name", BOARDS)
def test_corners_are_found_where_they_are(name):
    board, rng = BOARDS[name], np.random.default_rng(3)
    errors, asked = [], 0
    for turn in TURNS:
        T = placed(board, turn, 1.6)
        truth = true_corners(board, T)
        view = BoardDetector(board).detect(drawn(board, T, rng=rng), camera="drawn/color", instant=4)
        inside = ((truth > 12) & (truth < [1268, 708])).all(-1)
        asked += inside.sum()
        if view is not None:
            assert (view.camera, view.instant) == ("drawn/color", 4)
            assert (np.diff(view.ids) > 0).all()
            errors.append(view.q - truth[view.ids])
    found = np.concatenate(errors)
    assert len(found) > 0.9 * asked  # measured: all, of an AprilGrid 0.92
    # measured: 0.0035 … 0.006 px per axis, AprilGrids 0.018; cornerSubPix has 0.04 on these pictures
    assert np.sqrt(np.square(found).mean()) < (0.03 if board.kind == "aprilgrid" else 0.01)
    assert np.abs(found).max() < (0.4 if board.kind == "aprilgrid" else 0.06)


def test_a_hand_before_the_board_hides_corners_and_moves_none():
    board, rng = Board(), np.random.default_rng(5)
    T = placed(board, (0.2, 0.3, 0.1), 1.6)
    image, truth = drawn(board, T, rng=rng), true_corners(board, T)
    middle = truth[[9, 10, 16, 17]].mean(0)  # between four corners
    cv2.circle(image, (round(middle[0]), round(middle[1])), 50, 150, -1, cv2.LINE_AA)
    view = BoardDetector(board).detect(image, camera="c/color", instant=0)
    assert view is not None
    covered = np.flatnonzero(np.linalg.norm(truth - middle, axis=-1) < 48)
    assert len(covered) >= 4
    assert not set(covered) & set(view.ids)
    assert len(view.ids) >= 24  # the rest stays
    assert np.abs(view.q - truth[view.ids]).max() < 0.3  # a corner whose window the hand enters is bent a little


def test_a_blurred_and_dim_board_tells_that_it_is_less_sure():
    board, rng = Board(), np.random.default_rng(6)
    T = placed(board, (0.2, 0.3, 0.1), 1.6)
    truth, sigmas = true_corners(board, T), []
    for blur_px, noise, high in ((0.7, 1.0, 225.0), (2.0, 6.0, 90.0)):
        image = drawn(board, T, blur_px=blur_px, noise=noise, levels=(25.0, high), rng=rng)
        view = BoardDetector(board).detect(image, camera="c/color", instant=0)
        assert view is not None
        error = np.sqrt(np.square(view.q - truth[view.ids]).mean())
        assert error < view.sigma_px < max(0.03, 4 * error)
        sigmas.append(view.sigma_px)
    assert sigmas[1] > 2 * sigmas[0]


def test_a_noisy_corner_is_where_it_is_wherever_the_fit_starts():
    board, rng = Board(), np.random.default_rng(8)
    T = placed(board, (0.2, 0.3, 0.1), 1.6)
    levels = drawn(board, T, blur_px=2.0, noise=6.0, levels=(25.0, 90.0), rng=rng).astype(np.float32)
    truth = true_corners(board, T)
    exact, off = (
        measure_corners(board, levels, np.arange(len(truth)), truth + rng.normal(0, start_px, truth.shape))
        for start_px in (0.0, 0.8)
    )
    assert len(exact.ids) == len(off.ids) == len(truth)
    # measured 0.013 … 0.024; 0.08 … 0.12 where the window stays about the start
    assert np.sqrt(np.square(off.q - exact.q).mean()) < 0.04


def test_infrared_counts_with_uneven_light():
    board, rng = Board(), np.random.default_rng(7)
    T = placed(board, (0.2, 0.3, 0.1), 1.6)
    y, x = np.mgrid[:720, :1280]
    light = np.exp(-(((x - 500) / 450) ** 2 + ((y - 300) / 350) ** 2))
    counts = drawn(board, T, noise=0).astype(np.float64) * 20 * light + rng.normal(30, 6, (720, 1280))
    counts[40:60, 900:940] = 40000  # a reflector
    view = BoardDetector(board).detect(np.clip(counts, 0, 65535).astype(np.uint16), camera="c/depth", instant=0)
    assert view is not None
    assert len(view.ids) > 25
    assert np.abs(view.q - true_corners(board, T)[view.ids]).max() < 0.3


def test_a_dim_and_a_blurred_board_before_the_camera_are_found():
    board, rng = Board(), np.random.default_rng(9)
    for blur_px, high in ((1.0, 70.0), (4.0, 225.0)):  # a small neighbourhood shows no marker in them
        image = drawn(board, placed(board, (0.3, 0.2, 0.1), 1.2), blur_px=blur_px, levels=(30.0, high), rng=rng)
        view = BoardDetector(board).detect(image, camera="c/color", instant=0)
        assert view is not None
        assert len(view.ids) == board.corners_per_side


def test_each_side_of_a_two_sided_board_is_told_apart():
    board, rng = Board(thickness_m=0.012), np.random.default_rng(4)
    for side in (0, 1):
        T = placed(board, (0.3, -0.2, 0.1), 1.5, side)
        view = BoardDetector(board).detect(drawn(board, T, side=side, rng=rng), camera="c/color", instant=0)
        assert view is not None
        assert set(view.ids // board.corners_per_side) == {side}
        assert np.abs(view.q - true_corners(board, T)[view.ids]).max() < 0.3


def test_nothing_is_found_where_nothing_is():
    empty = np.random.default_rng(0).integers(0, 255, (240, 320)).astype(np.uint8)
    for board in BOARDS.values():
        assert BoardDetector(board).detect(empty, camera="c/color", instant=0) is None


def test_what_cannot_be_searched_is_refused():
    with pytest.raises(CalibrationError, match="looks the same upside down"):
        BoardDetector(Board(kind="checkerboard", columns=8, rows=6))
    with pytest.raises(CalibrationError, match="float64"):
        BoardDetector(Board()).detect(np.zeros((4, 4)), camera="c/color", instant=0)
