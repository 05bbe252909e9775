"""One recording computer's part of a take: its rig, armed, started at an agreed moment, stopped."""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal

from capture.device import Device
from capture.errors import CaptureError
from capture.hosts.address import NAME, HostError
from capture.recorder.live_rig import LiveRig
from capture.recorder.recorder import DEFAULT_LIMITS, Recorder
from capture.recorder.status import RecordedTake, RecorderLimits
from capture.session import Session
from capture.session_info import software

HostState = Literal["idle", "armed", "recording"]
Clock = Callable[[], int]
LATEST_START_S = 30.0
ARMED_S = 60.0
"""A take that was armed and is not started within this time is given up: whoever wanted it is gone."""
POLL_S = 0.1


def monotonic_us() -> int:
    """The host's monotonic clock, by which the arrival of frames is told."""
    return time.monotonic_ns() // 1000


class HostRecorder:
    """Runs this computer's devices and records its part of takes; any thread may call, one call at a time is done.

    A take goes on whoever asked for it: when nobody is connected any more, it ends after the time that was agreed.
    """

    def __init__(
        self,
        name: str,
        devices: Callable[[], Sequence[Device]],
        folder: Path,
        *,
        clock: Clock = monotonic_us,
        limits: RecorderLimits = DEFAULT_LIMITS,
        armed_s: float = ARMED_S,
    ) -> None:
        """`devices` makes the closed devices of this computer; `folder` takes one folder per take."""
        if not NAME.fullmatch(name):
            raise HostError(f"a host cannot be called '{name}'; use letters, digits, - and _")
        self.name, self.folder, self.clock = name, Path(folder), clock
        self._devices, self._limits, self._armed_s = devices, limits, armed_s
        self._lock = threading.RLock()
        self._rig: LiveRig | None = None
        self._recorder: Recorder | None = None
        self._state: HostState = "idle"
        self._session = ""
        self._takes: dict[str, RecordedTake] = {}
        self._ended_because: dict[str, str] = {}
        self._waited_s = 0.0  # between arming and the start of the devices
        self._ender: threading.Thread | None = None
        self._quit = threading.Event()
        self._expiry: threading.Timer | None = None
        self._closed = False

    def describe(self) -> dict[str, Any]:
        """Name, devices with serials and sync roles, streams; opens the devices. Raises CaptureError."""
        with self._lock:
            descriptions = self._opened().descriptions.values()
            return {
                "name": self.name,
                "software": software(),
                "folder": str(self.folder.resolve()),
                "state": self._state,
                "devices": [
                    {"name": d.info.name, "model": d.info.model, "serial": d.info.serial, "sync": d.info.sync}
                    for d in descriptions
                ],
                "streams": [stream.name for d in descriptions for stream in d.streams],
            }

    def part_folder(self, session: str) -> Path:
        """Where this host's part of a take is; hosts may share the folder above."""
        return self.folder / f"{session}.{self.name}"

    def arm(self, session: str, *, subject: str = "", action: str = "") -> None:
        """Opens the devices, makes the part's folder and waits. Raises CaptureError; nothing is left behind then."""
        if not NAME.fullmatch(session):
            raise HostError(f"a session cannot be called '{session}'; use letters, digits, - and _")
        with self._lock:
            self._need("idle", f"record '{session}'")
            rig = self._opened()
            folder = self.part_folder(session)
            recorder = Recorder(
                rig, folder, subject=subject, action=action, host=self.name, id=session, limits=self._limits
            )
            existed = folder.exists()
            try:
                recorder.start()
            except BaseException:
                if not existed:
                    shutil.rmtree(folder, ignore_errors=True)
                raise
            self._recorder, self._session, self._state = recorder, session, "armed"
            self._waited_s = 0.0
            self._expiry = threading.Timer(self._armed_s, self._expire, (recorder,))
            self._expiry.daemon = True
            self._expiry.start()

    def disarm(self, session: str) -> None:
        """Gives up this take if it is armed and was not started; its folder without a frame is removed."""
        with self._lock:
            if self._state == "armed" and session == self._session and self._recorder is not None:
                self._give_up(self._recorder)

    def start(self, session: str, at_us: int, *, at_most_s: float | None = None) -> int:
        """Starts the devices at a moment of this host's clock; when it did. Raises CaptureError.

        `at_most_s`: the take ends by itself after so long, so that it ends also when nobody is there to stop it.
        """
        with self._lock:
            self._need("armed", "start")
            if session != self._session:
                raise HostError(f"{self.name}: '{self._session}' is armed, not '{session}'; arm it again")
            wait_s = 1e-6 * (at_us - self.clock())
            if wait_s > LATEST_START_S:
                raise HostError(
                    f"{self.name}: the start is {wait_s:.0f} s away, at most {LATEST_START_S:.0f}; compare clocks again"
                )
            assert self._rig is not None
            time.sleep(max(0.0, wait_s))
            started_us = self.clock()
            try:
                self._rig.start()
            except CaptureError:
                self._rig.close()  # opened anew for the next take: what refused may have been unplugged
                self._rig = None
                raise
            self._waited_s = self._recorder.status().seconds if self._recorder else 0.0
            self._state = "recording"
            self._expect_no_longer()
            self._quit = threading.Event()
            self._ender = threading.Thread(
                target=self._end_by_itself, args=(session, at_most_s, self._quit), name="take's end", daemon=True
            )
            self._ender.start()
            return started_us

    def status(self) -> dict[str, Any]:
        """State, figures of the take, what is wrong; at once."""
        recorder, rig, session = self._recorder, self._rig, self._session
        found: dict[str, Any] = {"name": self.name, "state": self._state, "session": session}
        if recorder is not None:
            figures = recorder.status()
            found |= _figures(figures.seconds - self._waited_s, figures)
            found["problems"] = [
                *figures.problems,
                *(f"{h.device}: {h.message}" for h in (rig.health() if rig else ()) if h.message),
            ]
        return found

    def stop(self, session: str) -> dict[str, Any]:
        """Ends the take, or says again how it ended. Raises HostError for a take that is not of this run."""
        with self._lock:
            if self._state == "recording" and session == self._session:
                self._end("")
            if session not in self._takes:
                raise HostError(f"{self.name} does not record '{session}'; look into {self.folder} for what is there")
            take = self._takes[session]
            return {
                "name": self.name,
                "session": session,
                "folder": str(self.part_folder(session)),
                **_figures(take.figures.seconds, take.figures),
                "ended_because": self._ended_because[session] or take.figures.stopped_because,
                "streams": {name: asdict(stream) for name, stream in take.figures.streams.items()},
                "lag_p99_s": take.figures.lag_p99_s,
                "events": [asdict(event) for event in take.events],
            }

    def files(self, session: str) -> list[dict[str, Any]]:
        """Files of a part that was recorded here, in this or an earlier run. Raises HostError for one that is not."""
        folder = self.part_folder(session) if NAME.fullmatch(session) else None
        if folder is None or not folder.is_dir():
            raise HostError(f"{self.name} has no recording of '{session}' in {self.folder}")
        if self._state != "idle" and session == self._session:
            raise HostError(f"{self.name} still records '{session}'; stop it first")
        Session.open(folder)
        found = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
        return [{"path": path.relative_to(folder).as_posix(), "bytes": path.stat().st_size} for path in found]

    def close(self) -> None:
        """Ends what is under way and gives the devices back; nothing begins after it."""
        with self._lock:
            self._closed = True
            try:
                if self._state == "recording":
                    self._end("the agent was ended")
                elif self._recorder is not None:
                    self._give_up(self._recorder)
            finally:
                rig, self._rig = self._rig, None
                if rig is not None:
                    rig.close()

    def _give_up(self, recorder: Recorder) -> None:
        self._expect_no_longer()
        self._recorder, self._state = None, "idle"
        if recorder.stop().figures.bytes_written == 0:
            shutil.rmtree(recorder.folder, ignore_errors=True)

    def _expire(self, recorder: Recorder) -> None:
        with self._lock, contextlib.suppress(CaptureError):
            if self._state == "armed" and self._recorder is recorder:
                self._give_up(recorder)

    def _expect_no_longer(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None

    def _opened(self) -> LiveRig:
        if self._closed:
            raise HostError(f"the agent of {self.name} ends; start it again with humanrig host serve")
        if self._rig is not None and self._state == "idle" and any(h.state == "closed" for h in self._rig.health()):
            self._rig.close()  # a device was given up during the last take
            self._rig = None
        if self._rig is None:
            rig = LiveRig(list(self._devices()))
            rig.open()
            self._rig = rig
        return self._rig

    def _end_by_itself(self, session: str, at_most_s: float | None, quit: threading.Event) -> None:
        """Ends the take when its time is over, or when its disk or its devices are at their end."""
        until = None if at_most_s is None else time.monotonic() + at_most_s
        while not quit.wait(POLL_S):
            late = until is not None and time.monotonic() >= until
            recorder, rig = self._recorder, self._rig
            because = recorder.status().stopped_because if recorder else ""
            finished = rig is not None and rig.finished
            if late or because or finished:
                with self._lock:
                    if self._state == "recording" and session == self._session and not quit.is_set():
                        default = "nobody stopped it in time" if late else "no device delivers any more"
                        self._end(because or default)
                return

    def _end(self, because: str) -> None:
        assert self._rig is not None
        assert self._recorder is not None
        self._quit.set()
        self._rig.stop()
        take = self._recorder.stop()
        figures = replace(take.figures, seconds=take.figures.seconds - self._waited_s)
        self._takes[self._session] = replace(take, figures=figures)
        self._ended_because[self._session] = because
        self._recorder, self._state = None, "idle"

    def _need(self, state: HostState, call: str) -> None:
        if self._state != state:
            next_step = {
                "idle": "; arm it first",
                "armed": f" with '{self._session}'; wait a minute: it gives up a take that does not start",
                "recording": f" with '{self._session}'; stop that first",
            }
            raise HostError(f"{self.name} cannot {call}: it is {self._state}{next_step[self._state]}")


def _figures(seconds: float, figures: Any) -> dict[str, Any]:
    return {
        "seconds": seconds,
        "frames": {name: stream.frames for name, stream in figures.streams.items()},
        "lost": figures.lost,
        "bytes": figures.bytes_written,
        "disk_free_bytes": figures.disk_free_bytes,
    }
