"""A camera whose pictures are mirrored never sees the board, and is told why."""

from dataclasses import replace

import board_session as recording
import numpy as np
import pytest
from board_session import board_session
from small_solve import small_solve

from calibration.rig_solve.verdicts import not_solved
from humanrig.calibrating.blind_cameras import in_words, with_reasons
from humanrig.cli import main

MIRRORED = "cam_01/color"


@pytest.fixture
def mirrored(monkeypatch):
    drawn = recording.picture

    def picture(camera, *args, **kwargs):
        image = drawn(camera, *args, **kwargs)
        return np.ascontiguousarray(image[:, ::-1]) if camera.name == MIRRORED else image

    monkeypatch.setattr(recording, "picture", picture)


@pytest.mark.slow
@pytest.mark.parametrize(("cameras", "boards", "code"), [(2, 5, 1), (3, 12, 3)])
def test_a_mirrored_camera_is_named_with_what_its_pictures_show(mirrored, tmp_path, capfd, cameras, boards, code):
    folder = board_session(tmp_path / "board", cameras=cameras, boards=boards, on_floor=0, drawn=True).folder
    capfd.readouterr()
    assert main(["calibrate", str(folder), "--workers", "1", "--floor", "none"]) == code
    said = "".join(capfd.readouterr())
    assert "this looks like a mirrored ChArUco board of 8x6 squares" in said
    assert f"{MIRRORED}: this" in said or f"{MIRRORED}  left out" in said
    assert "never saw the board" not in said


def test_reasons_take_the_place_of_those_of_the_solve():
    solve = small_solve().solve
    solve = replace(
        solve,
        unsolved={"cam/color": "it never saw the board", "other/color": "two views"},
        verdicts=(*solve.verdicts, not_solved("cam/color", "it never saw the board")),
    )
    told = with_reasons(solve, {"cam/color": "mirrored", "kinect_000/color": "solved all the same"})
    assert told.unsolved == {"cam/color": "mirrored", "other/color": "two views"}
    assert told.verdicts[-1] == not_solved("cam/color", "mirrored")
    assert told.verdicts == told.calibration.verdicts
    assert told.verdicts[:-1] == solve.verdicts[:-1]
    assert in_words({}) == ""
