"""`humanrig capture`: takes of a rig, from the words that are said before them to the verdict after them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, arg

from humanrig.commands.rig import NOTED_EVERY_S, RIG_FILE, listening, physical_serials
from humanrig.errors import HumanrigError
from humanrig.terminal import say

if TYPE_CHECKING:
    from capture.board import Board
    from capture.rig.rig_file import RigFile
    from humanrig.rig.take_plan import TakePlan

BACKGROUND_S = 3.0
"""Ninety frames of the empty room: their median is taken (`registration.masks.background` reads fewer)."""
BOARD_S = 40.0
"""A board is moved through the volume once in about this time. Assumed."""


def capture(
    session: Annotated[Positional[Path], arg(metavar="SESSION")],
    rig: Annotated[Path, arg(metavar="FILE")] = RIG_FILE,
    subject: Annotated[str | None, arg(metavar="NUMBER")] = None,
    action: Annotated[tuple[str, ...], arg(metavar="N ...")] = (),
    seconds: Annotated[float | None, arg(metavar="S")] = None,
    countdown: Annotated[float, arg(metavar="S")] = 3.0,
    kind: Literal["take", "background", "board"] = "take",
    background: Annotated[Path | None, arg(metavar="SESSION")] = None,
    board: Annotated[Path | None, arg(metavar="SESSION")] = None,
    retake: bool = False,
    takes: Annotated[int, arg(metavar="N")] = 1,
    preview: bool = False,
    port: Annotated[int, arg(metavar="NUMBER")] = 0,
) -> int:
    """Record a take of the rig, watch it in the terminal, and be told whether to keep or to repeat it.

    What each part of the body does and what is said to the person is shown first. Ctrl-C ends a take cleanly. After
    each take a verdict of ten lines says keep or repeat, and why; it is kept in SESSION/take/verdict.txt. A take is
    never overwritten: a retake of SESSION is SESSION.take2, SESSION.take3, … beside it.

    A take of the empty room and one of the calibration board are recorded the same way:
    humanrig capture day/room --kind background, humanrig capture day/board --kind board.
    Takes in the same folder are linked to the newest of them.

    Exit code 0: the last take is one to keep; 1: repeat it, or there is none.

    Args:
        session: Folder to create.
        rig: The rig's file.
        subject: Number in the catalogue, see humanrig subjects list.
        action: Number or name in the catalogue, see humanrig actions list. Several are recorded one after another,
            into SESSION_a000011, SESSION_a000012, ….
        seconds: Length of the take; the disk must hold it. By default the action's, 3 s of the empty room, 40 s of the
            board.
        countdown: Before the take begins.
        kind: take: a person; background: the empty room; board: the calibration board.
        background: The take of the empty room that belongs to this one.
        board: The take of the board that belongs to this one.
        retake: SESSION exists: record SESSION.take2, or the next that is free, beside it.
        takes: How many takes of each action are recorded where nobody sits at the keyboard.
        preview: Serve the preview page on this computer.
        port: Of the preview page; 0: any that is free.
    """
    from capture.recorder.live_rig import LiveRig
    from capture.rig.device_settings import settings_of
    from capture.rig.devices_of import devices_of, phone_server
    from capture.rig.pulse_monitor import PulseMonitor
    from capture.rig.rig_file import read_rig
    from humanrig.rig.dashboard import RigView
    from humanrig.rig.take_control import TakeControl
    from humanrig.rig.terminal_flow import TerminalFlow

    _check_words(seconds, countdown, takes)
    read = read_rig(rig)
    settings = settings_of(read)
    server = phone_server(read)
    devices = devices_of(read, server)
    plans = _plans(
        read,
        session,
        kind=kind,
        subject=subject,
        actions=action,
        seconds=seconds,
        countdown=countdown,
        given={"background": background, "board": board},
        devices=[device.name for device in devices],
        retake=retake,
    )
    say("opening 1 device" if len(devices) == 1 else f"opening {len(devices)} devices")
    with listening(server), LiveRig(devices) as live, _running_record(physical_serials(read, settings)) as note:
        monitor = PulseMonitor(live.descriptions)
        live.attach(monitor.take)
        live.start()
        control = TakeControl(live, plans, on_second=note)
        view = RigView(live, monitor, {name: _exposure(given) for name, given in settings.items()})
        watched = read.board if kind == "board" else None
        with _page(live, control, port, watched) if preview else nullcontext():
            return TerminalFlow(control, view, takes=takes).run()


def _check_words(seconds: float | None, countdown: float, takes: int) -> None:
    if seconds is not None and not 0 < seconds <= 24 * 3600:
        raise HumanrigError(f"--seconds {seconds:g} is no length of a take; give more than 0")
    if not 0 <= countdown <= 600:
        raise HumanrigError(f"--countdown {countdown:g} is no number of seconds; give 0 or more")
    if takes < 1:
        raise HumanrigError(f"--takes {takes} records nothing; give 1 or more")


def _plans(
    rig: RigFile,
    session: Path,
    *,
    kind: Literal["take", "background", "board"],
    subject: str | None,
    actions: Sequence[str],
    seconds: float | None,
    countdown: float,
    given: dict[Any, Path | None],
    devices: Sequence[str],
    retake: bool,
) -> list[TakePlan]:
    """One plan for each action. Raises CaptureError or HumanrigError for what is not in the catalogue, or exists."""
    from dataclasses import replace

    from capture.catalogue.actions import find_action, read_actions
    from capture.catalogue.built_in_actions import BUILT_IN
    from capture.catalogue.ids import subject_number
    from capture.catalogue.subjects import find_subject
    from humanrig.rig.take_folders import check_new, check_place, find_links
    from humanrig.rig.take_plan import TakePlan

    who = None
    if subject is not None and kind == "take":
        who = find_subject(rig.catalogue_folder, subject_number(subject))
    if kind == "take" and (who is None or not actions):
        missing = "--subject" if who is None else "--action"
        raise HumanrigError(f"{missing} is missing; give a number: humanrig capture {session} --subject 12 --action 11")
    if kind != "take" and (subject is not None or actions):
        raise HumanrigError(f"a {kind} take has no subject and no action; leave --subject and --action out")
    first = TakePlan(
        session=session,
        kind=kind,
        subject=who,
        seconds=seconds or {"background": BACKGROUND_S, "board": BOARD_S}.get(kind),
        countdown_s=countdown,
        links=tuple(find_links(session, kind, devices=devices, given=given)),
        host=rig.recording.host,
        board=rig.board if kind == "board" else None,
    )
    plans = [first]
    if kind == "take":
        catalogue = read_actions(rig.catalogue_folder, BUILT_IN)
        plans = []
        for word in actions:
            found = find_action(catalogue, word)
            folder = session if len(actions) == 1 else session.with_name(f"{session.name}_{found.code}")
            plans.append(replace(first, session=folder, action=found, seconds=seconds or found.seconds))
    for plan in plans:
        (check_place if retake else check_new)(plan.session)
    return plans


def _exposure(settings: Any) -> str:
    from capture.rig.device_settings import value

    exposure = value(settings, "exposure_us", "")
    return "–" if exposure == "" else "auto" if exposure is None else f"{exposure} us"


class _running_record:
    """Notes while it lasts, and at its ends, that these sensors run."""

    def __init__(self, serials: dict[str, str]) -> None:
        from capture.rig.warm_up import RunningRecord

        self._serials, self._record, self._calls = list(serials.values()), RunningRecord(), 0

    def __enter__(self) -> Any:
        self._note()
        return self._second

    def __exit__(self, *error: object) -> None:
        self._note()

    def _second(self) -> None:
        self._calls += 1
        if self._calls % int(NOTED_EVERY_S) == 0:
            self._note()

    def _note(self) -> None:
        if self._serials:
            self._record.running(self._serials)
            self._record.save()


@contextmanager
def _page(live: Any, control: Any, port: int, board: Board | None) -> Iterator[None]:
    """The page, which also shows how well each camera is known by now where a board is described."""
    from humanrig.live.board_watch import BoardWatch
    from humanrig.live.server import PreviewServer

    server = PreviewServer(live, control, port=port, board=None if board is None else BoardWatch(live, board))
    say(f"preview: {server.start()}")
    try:
        yield
    finally:
        server.close()
