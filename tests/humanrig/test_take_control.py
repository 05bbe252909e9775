"""Takes of a small rig that runs in real time: start and stop, retakes, links, and verdicts on what went wrong."""

import json
import threading
import time
from dataclasses import replace

import pytest
from small_rig import small_session

from capture.catalogue.built_in_actions import BUILT_IN
from capture.catalogue.subjects import Subject
from capture.errors import CaptureError
from capture.recorder.live_rig import LiveRig, RestartPolicy
from capture.recorder.status import RecorderLimits
from capture.rig.pulse_monitor import PulseMonitor
from capture.session import Session
from capture.virtual.clocks import ClockEffects
from capture.virtual.rig_playback import open_virtual_devices
from humanrig.errors import HumanrigError
from humanrig.live.control import RigControl
from humanrig.rig.dashboard import RigView, dashboard
from humanrig.rig.take_control import TakeControl
from humanrig.rig.take_folders import check_new, find_links, next_take, take_folder
from humanrig.rig.take_plan import TakePlan
from humanrig.rig.terminal_flow import TerminalFlow
from humanrig.rig.verdict import judge
from humanrig.terminal import console

SPEED = 4.0
"""Rig seconds in a second: the tests wait less."""
SECONDS = 0.3
LIMITS = RecorderLimits(reserve_bytes=0)


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    return small_session(tmp_path_factory.mktemp("control") / "played", devices=3, frames=120)


def plan(folder, **values):
    given = {"subject": Subject(id=12, height_m=1.7), "action": BUILT_IN[10], "seconds": SECONDS, "countdown_s": 0.0}
    return TakePlan(session=folder, **{**given, **values})


def running(played, effects=None, *, loops=400, seed=0, speed=SPEED):
    devices = open_virtual_devices(played, effects, loops=loops, seed=seed, speed=speed)
    rig = LiveRig(devices, restart=RestartPolicy(attempts=0))
    rig.open()
    rig.start()
    return rig


@pytest.fixture(scope="module")
def rig(played):
    with running(played) as rig:
        yield rig


def record(rig, *plans):
    control = TakeControl(rig, plans, limits=LIMITS)
    control.start()
    assert control.wait(20.0)
    assert control.problem == ""
    return control


def figures(folder):
    return json.loads((folder / "take" / "verdict.json").read_text())


def test_a_good_take_is_kept_and_says_so_on_disk(tmp_path, rig):
    control = record(rig, plan(tmp_path / "walk"))
    assert control.verdict.keep
    assert len(control.verdict.lines) <= 10
    assert control.verdict.lines[0].startswith("KEEP")
    assert (tmp_path / "walk" / "take" / "verdict.txt").read_text().splitlines() == list(control.verdict.lines)
    session = Session.open(tmp_path / "walk")
    assert (session.info.subject, session.info.action) == ("p000012", "a000011")
    found = figures(tmp_path / "walk")
    assert found["keep"] is True
    assert found["pairing"]["holes"] == 0
    assert found["pairing"]["instants"] == pytest.approx(30 * SPEED * SECONDS, abs=20)  # polled every 50 ms: 6 frames
    assert {one["device"]: one["invalid_share"] for one in found["depth"]} == {f"kinect_00{n}": 0.25 for n in range(3)}
    described = json.loads((tmp_path / "walk" / "take" / "plan.json").read_text())
    assert described["subject"]["height_m"] == 1.7
    assert described["action"]["limbs"]["left_leg"] == BUILT_IN[10].limbs.left_leg


def test_a_retake_keeps_the_old_take_and_names_it(tmp_path, rig):
    control = record(rig, plan(tmp_path / "walk"))
    before = {p: p.read_bytes() for p in (tmp_path / "walk").rglob("*") if p.is_file()}
    control.start()
    assert control.wait(20.0)
    assert {p: p.read_bytes() for p in (tmp_path / "walk").rglob("*") if p.is_file()} == before
    assert control.status().session == "walk.take3"  # what a start would record
    assert Session.open(tmp_path / "walk.take2").info.links == {"retake_of": "../walk"}
    assert [take.session.folder.name for take, _ in control.takes] == ["walk", "walk.take2"]


def test_start_and_stop_are_those_of_the_page(tmp_path, rig):
    control = TakeControl(rig, [plan(tmp_path / "walk", seconds=None, countdown_s=0.3)], limits=LIMITS)
    assert isinstance(control, RigControl)
    assert control.status().state == "idle"
    assert control.status().prompt == " ".join(BUILT_IN[10].prompts)
    control.stop()  # nothing to stop
    control.start()
    assert 0 < control.status().countdown_s <= 0.3
    with pytest.raises(HumanrigError, match="in progress"):
        control.start()
    time.sleep(0.8)
    status = control.status()
    assert status.state == "recording"
    assert status.seconds > 0.1
    assert status.recorder.lost == 0
    begin = time.monotonic()
    control.stop()
    assert time.monotonic() - begin < 0.05  # the promise of RigControl.stop
    assert control.wait(10.0)
    assert control.verdict.keep  # somebody stopped it: it is not short


def test_a_countdown_that_is_stopped_records_nothing(tmp_path, rig):
    control = TakeControl(rig, [plan(tmp_path / "walk", countdown_s=30.0)], limits=LIMITS)
    control.start()
    control.stop()
    assert control.wait(2.0)
    assert control.takes == []
    assert list(tmp_path.iterdir()) == []


def test_a_verdict_that_fails_does_not_hide_the_take(tmp_path, rig, monkeypatch):
    def broken(*given, **named):
        raise ValueError("no such figure")

    monkeypatch.setattr("humanrig.rig.take_control.judge", broken)
    control = record(rig, plan(tmp_path / "walk"))
    assert not control.verdict.keep
    assert "it is recorded, but judging it failed (ValueError: no such figure)" in control.verdict.lines[0]
    assert Session.open(tmp_path / "walk").stream("kinect_000/color").frames > 5


def test_a_countdown_that_is_stopped_ends_a_run_without_a_keyboard(tmp_path, rig):
    control = TakeControl(rig, [plan(tmp_path / "walk", countdown_s=30.0)], limits=LIMITS)
    flow = TerminalFlow(control, RigView(rig, PulseMonitor(rig.descriptions), {}), takes=3, interactive=False)

    def stop():
        while control.state != "countdown":
            time.sleep(0.01)
        control.stop()

    threading.Thread(target=stop, daemon=True).start()
    assert flow.run() == 1
    assert list(tmp_path.iterdir()) == []


def test_a_disk_without_room_refuses_the_start(tmp_path, rig):
    control = TakeControl(rig, [plan(tmp_path / "walk")], limits=RecorderLimits(reserve_bytes=2**60))
    with pytest.raises(CaptureError, match="free some disk"):
        control.start()
    assert control.status().state == "idle"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("effects", "reason"),
    [
        ({"drop_rate": 0.2}, "of its frames, 2% allowed"),
        ({"stall_device": "kinect_001", "stall_at_s": 4.0, "stall_s": 60.0}, "kinect_001 was silent for"),
        ({"stall_device": "kinect_002", "stall_at_s": 0.0, "stall_s": 60.0}, "kinect_002/color and 1 more recorded no"),
        ({"jitter_us": 80.0}, "left the pulse by"),
    ],
)
def test_what_goes_wrong_is_why_a_take_is_repeated(tmp_path, played, effects, reason):
    with running(played, replace(ClockEffects.quiet(), **effects), seed=4) as rig:
        control = record(rig, plan(tmp_path / "walk", seconds=1.5 if effects.get("stall_at_s") else 0.4))
    assert not control.verdict.keep
    assert control.verdict.lines[0].startswith("REPEAT")
    assert any(reason in text for text in figures(tmp_path / "walk")["reasons"]), figures(tmp_path / "walk")["reasons"]


@pytest.mark.parametrize(
    ("counted", "advice"),
    [
        ({"overflowed": 5, "dropped": 1}, "the disk was too slow for this rig"),
        ({"dropped": 5, "overflowed": 1}, "check its USB"),
        ({"refused": 5, "dropped": 1}, "check its cable and its modes"),
    ],
)
def test_the_advice_is_for_where_frames_were_lost(tmp_path, rig, counted, advice):
    ((take, _),) = record(rig, plan(tmp_path / "walk")).takes
    streams = {**take.figures.streams}
    streams["kinect_001/depth"] = replace(streams["kinect_001/depth"], **counted)
    judged = judge(replace(take, figures=replace(take.figures, streams=streams)))
    (reason,) = judged.figures["reasons"]
    assert reason.startswith("kinect_001/depth lost")
    assert advice in reason
    assert ("USB" in reason) == ("USB" in advice)


def test_a_recording_that_runs_out_ends_the_take_and_is_short(tmp_path, played):
    with running(played, loops=1, speed=8.0) as rig:
        control = record(rig, plan(tmp_path / "walk", seconds=60.0))
    assert "of 60.0 s: the devices had no more frames" in control.verdict.lines[0]


def test_a_rise_of_empty_depth_against_the_empty_room_is_told(tmp_path, rig):
    room = small_session(tmp_path / "room", devices=3, frames=10, empty=0.0)
    links = find_links(tmp_path / "walk", "take", devices=["kinect_000"], given={"background": room, "board": None})
    control = record(rig, plan(tmp_path / "walk", links=tuple(links)))
    assert control.verdict.keep
    assert "kinect_000: 25% more depth is empty than in the empty room" in figures(tmp_path / "walk")["doubts"]
    assert Session.open(tmp_path / "walk").info.links == {"background_from": "../room"}


def test_takes_are_linked_to_the_newest_room_and_board_of_the_same_devices(tmp_path, rig):
    devices = ["kinect_000", "kinect_001", "kinect_002"]
    record(rig, plan(tmp_path / "a", kind="background", subject=None, action=None, seconds=0.2))
    record(rig, plan(tmp_path / "b", kind="background", subject=None, action=None, seconds=0.2))
    path = tmp_path / "a" / "session.toml"
    path.write_text(path.read_text().replace("created = 20", "created = 19"))
    record(rig, plan(tmp_path / "c", kind="board", subject=None, action=None, seconds=0.2))
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "session.toml").write_text("not toml [")
    given = {"background": None, "board": None}
    links = find_links(tmp_path / "walk", "take", devices=devices, given=given)
    assert {link.name: link.folder.name for link in links} == {"background_from": "b", "calibration_from": "c"}
    assert find_links(tmp_path / "walk", "take", devices=[*devices, "iphone_000"], given=given) == []
    assert find_links(tmp_path / "other", "board", devices=devices, given=given) == []
    with pytest.raises(HumanrigError, match="cannot be linked to"):
        find_links(tmp_path / "w", "take", devices=devices, given={**given, "background": tmp_path / "gone"})


def test_takes_are_numbered_after_all_that_exist(tmp_path):
    session = tmp_path / "walk"
    assert next_take(session) == 1
    check_new(session)
    for name in ("walk", "walk.take3", "walk.take2", "walk.takes", "walking.take9"):
        (tmp_path / name).mkdir()
    assert take_folder(session, next_take(session)).name == "walk.take4"
    with pytest.raises(HumanrigError, match=r"walk exists; choose another folder, or add --retake .*walk\.take4"):
        check_new(session)
    with pytest.raises(HumanrigError, match="name of a retake"):
        check_new(tmp_path / "walk.take9")
    (tmp_path / "file").write_text("")
    with pytest.raises(HumanrigError, match="is a file"):
        check_new(tmp_path / "file" / "walk")


def test_somebody_at_the_keyboard_repeats_and_goes_on(tmp_path, rig, capsys):
    plans = [plan(tmp_path / "one"), plan(tmp_path / "two", action=BUILT_IN[2])]
    control = TakeControl(rig, plans, limits=LIMITS)
    monitor = PulseMonitor(rig.descriptions)
    keys = iter(["", "r", "what?", "", "", "q"])
    flow = TerminalFlow(control, RigView(rig, monitor, {}), interactive=True, ask=lambda question: next(keys))
    assert flow.run() == 0
    assert [take.session.folder.name for take, _ in control.takes] == ["one", "one.take2", "two"]
    said = capsys.readouterr().err
    assert "right leg" in said  # instructions limb by limb
    assert said.count("KEEP") == 3


def test_a_start_on_the_page_is_followed_by_the_terminal(tmp_path, rig, capsys):
    control = TakeControl(rig, [plan(tmp_path / "walk")], limits=LIMITS)

    def ask(question):
        if len(control.takes) < 2:
            control.start()  # as the page does, from another thread
            return None
        return "q"

    flow = TerminalFlow(control, RigView(rig, PulseMonitor(rig.descriptions), {}), interactive=True, ask=ask)
    assert flow.run() == 0
    assert [take.session.folder.name for take, _ in control.takes] == ["walk", "walk.take2"]
    assert capsys.readouterr().err.count("KEEP") == 2


@pytest.mark.slow
def test_the_dashboard_shows_what_is_wrong(tmp_path, played):
    effects = replace(ClockEffects.quiet(), stall_device="kinect_001", stall_at_s=0.5, stall_s=60.0)
    with running(played, effects, speed=1.0) as rig:
        monitor = PulseMonitor(rig.descriptions)
        rig.attach(monitor.take)
        control = TakeControl(rig, [plan(tmp_path / "walk", seconds=30.0)], limits=LIMITS)
        view = RigView(rig, monitor, {"kinect_000": "8000 us"})
        control.start()
        for _ in range(9):
            lines = view.lines()
            time.sleep(0.25)
        with console.capture() as capture:
            console.print(dashboard(lines, control.status(), title="p000012", hint=""), width=100)
        control.stop()
        control.wait()
    text = capture.get()
    shown = {row.split()[1]: row for row in text.splitlines() if row.startswith("│ kinect_0")}
    assert "stalled" in shown["kinect_001"]
    assert "8000 us" in shown["kinect_000"]
    fps = float(shown["kinect_000"].split()[3])
    assert fps == pytest.approx(30.0, abs=2.0)  # counted over two seconds, on a busy machine
    assert "GB free" in text
    assert "! kinect_001: no frame for" in text


def test_a_listener_that_fails_does_not_end_a_take(tmp_path, rig):
    calls = []

    def fail():
        calls.append(1)
        raise OSError(28, "No space left on device")

    control = TakeControl(rig, [plan(tmp_path / "take", seconds=1.5)], limits=LIMITS, on_second=fail)
    control.start()
    assert control.wait(30.0)
    ((take, _),) = control.takes
    assert len(calls) == 1
    assert any("every second" in event.text for event in take.events)
    assert take.figures.seconds > 1.0


def test_a_take_is_closed_when_watching_it_fails(tmp_path, rig, monkeypatch):
    control = TakeControl(rig, [plan(tmp_path / "take", seconds=None)], limits=LIMITS)

    def broken(recorder, plan):
        time.sleep(0.3)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(control, "_watch", broken)
    control.start()
    assert control.wait(30.0)
    assert "Input/output error" in control.problem
    assert Session.open(tmp_path / "take").streams  # it was stopped: session.toml is there
