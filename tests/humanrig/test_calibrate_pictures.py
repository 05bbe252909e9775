"""`humanrig calibrate` on drawn pictures: the search for corners included."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from board_session import BOARD, board_session

from capture.board_file import BOARD_FILE, write_board
from geometry.camera_files.cameras_json import read_cameras
from humanrig.cli import main

pytestmark = pytest.mark.slow


def test_cameras_are_found_from_pictures(tmp_path):
    recorded = board_session(tmp_path / "board", boards=14, drawn=True)
    assert main(["calibrate", str(recorded.folder), "--floor", "board", "--workers", "1"]) == 0
    solved = read_cameras(recorded.folder / "rig_calibration" / "cameras.json")
    for a, b in (("cam_00/color", "cam_01/color"), ("cam_00/color", "cam_02/color")):
        apart = [np.linalg.norm(c[a].center - c[b].center) for c in (solved, recorded.truth)]
        assert apart[0] == pytest.approx(apart[1], abs=5e-3)  # the solve of so few boards states 2 mm


def test_a_board_take_that_shows_another_board_says_which_would_fit(tmp_path, capsys):
    recorded = board_session(tmp_path / "board", cameras=2, boards=6, on_floor=0, drawn=True)
    write_board(recorded.folder.joinpath(*BOARD_FILE), replace(BOARD, columns=10, rows=7, dictionary="DICT_6X6_100"))
    capsys.readouterr()
    assert main(["calibrate", str(recorded.folder)]) == 1
    said = capsys.readouterr().err
    assert "8x6" in said
    assert "DICT_4X4" in said
    assert not Path(recorded.folder, "rig_calibration").exists()
