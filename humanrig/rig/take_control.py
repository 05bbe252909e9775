"""Takes one after another on a rig that runs: countdown, recording, verdict. The terminal and the page use the same."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from capture.board_file import BOARD_FILE, write_board
from capture.errors import CaptureError
from capture.recorder.disk_room import check_room, expected_rate
from capture.recorder.live_rig import LiveRig
from capture.recorder.recorder import RecordedTake, Recorder
from capture.recorder.status import RecorderLimits, RecorderStatus
from humanrig.errors import HumanrigError
from humanrig.live.control import ControlState, RigStatus, TakeVerdict
from humanrig.rig.take_folders import RETAKE, next_take, take_folder
from humanrig.rig.take_plan import TakePaths, TakePlan
from humanrig.rig.verdict import Judged, judge

POLL_S = 0.05
REFRESH_S = 0.25
"""The page and the terminal ask a few times a second; the recorder is asked as often."""


class TakeControl:
    """A `RigControl`. `start` records the plan at hand; `next` and `again` choose which that is.

    A take runs in a thread of its own: what the terminal or the page do cannot hold it up.
    """

    def __init__(
        self,
        rig: LiveRig,
        plans: Sequence[TakePlan],
        *,
        limits: RecorderLimits | None = None,
        on_second: Callable[[], None] | None = None,
    ) -> None:
        """`rig` runs. `plans` are recorded in this order. `on_second` is called about every second of a take."""
        if not plans:
            raise HumanrigError("no take is planned; name an action")
        self._rig, self._plans, self._limits = rig, list(plans), limits or RecorderLimits()
        self._on_second = on_second
        self._lock = threading.Lock()
        self._place = 0
        self._state: ControlState = "idle"
        self._stop = threading.Event()
        self._recorder: Recorder | None = None
        self._recording: RecorderStatus | None = None
        self._go_s = 0.0
        self._problem = ""
        self._verdict: TakeVerdict | None = None
        self._idle = threading.Event()
        """What `wait` waits for. Not the thread's end: a join that a signal interrupts takes the thread for ended
        (Python 3.11), and every join after it returns at once."""
        self._idle.set()
        self._next_name = self._name_of_next()
        self.takes: list[tuple[RecordedTake, TakeVerdict]] = []
        """What was recorded in this run, in order."""

    @property
    def plan(self) -> TakePlan:
        """The take that is recorded, or the next one."""
        return self._plans[self._place]

    @property
    def has_next(self) -> bool:
        """Whether another plan follows this one."""
        return self._place + 1 < len(self._plans)

    @property
    def state(self) -> ControlState:
        """What happens now."""
        return self._state

    @property
    def problem(self) -> str:
        """Why the last start ended without a take; empty when it did not."""
        return self._problem

    @property
    def verdict(self) -> TakeVerdict | None:
        """Of the last take."""
        return self._verdict

    def next(self) -> None:
        """Goes on to the next plan. Does nothing at the last one, or unless idle."""
        with self._lock:
            if self._state == "idle" and self.has_next:
                self._place += 1
                self._next_name = self._name_of_next()

    def start(self) -> None:
        """Begins the countdown of the plan at hand: its first take, or a retake beside those that exist.

        Raises CaptureError or HumanrigError when it is not idle or the disk has no room.
        """
        with self._lock:
            if self._state != "idle":
                raise HumanrigError(f"a take is in progress ({self._state}); stop it first")
            number = next_take(self.plan.session)
            folder = take_folder(self.plan.session, number)
            limits = self._limits
            check_room(
                folder,
                rate=expected_rate(self._rig.descriptions),
                least_s=limits.least_s if self.plan.seconds is None else self.plan.seconds,
                reserve_bytes=limits.reserve_bytes,
            )
            links = {link.name: link.written(folder) for link in self.plan.links}
            if number > 1:
                links[RETAKE] = f"../{take_folder(self.plan.session, number - 1).name}"
            self._recorder = Recorder(
                self._rig,
                folder,
                subject=self.plan.subject_code,
                action=self.plan.action_code,
                links=links,
                host=self.plan.host,
                limits=replace(limits, least_s=0.0),  # asked above
            )
            self._problem, self._recording = "", None
            self._stop.clear()
            self._go_s = time.monotonic() + self.plan.countdown_s
            self._state = "countdown" if self.plan.countdown_s > 0 else "recording"
            self._idle.clear()
            threading.Thread(target=self._run, args=(self._recorder, self.plan), name="take").start()

    def stop(self) -> None:
        """Ends the take or its countdown; returns at once."""
        self._stop.set()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Whether nothing is recorded any more within the timeout."""
        return self._idle.wait(timeout_s)

    def status(self) -> RigStatus:
        """The rig now; nothing is read from the disk."""
        with self._lock:
            state, plan, place, recording = self._state, self.plan, self._place, self._recording
            recorder, problem = self._recorder, self._problem
        following = self._plans[place + 1] if place + 1 < len(self._plans) else None
        running = state in ("recording", "stopping")
        return RigStatus(
            state=state,
            session=recorder.folder.name if recorder is not None and state != "idle" else self._next_name,
            subject=plan.subject_code,
            action=plan.action_code,
            prompt=plan.prompt,
            next_prompt=following.prompt if following else "",
            countdown_s=max(0.0, self._go_s - time.monotonic()) if state == "countdown" else 0.0,
            seconds=recording.seconds if running and recording else 0.0,
            planned_s=plan.seconds,
            disk_free_bytes=recording.disk_free_bytes if recording else None,
            disk_left_s=recording.disk_s if recording and recording.disk_s != float("inf") else None,
            problems=((problem,) if problem else ()) + (recording.problems if running and recording else ()),
            verdict=self._verdict,
            recorder=recording if running else None,
        )

    def _name_of_next(self) -> str:
        return take_folder(self.plan.session, next_take(self.plan.session)).name

    def _run(self, recorder: Recorder, plan: TakePlan) -> None:
        try:
            if self._stop.wait(max(0.0, self._go_s - time.monotonic())):
                return
            recorder.start()
            with self._lock:
                self._state = "recording"
            try:
                self._watch(recorder, plan)
            finally:  # whatever happens to whoever watches, what was recorded is closed
                with self._lock:
                    self._state = "stopping"
                take = recorder.stop()
            self._judge(take, plan)
        except (CaptureError, HumanrigError, OSError) as error:
            self._problem = f"{recorder.folder.name}: {error}"
        finally:
            with self._lock:
                self._next_name = self._name_of_next()
                self._state = "idle"
            self._idle.set()

    def _watch(self, recorder: Recorder, plan: TakePlan) -> None:
        """Returns when the take is to end."""
        asked = told = 0.0
        while not self._stop.wait(POLL_S):
            now = time.monotonic()
            if now - asked >= REFRESH_S or self._recording is None:
                asked, status = now, recorder.status()
                with self._lock:
                    self._recording = status
                if status.stopped_because:
                    return
            if self._on_second is not None and now - told >= 1.0:
                told = now
                self._tell()
            seconds = self._recording.seconds + now - asked if self._recording else 0.0
            if plan.seconds is not None and seconds >= plan.seconds:
                return
            if self._rig.finished:
                return

    def _tell(self) -> None:
        """Calls the listener; one that fails is not called again, the take goes on."""
        assert self._on_second is not None
        try:
            self._on_second()
        except Exception as error:
            self._on_second = None
            self._rig.note("", f"what happens every second of a take failed and is left out: {error!r}")

    def _judge(self, take: RecordedTake, plan: TakePlan) -> None:
        room = next((link.folder for link in plan.links if link.name == "background_from"), None)
        asked_to_end = self._stop.is_set()
        judged = self._judged(take, plan, None if asked_to_end else plan.seconds, room)
        verdict = judged.verdict
        paths = TakePaths(folder=take.session.folder)
        try:
            if plan.board is not None:
                write_board(take.session.path(*BOARD_FILE), plan.board)
            paths.write_json("plan.json", plan.described())
            paths.write_json("verdict.json", judged.as_json())
            paths.write_text("verdict.txt", "\n".join(verdict.lines) + "\n")
        except OSError as error:  # it is said all the same
            why = f"cannot be written to {paths.path('verdict.txt').parent} ({error.strerror or error})"
            verdict = replace(verdict, lines=(*verdict.lines, f"verdict   {why}; the take itself is on the disk"))
            self._problem = f"{take.session.folder.name}: its verdict {why}; make room or record to another disk"
        self._verdict = verdict
        self.takes.append((take, verdict))

    def _judged(self, take: RecordedTake, plan: TakePlan, planned_s: float | None, room: Path | None) -> Judged:
        """The verdict; what fails in making it must not hide that the take is on the disk."""
        speed = getattr(next(iter(self._rig.devices.values())), "speed", 1.0)
        try:
            return judge(take, title=plan.title, planned_s=planned_s, background=room, speed=speed)
        except Exception as error:
            lines = (
                f"REPEAT: it is recorded, but judging it failed ({type(error).__name__}: {error})",
                f"take      {take.session.folder.name} · {plan.title}",
                f"look at it with humanrig check {take.session.folder} before it is repeated",
            )
            verdict = TakeVerdict(keep=False, lines=lines, session=take.session.folder.name)
            return Judged(verdict=verdict, figures={"reasons": [lines[0]]})
