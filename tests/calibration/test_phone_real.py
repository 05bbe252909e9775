"""A real iPhone before a board on the floor: the board stays where it is, and depth agrees with it."""

import numpy as np
import pytest

from calibration.phone.board_path import still_board
from calibration.phone.phone_path import phone_path
from calibration.phone.place import place_phone
from calibration.phone.session_phone import check_lidar, phone_views, phones_of
from capture.board import Board
from capture.importers.detect import import_recording

BOARD = Board(columns=11, rows=8, square_m=0.022, marker_m=0.017, dictionary="DICT_6X6_250", legacy=True)

pytestmark = pytest.mark.real_data


def placed(real_data, tmp_path, kind, every):
    folder = real_data / "iphone_lidar_charuco" / f"charuco-test-fixture-{kind}"
    if not folder.is_dir():
        pytest.skip(f"needs {folder}")
    session = import_recording(folder, tmp_path / "session")
    assert phones_of(session) == ["iphone_000"]
    path = phone_path(session, "iphone_000")
    views = phone_views(session, path, BOARD, every)
    return session, path, views, place_phone(path, views, BOARD, still_board(np.eye(4)))


@pytest.mark.slow
def test_the_board_is_constant_in_arkits_world_and_lidar_agrees(real_data, tmp_path):
    session, path, views, placement = placed(real_data, tmp_path, "lowres", 1)
    assert len(views) == 31
    assert placement.used.all()
    assert np.linalg.norm(placement.board_shift_mm, axis=-1).max() < 4.0  # 3.2 when written
    assert placement.board_shift_mm.std(0).max() < 1.5  # 1.3 when written
    # the board lies on the floor: its normal is ARKit's vertical
    assert placement.up_world @ [0, 0, -1] == pytest.approx(1, abs=1e-3)
    check = check_lidar(session, path, views, BOARD)
    assert abs(check.bias_m) < 0.005  # +0.9 mm when written
    assert len(check.medians_m) == 31
    assert all(verdict.good for verdict in placement.verdicts)


def test_six_frames_without_depth(real_data, tmp_path):
    session, path, views, placement = placed(real_data, tmp_path, "highres", 2)
    assert np.linalg.norm(placement.board_shift_mm, axis=-1).max() < 4.0
    verdict = check_lidar(session, path, views, BOARD).verdict("iphone_000")
    assert not verdict.good
    assert "no depth of the board" in verdict.text
