"""What a viewer finds in a session: everything that is there, whatever is missing or damaged."""

from __future__ import annotations

import numpy as np
import pytest
from small_rig import small_session
from viewed_session import ALL, INSTANTS, viewed_session

from capture.session import Session
from humanrig.errors import HumanrigError
from humanrig.viewing.content import SessionContent
from humanrig.viewing.kept import Kept


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    return SessionContent(viewed_session(tmp_path_factory.mktemp("viewed")))


def test_it_finds_everything_of_a_whole_session(content):
    assert content.instants == [0, 1, 2]
    assert content.people == ("person00",)
    assert set(content.cameras) == set(content.session.streams)
    assert content.missing == ("masks",)
    assert content.time_s(2) == pytest.approx(2 * 0.033333)
    assert content.frame_index("kinect_001/color", 2) == -1  # a hole
    assert content.body("person00", 0).vertices.shape == content.surface("person00", 0).vertices.shape
    assert content.surface("person00", 2) is None  # of two instants only
    assert len(content.cloud(1)) == len(content.body("person00", 1).faces)


def test_an_instant_without_its_own_picture_has_that_of_its_segment(content):
    of_instant = content.texture("person00", 1, of_clip=False)
    assert content.texture("person00", 0, of_clip=False) == content.texture("person00", 1, of_clip=True) != of_instant


@pytest.mark.parametrize("count", [1, 3, 5, 6])
def test_a_session_of_which_only_some_stages_ran_shows_what_there_is(tmp_path, count):
    content = SessionContent(viewed_session(tmp_path, results=ALL[:count]))
    there = set(ALL[:count])
    assert bool(content.instants) == bool(there)
    assert content.cameras  # calibrated, or as recorded
    assert content.has_clouds == ("clouds" in there)
    assert content.has("body") == ("body" in there)
    assert ("register" in content.missing) != ("body" in there)
    instant = content.instants[0] if content.instants else 0
    assert (content.cloud(instant) is None) != ("clouds" in there)
    assert (content.body("person00", instant) is None) != ("body" in there)
    assert (content.surface("person00", instant) is None) != ("mesh" in there)


def test_results_without_frame_sets_still_have_instants(tmp_path):
    content = SessionContent(viewed_session(tmp_path, results=("body",)))
    assert content.instants == list(range(INSTANTS))
    assert content.time_s(0) is None
    assert content.frame_index("kinect_000/color", 0) == -1


def test_a_recording_alone_has_a_rig_and_nobody(tmp_path):
    content = SessionContent(Session.open(small_session(tmp_path, frames=2)))
    assert content.instants == []
    assert content.people == ()
    assert len(content.cameras) == 4


def test_damaged_files_are_named(tmp_path):
    session = viewed_session(tmp_path, results=("sync", "calibration", "clouds", "body"))
    session.path("clouds", "000000.npz").write_bytes(b"PK\x03\x04 cut off")
    session.path("sync", "frames.parquet").write_bytes(b"PAR1")
    session.path("calibration", "cameras.json").write_text("{")
    content = SessionContent(session)
    assert content.instants == [0, 1, 2]
    assert len(content.cameras) == 4
    assert any("frames.parquet" in problem for problem in content.problems)
    assert any("cameras.json" in problem for problem in content.problems)
    with pytest.raises(HumanrigError, match=r"000000\.npz"):
        content.cloud(0)
    assert content.cloud(1) is not None


def test_what_is_kept_stays_within_its_bytes():
    kept, made = Kept(1000), []

    def make(key):
        made.append(key)
        return np.zeros(300, np.uint8)

    for key in (0, 1, 2, 0, 3, 0):
        kept.get(key, lambda key=key: make(key), len)
        assert kept.bytes <= 1000
    assert made == [0, 1, 2, 3]  # 0 was used again and again, so 1 had to go for 3
    kept.get(1, lambda: make(1), len)
    assert made[-1] == 1
    huge = kept.get("huge", lambda: np.zeros(5000, np.uint8), len)
    assert len(huge) == 5000  # is given, and is all that is kept
    assert kept.bytes == 5000


def test_an_error_is_not_kept():
    kept = Kept()
    with pytest.raises(ZeroDivisionError):
        kept.get("x", lambda: 1 // 0, lambda _: 1)
    assert kept.get("x", lambda: 5, lambda _: 1) == 5
