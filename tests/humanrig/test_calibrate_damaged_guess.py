"""Which board is seen instead is told although some pictures cannot be read."""

from board_session import board_session

from capture.errors import CaptureError
from capture.session import Session
from humanrig import pipeline
from humanrig.calibrating.found_boards import _some_pictures


def test_damaged_pictures_are_passed_over(tmp_path, monkeypatch):
    recorded = board_session(tmp_path / "board", cameras=2, boards=4, on_floor=0)
    session = Session.open(recorded.folder)
    pipeline.reconstruct(session, pipeline.Request(until="sync"))
    whole, read = _some_pictures(session, list(recorded.truth)), session.frame

    def frame(stream: str, index: int):
        if stream == "cam_00/color" and index == 1:
            raise CaptureError("frame 1 is damaged")
        return read(stream, index)

    monkeypatch.setattr(session, "frame", frame)
    assert len(_some_pictures(session, list(recorded.truth))) == len(whole) - 1
