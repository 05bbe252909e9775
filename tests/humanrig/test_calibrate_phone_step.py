"""The step of `humanrig calibrate --phone`: what it says of a take without a phone, and of a phone without a board."""

import pytest
from board_session import BOARD, board_session

from calibration.board_view import BoardTake
from calibration.phone.place_all import PlacedPhones
from calibration.rig import RigCalibration
from capture.session import Session
from humanrig.calibrating import phone_step
from humanrig.calibrating.phone_step import with_phones

TAKE = BoardTake(board=BOARD, views=(), image_sizes={})
RIG = RigCalibration(cameras={}, source="nothing")


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """Without a phone."""
    folder = tmp_path_factory.mktemp("take") / "board"
    return Session.open(board_session(folder, cameras=2, boards=1, on_floor=0).folder)


def test_a_take_without_a_phone_says_so(session, tmp_path):
    verdicts, figures = with_phones(session, TAKE, RIG, tmp_path, lambda *_: None)
    assert [verdict.good for verdict in verdicts] == [False]
    assert "no phone" in verdicts[0].text
    assert not figures


def test_a_phone_that_cannot_be_placed_is_named(session, tmp_path, monkeypatch):
    placed = PlacedPhones(unplaced={"iphone_000": "the board was seen in 0 of its 12 frames"})
    monkeypatch.setattr(phone_step, "place_phones", lambda *_, **__: placed)
    verdicts, figures = with_phones(session, TAKE, RIG, tmp_path, lambda *_: None)
    assert [(v.subject, v.good) for v in verdicts] == [("iphone_000", False)]
    assert "not placed: the board was seen" in verdicts[0].text
    assert not figures
