"""The board on the preview page: moments, what to do next, and a whole virtual rig before which it is waved."""

import time
from dataclasses import replace

import numpy as np
import pytest
from board_session import BOARD, arc, picture, placements

from calibration.board_view import BoardTake, BoardView
from capture.device import DeviceDescription, DeviceStream
from capture.device_frames import EncodedFrame
from capture.recorder.live_rig import LiveRig
from capture.session_info import DeviceInfo
from capture.virtual.clocks import ClockEffects, draw_clocks
from capture.virtual.driver import RigTime, VirtualDriver
from capture.virtual.frame_sources import RenderedFrames
from geometry.rigid import transform
from humanrig.live.board_progress import LiveSolve, as_json, camera_progress, is_new_place, next_step, pair_counts
from humanrig.live.board_watch import BoardWatch
from humanrig.live.moments import Moments

PERIOD_US = 33_333


def described(name, *, clock="pulse", delay_us=0):
    stream = DeviceStream(
        name=f"{name}/color", kind="color", encoding="jpeg", rate_hz=30.0, width=640, height=360, delay_us=delay_us
    )
    camera = replace(CAMERAS[f"{name}/color"], T_world_camera=np.eye(4)) if f"{name}/color" in CAMERAS else None
    info = DeviceInfo(name=name, clock=clock, sync="subordinate" if clock == "pulse" else "standalone")
    return DeviceDescription(info=info, streams=(stream,), cameras=(camera,) if camera else ())


CAMERAS = arc(3)


def frame(stream, device_us, host_us=0):
    return EncodedFrame(stream=stream, sequence=0, device_us=device_us, host_us=host_us, data=b"")


def test_a_moment_is_of_frames_exposed_together():
    moments = Moments([described("a"), described("b", delay_us=160), described("c")])
    for k in range(4):
        moments(frame("a/color", k * PERIOD_US))
        moments(frame("b/color", k * PERIOD_US + 160))
        if k < 3:  # the last of c has not arrived yet
            moments(frame("c/color", k * PERIOD_US))
    taken = moments.take()
    assert {name: f.device_us for name, f in taken.items()} == {
        "a/color": 2 * PERIOD_US, "b/color": 2 * PERIOD_US + 160, "c/color": 2 * PERIOD_US,
    }  # fmt: skip
    assert moments.take().keys() == {"a/color", "b/color"}  # what is newer
    assert moments.take() is None


def test_clocks_of_their_own_are_never_mixed_with_the_cable():
    moments = Moments([described("a"), described("p", clock="p"), described("q", clock="q")])
    moments(frame("a/color", 1000, host_us=9_000_000))
    moments(frame("p/color", 77_000_000, host_us=9_000_000))
    moments(frame("q/color", 1000, host_us=9_002_000))
    groups = [set(moments.take()), set(moments.take())]
    assert {frozenset(g) for g in groups} == {frozenset({"a/color"}), frozenset({"p/color", "q/color"})}


def take_of(seen):
    """Instant → indices of the cameras that see it, boards drawn at random before the arc."""
    names = list(CAMERAS)
    poses = placements(len(seen), 0, BOARD, np.random.default_rng(3))
    views = []
    for instant, cameras in enumerate(seen):
        for n in cameras:
            q = CAMERAS[names[n]].project(transform(poses[instant], BOARD.corners))
            ids = np.flatnonzero(((q > 0) & (q < [640, 360])).all(1))
            views.append(BoardView(camera=names[n], instant=instant, ids=ids, q=q[ids]))
    return BoardTake(board=BOARD, views=tuple(views), image_sizes=dict.fromkeys(names, (640, 360)))


@pytest.mark.parametrize(
    ("seen", "sigma", "words"),
    [
        ([], {}, "so that a camera sees it whole"),
        ([(0,), (0, 1)], {}, "cam_02 and one of cam_00, cam_01 see it at once"),
        ([(0, 1), (1, 2)], {}, "Hold the board where cam_00/color and a neighbour see it: they shared it 1 times"),
        ([(0, 1, 2)] * 6 + [(0, 1)] * 20, {}, "Show cam_02/color more of the board"),
        ([(0, 1, 2)] * 40, {"cam_00/color": 0.4, "cam_01/color": 2.5}, "Wave the board between cam_01 and cam_0"),
        ([(0, 1, 2)] * 40, {"cam_00/color": 0.4, "cam_01/color": 0.6}, "Enough: every camera is known to 0.6 mm"),
    ],
)
def test_the_next_step_is_what_is_missing(seen, sigma, words, monkeypatch):
    monkeypatch.setattr("humanrig.live.board_progress.ENOUGH_RATIO", 1.0)
    monkeypatch.setattr("humanrig.live.board_progress.EMPTY_PLACES", 9)
    monkeypatch.setattr("humanrig.live.board_progress.ENOUGH_TILTED", 0.0)
    take = take_of(seen)
    said = next_step(camera_progress(take, CAMERAS), pair_counts(take), LiveSolve(sigma_mm=sigma))
    assert words in said


def test_frontal_boards_at_one_distance_are_not_enough():
    take = take_of([(0, 1, 2)])
    many = [replace(view, instant=k) for k in range(30) for view in take.views]
    said = next_step(camera_progress(take.with_views(many), CAMERAS), pair_counts(take.with_views(many)), LiveSolve())
    assert "Tilt the board" in said or "nearer and farther" in said


def test_a_board_that_stands_still_is_one_place():
    assert is_new_place({}, {"a": np.zeros(2)}, 10.0)
    assert not is_new_place({"a": np.zeros(2)}, {"a": np.array([3.0, 4.0])}, 10.0)
    assert is_new_place({"a": np.zeros(2)}, {"a": np.array([30.0, 4.0])}, 10.0)


def test_what_the_page_gets_is_json():
    take = take_of([(0, 1), (1, 2)])
    drawn = as_json(camera_progress(take, {}), pair_counts(take), LiveSolve(problem="too few"), boards=2)
    assert [camera["cells"] for camera in drawn["cameras"]] == [[], [], []]  # nobody knows the lenses
    assert drawn["pairs"] == [{"a": "cam_00", "b": "cam_01", "boards": 1}, {"a": "cam_01", "b": "cam_02", "boards": 1}]


@pytest.mark.slow
def test_a_board_waved_before_a_virtual_rig_is_followed():
    """Two worker processes begin, find the board in what three devices send, and solve it."""
    import simplejpeg

    poses = placements(14, 0, BOARD, np.random.default_rng(0))
    names = [name.split("/")[0] for name in CAMERAS]

    def pictures(camera):
        drawn = [simplejpeg.encode_jpeg(picture(camera, T), quality=90, colorspace="RGB") for T in poses]
        return lambda stream, index: drawn[index // 45 % len(drawn)]  # each place for a second and a half

    clocks = draw_clocks(names, [], effects=ClockEffects.quiet(), seed=0)
    time_of_rig = RigTime(master=names[0])
    rig = LiveRig(
        [
            VirtualDriver(
                name, RenderedFrames(described(name), pictures(CAMERAS[f"{name}/color"]), seconds=200.0), clocks[name],
                time_of_rig,
            )
            for name in names
        ]
    )  # fmt: skip
    with rig:
        watch = BoardWatch(rig, BOARD)
        state = watch.state()
        rig.start()
        watch.start()
        try:
            until = time.monotonic() + 90
            while time.monotonic() < until:
                state = watch.state()
                if any(camera["sigma_mm"] is not None for camera in state["cameras"]):
                    break
                time.sleep(0.2)
        finally:
            begun = time.monotonic()
            watch.close()
    assert time.monotonic() - begun < 10
    assert {camera["name"] for camera in state["cameras"]} == set(CAMERAS)
    assert state["boards"] >= 4
    assert any(np.array(camera["cells"]).any() for camera in state["cameras"])
    assert any(camera["sigma_mm"] is not None for camera in state["cameras"]), state
    assert state["problem"] == ""
