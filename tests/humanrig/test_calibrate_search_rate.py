"""How many of a take's instants are searched for the board."""

from dataclasses import replace

import pytest
from board_session import board_session

from capture.frame_sets import Instant, write_instants
from capture.session import INSTANTS, Session
from humanrig import pipeline
from humanrig.calibrating.found_boards import searched_every


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    recorded = board_session(tmp_path_factory.mktemp("take") / "board", cameras=2, boards=1, on_floor=0)
    opened = Session.open(recorded.folder)
    pipeline.reconstruct(opened, pipeline.Request(until="sync"))
    return opened


def timed(session, rate_hz):
    """The session with thirty instants at a rate."""
    index, offset = {"cam_00/color": 0}, {"cam_00/color": 0}
    write_instants(
        session.path(*INSTANTS),
        [Instant(instant=k, time_us=round(1e6 * k / rate_hz), index=index, offset_us=offset) for k in range(30)],
    )
    return Session.open(session.folder)


@pytest.mark.parametrize(("rate_hz", "every"), [(5, 1), (10, 1), (15, 1), (24, 2), (30, 2), (60, 5)])
def test_twelve_instants_a_second_or_a_few_more_are_searched(session, rate_hz, every):
    assert searched_every(timed(session, rate_hz)) == every


def test_a_fast_phone_beside_the_rig_does_not_thin_the_instants_out(session, monkeypatch):
    opened = timed(session, 10)
    name = opened.of_kind("color")[0]
    monkeypatch.setitem(opened.streams, name, replace(opened.streams[name], rate_hz=60.0))
    assert searched_every(opened) == 1
