"""A session searched for its board: every camera, holes and damage included."""

from dataclasses import replace

import numpy as np
import pytest
import simplejpeg
from drawn_boards import CAMERA, drawn, placed, true_corners

from calibration.boards import sweep
from calibration.boards.sweep import camera_of, find_boards, stream_of
from calibration.errors import CalibrationError
from capture import depth_codec
from capture.board import Board
from capture.errors import CaptureError
from capture.frame_sets import Instant, write_instants
from capture.mcap_recording import McapWriter
from capture.session import INSTANTS, Session
from capture.session_info import StreamInfo

BOARD = Board(columns=6, rows=5, square_m=0.1, marker_m=0.075)
SMALL = replace(CAMERA, K=np.array([[480.0, 0, 320], [0, 480, 240], [0, 0, 1]]), width=640, height=480)
COUNT, PERIOD_US = 5, 50_000
FILE = "recording/rig.mcap"
TURNS = np.array([0.3, -0.2, 0.1]) + np.array([0.0, 0.02, 0.0]) * np.arange(COUNT)[:, None]


def _info(name: str, encoding: str, frames: int = COUNT) -> StreamInfo:
    kind = name.split("/")[1]
    size = {"width": SMALL.width, "height": SMALL.height}
    return StreamInfo(name=name, kind=kind, file=FILE, topic=f"/{name}", encoding=encoding, frames=frames, **size)  # pyright: ignore[reportArgumentType]


@pytest.fixture(scope="module")
def session(tmp_path_factory) -> Session:
    """Colour, with the board in all five frames, the third damaged; infrared, with an offset; a camera that never sees
    the board and misses the first frame."""
    folder, rng = tmp_path_factory.mktemp("sweep") / "take", np.random.default_rng(1)
    names = {"kinect_000/color": "jpeg", "kinect_000/ir": "dzp", "kinect_001/color": "jpeg"}
    blank = np.full((SMALL.height, SMALL.width, 3), 90, np.uint8)
    with McapWriter(folder / FILE) as writer:
        for name, encoding in names.items():
            writer.add_stream(f"/{name}", encoding)
        for n in range(COUNT):
            image = drawn(BOARD, placed(BOARD, TURNS[n], 1.0), SMALL, rng=rng)
            times = {"device_us": PERIOD_US * n, "host_us": PERIOD_US * n}
            jpeg = simplejpeg.encode_jpeg(np.ascontiguousarray(np.repeat(image[..., None], 3, 2)), quality=95)
            writer.write("/kinect_000/color", jpeg if n != 2 else b"no picture", **times)
            writer.write("/kinect_000/ir", depth_codec.encode(image.astype(np.uint16) * 30), **times)
            writer.write("/kinect_001/color", simplejpeg.encode_jpeg(blank), **times)
    made = Session.create(folder, origin="virtual", streams=[_info(*item) for item in names.items()])
    offsets = {"kinect_000/color": 0, "kinect_000/ir": 400, "kinect_001/color": 0}
    instants = [
        Instant(
            instant=n,
            time_us=PERIOD_US * n,
            index={name: -1 if (name, n) == ("kinect_001/color", 0) else n for name in names},
            offset_us=offsets,
        )
        for n in range(COUNT)
    ]
    write_instants(made.path(*INSTANTS), instants)
    return made


def test_every_stream_is_searched_and_damage_is_named(session):
    told = []
    take = find_boards(session, BOARD, workers=1, on_progress=lambda done, total: told.append((done, total)))
    assert take.image_sizes == dict.fromkeys(["kinect_000/color", "kinect_000/depth", "kinect_001/color"], (640, 480))
    assert [view.instant for view in take.of_camera("kinect_000/color")] == [0, 1, 3, 4]
    assert [view.instant for view in take.of_camera("kinect_000/depth")] == [0, 1, 2, 3, 4]  # infrared is its view
    assert take.of_camera("kinect_001/color") == ()
    assert told[-1] == (14, 14)
    (note,) = take.notes
    assert note.startswith("kinect_000/color: 1 frame(s) could not be read")
    assert take.time_us == {n: PERIOD_US * n for n in range(COUNT)}
    for view in take.views:
        truth = true_corners(BOARD, placed(BOARD, TURNS[view.instant], 1.0), SMALL)
        assert np.abs(view.q - truth[view.ids]).max() < 0.2  # JPEG; the largest measured is 0.07
        assert view.offset_us == (400 if view.camera == "kinect_000/depth" else 0)


def test_velocities_come_from_neighbouring_frames(session):
    take = find_boards(session, BOARD, workers=1, streams=["kinect_000/ir"])
    view = take.of_camera("kinect_000/depth")[2]
    before, after = (true_corners(BOARD, placed(BOARD, TURNS[n], 1.0), SMALL) for n in (1, 3))
    assert view.velocity is not None
    speed = (after - before)[view.ids] / (2e-6 * PERIOD_US)
    # two corners of 0.02 px each, 0.1 s apart
    assert np.abs(view.velocity - speed).max() < 5 * 0.02 * np.sqrt(2) / 0.1
    assert np.abs(speed).max() > 10


@pytest.mark.slow
def test_processes_find_the_same(session):
    one = find_boards(session, BOARD, workers=1, instants=[0, 1])
    two = find_boards(session, BOARD, workers=2, instants=[1, 0])
    assert [(v.camera, v.instant) for v in one.views] == [(v.camera, v.instant) for v in two.views]
    assert all(np.array_equal(a.q, b.q) for a, b in zip(one.views, two.views))


def test_part_of_a_session(session):
    take = find_boards(session, BOARD, every=2, streams=["kinect_000/ir"], workers=1)
    assert take.instants == (0, 2, 4)
    assert camera_of("kinect_000/ir") == "kinect_000/depth"
    assert stream_of(session, "kinect_000/depth") == "kinect_000/ir"


def test_what_cannot_be_searched_is_refused(session):
    with pytest.raises(CalibrationError, match="0 workers: at least one"):
        find_boards(session, BOARD, workers=0)
    with pytest.raises(CalibrationError, match="0-th instant"):
        find_boards(session, BOARD, every=0)
    with pytest.raises(CalibrationError, match="no instant 99"):
        find_boards(session, BOARD, instants=[99])
    with pytest.raises(CaptureError, match="no stream 'kinect_009/color'"):
        find_boards(session, BOARD, streams=["kinect_009/color"])
    with pytest.raises(CalibrationError, match="looks the same upside down"):
        find_boards(session, Board(kind="checkerboard", columns=8, rows=6))
    with pytest.raises(CalibrationError, match="sees"):
        stream_of(session, "kinect_001/depth")


class _Stopped(Exception):
    """Stands for whatever ends a search early."""


def test_an_interrupted_search_goes_on_where_it_stopped(session, tmp_path, monkeypatch):
    whole, searched = find_boards(session, BOARD, workers=1), []
    search = sweep.BoardSearch.search

    def watched(self: sweep.BoardSearch, chunk: sweep.Chunk) -> sweep.Found:
        searched.append(chunk.stream)
        return search(self, chunk)

    monkeypatch.setattr(sweep.BoardSearch, "search", watched)

    def stop(done: int, total: int) -> None:
        if done >= COUNT + 1:
            raise _Stopped

    with pytest.raises(_Stopped):
        find_boards(session, BOARD, workers=1, kept=tmp_path / "kept", on_progress=stop)
    assert searched == ["kinect_000/color", "kinect_000/ir"]
    _, second = sorted((tmp_path / "kept").glob("*.npz"))
    second.write_bytes(second.read_bytes()[:100])  # a damaged part is searched again, a whole one is not
    searched.clear()
    resumed = find_boards(session, BOARD, workers=1, kept=tmp_path / "kept")
    assert searched == ["kinect_000/ir", "kinect_001/color"]
    assert resumed.notes == whole.notes
    assert resumed.image_sizes == whole.image_sizes
    for a, b in zip(resumed.views, whole.views, strict=True):
        assert (a.camera, a.instant, a.sigma_px, a.offset_us) == (b.camera, b.instant, b.sigma_px, b.offset_us)
        assert np.array_equal(a.ids, b.ids)
        assert np.array_equal(a.q, b.q)
    searched.clear()
    find_boards(session, BOARD, workers=1, kept=tmp_path / "kept", streams=["kinect_000/color"], instants=[0, 1])
    assert searched == ["kinect_000/color"]  # other pictures are another search
