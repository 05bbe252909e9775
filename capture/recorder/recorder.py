"""Records one take of a running rig: frames wait in a bounded queue, one thread writes them, another one syncs."""

from __future__ import annotations

import platform
import shutil
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from capture.device import DeviceDescription, DeviceStateError
from capture.device_frames import EncodedFrame
from capture.disk_space import Reserve, is_full
from capture.errors import CaptureError
from capture.mcap_recording import McapWriter
from capture.recorder.disk_room import check_room, expected_rate, free_bytes
from capture.recorder.frame_queue import Arrived, FrameQueue
from capture.recorder.live_rig import LiveRig
from capture.recorder.status import RecordedTake, RecorderLimits, RecorderStatus
from capture.recorder.take_description import (
    ATTACHMENT,
    CAMERAS_ATTACHMENT,
    TakeDescription,
    describe_take,
    stream_channels,
    write_take_cameras,
)
from capture.recorder.take_figures import TakeFigures
from capture.session import INFO_FILE

DEFAULT_LIMITS = RecorderLimits()
WAIT_S = 0.1
FLUSH_S = 0.5
"""A chunk is in the file after this long, however small: a program that is killed loses no more."""
SYNC_S = 1.0
"""From one fsync to the next: what a computer without power loses beside that."""


class Recorder:
    """One take. The rig may run before and after; a preview or anything else may listen beside it."""

    def __init__(
        self,
        rig: LiveRig,
        folder: Path,
        *,
        subject: str = "",
        action: str = "",
        links: Mapping[str, str] | None = None,
        host: str = "",
        id: str | None = None,
        limits: RecorderLimits = DEFAULT_LIMITS,
    ) -> None:
        """Nothing is written before `start`. `host` is this computer's name unless given."""
        self.folder = Path(folder)
        self.limits = limits
        self._rig, self._subject, self._action = rig, subject, action
        self._links, self._id = dict(links or {}), id or self.folder.name
        self.host = _file_name(host or platform.node() or "host")
        self._queue = FrameQueue(seconds=limits.queue_s, capacity=limits.queue_bytes)
        self._writer: McapWriter | None = None
        self._take: TakeDescription | None = None
        self._taken: RecordedTake | None = None
        self._reserve: Reserve | None = None
        self._quit = threading.Event()
        self._ending = threading.Lock()
        self._stopping = threading.Lock()
        self._stopped_because = ""
        self._threads: tuple[threading.Thread, ...] = ()

    def start(self) -> None:
        """Checks the disk, creates the folder and recording/HOST.mcap, and begins to take frames.

        Raises CaptureError when the rig is not open, the folder already holds something, too little fits on the disk,
        or it cannot be written.
        """
        if self._writer is not None:
            raise DeviceStateError(f"{self.folder}: this take was started already; make a new recorder for the next")
        descriptions = self._rig.descriptions
        if not descriptions:
            raise DeviceStateError("the rig is not open; call open() before a take is recorded")
        if self.folder.exists() and (not self.folder.is_dir() or any(self.folder.iterdir())):
            what = "already is a session" if (self.folder / INFO_FILE).exists() else "exists and is not empty"
            raise CaptureError(f"{self.folder} {what}; choose another folder, a take is never overwritten")
        check_room(
            self.folder,
            rate=expected_rate(descriptions),
            least_s=self.limits.least_s,
            reserve_bytes=self.limits.reserve_bytes,
        )
        try:
            self._create(descriptions)
        except BaseException as error:
            self._undo_create()
            if not isinstance(error, OSError):
                raise
            raise CaptureError(
                f"{self.folder} cannot be recorded to ({error.strerror}); choose a folder on a disk with room"
            ) from None
        self._figures = TakeFigures(descriptions)
        self._begun_us = time.monotonic_ns() // 1000
        self._threads = (
            threading.Thread(target=self._write_all, name="recorder writes", daemon=True),
            threading.Thread(target=self._sync_often, name="recorder syncs", daemon=True),
        )
        for thread in self._threads:
            thread.start()
        self._rig.attach(self._accept)

    def status(self) -> RecorderStatus:
        """How the take is doing; from any thread, at any time after `start`."""
        if self._taken is not None:
            return self._taken.figures
        if self._writer is None:
            raise DeviceStateError(f"{self.folder}: nothing is being recorded; call start() first")
        return self._status()

    def stop(self) -> RecordedTake:
        """Writes what waits, closes the file and writes session.toml. May be called twice, also from
        several threads at once: all get the same take.

        Does not raise when the disk is full: the take ends with the frames that are safe, and says so. Raises
        CaptureError when not even session.toml can be written; `repair_session` makes it once there is room.
        """
        with self._stopping:
            return self._taken or self._stop()

    def _stop(self) -> RecordedTake:
        if self._writer is None or self._take is None:
            raise DeviceStateError(f"{self.folder}: nothing is being recorded; call start() first")
        self._rig.detach(self._accept)
        self._queue.end()
        for thread in self._threads:
            thread.join()
        frames = {topic[1:]: count for topic, count in self._writer.counts.items()}
        try:
            session = self._take.write_session(self.folder, frames)
        except OSError as error:
            raise CaptureError(
                f"{self.folder}: session.toml cannot be written ({error.strerror}); make room and repair the session"
            ) from None
        events = tuple(event for event in self._rig.events if event.host_us >= self._begun_us)
        self._taken = RecordedTake(session=session, figures=self._status(), events=events)
        return self._taken

    def _create(self, descriptions: Mapping[str, DeviceDescription]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._reserve = Reserve.of(self.folder)
        file = f"recording/{self.host}.mcap"
        self._take = describe_take(
            descriptions,
            file=file,
            id=self._id,
            subject=self._subject,
            action=self._action,
            links=self._links,
            host=self.host,
        )
        attachments = {ATTACHMENT: self._take.encode()}
        if any(d.cameras for d in descriptions.values()):
            attachments[CAMERAS_ATTACHMENT] = write_take_cameras(self.folder, descriptions)
        for description in descriptions.values():
            attachments.update(description.attachments)
        self._writer = McapWriter(self.folder / file, attachments, syncs=False)
        for description in descriptions.values():
            for topic, (encoding, metadata) in stream_channels(description).items():
                self._writer.add_stream(topic, encoding, metadata)
        self._writer.flush()  # a take that is killed at once has its streams
        self._writer.sync()

    def _undo_create(self) -> None:
        """The folder was empty: what is in it is ours."""
        if self._writer is not None:
            self._writer.abandon()
            self._writer = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def _status(self) -> RecorderStatus:
        try:
            free = free_bytes(self.folder)
        except OSError:
            free = 0  # the disk has gone: the syncing thread ends the take for it
        return self._figures.status(self._queue.figures(), self.limits, free, self._stopped_because)

    def _accept(self, frame: EncodedFrame) -> None:
        """The sink: on the devices' threads."""
        wrong = self._figures.arrived(frame)
        if wrong:
            if self._figures.is_first_refusal(frame.stream):
                self._rig.note(frame.stream.rsplit("/", 1)[0], f"{frame.stream} sent {wrong}; such frames are left out")
        elif self._queue.put(frame):
            self._figures.accepted(frame)
        elif not self._queue.closing:
            self._figures.overflowed(frame)

    def _write_all(self) -> None:
        """The writing thread: until the queue has ended, then the index."""
        assert self._writer is not None
        gathered: list[Arrived] = []
        try:
            while not self._queue.ended:
                for arrived in self._queue.take(WAIT_S):
                    frame, size = arrived[1], self._writer.size
                    gathered.append(arrived)
                    self._writer.write(f"/{frame.stream}", frame.data, device_us=frame.device_us, host_us=frame.host_us)
                    if self._writer.size > size:  # a chunk was full and is in the file
                        gathered = self._figures.wrote(gathered)
                if gathered and time.monotonic() - gathered[0][0] > FLUSH_S:
                    self._writer.flush()
                    gathered = self._figures.wrote(gathered)
            self._writer.flush()
            self._figures.wrote(gathered)
        except Exception as error:  # a full disk; anything else must not leave a take that nobody ends
            self._end_because(_reason(error))
        finally:
            self._queue.end()
            self._queue.drop_all()  # nothing, unless the disk is full
            self._quit.set()
            self._threads[1].join()
            self._finish()
            self._figures.end({topic[1:]: count for topic, count in self._writer.counts.items()})

    def _finish(self) -> None:
        """Closes the file: with what waits in memory and the index if there is room, else as it is."""
        assert self._writer is not None
        if self._reserve is not None:
            try:
                self._reserve.free()
            except OSError as error:
                self._rig.note("", f"{self._reserve.path} cannot be removed ({error.strerror}); remove it by hand")
        for with_chunk in (True, False):
            if not with_chunk and (lost := self._writer.discard()):
                self._rig.note("", f"the last {lost} frames did not fit on the disk any more")
            try:
                self._writer.finish()
                return
            except Exception as error:
                self._end_because(_reason(error))
        self._writer.abandon()
        self._rig.note("", "the recording has no index: there is no room for it; its frames can be read all the same")

    def _sync_often(self) -> None:
        """The syncing thread: an fsync every second, and a look at the disk."""
        assert self._writer is not None
        while not self._quit.wait(SYNC_S):
            begun_s = time.monotonic()
            try:
                self._writer.sync()
                self._figures.sync_s = time.monotonic() - begun_s
                free = free_bytes(self.folder)
            except Exception as error:
                self._end_because(_reason(error))
                return
            if free < self.limits.reserve_bytes:
                self._end_because(f"only {free / 1e9:.2f} GB are left on the disk; what was recorded is whole")
                return

    def _end_because(self, reason: str) -> None:
        """Takes no further frame; those that wait are still written."""
        with self._ending:
            if self._stopped_because:
                return
            self._stopped_because = reason
        self._rig.note("", f"the recording ended: {reason}")
        self._rig.detach(self._accept)
        self._queue.end()


def _reason(error: Exception) -> str:
    if not isinstance(error, OSError):
        return f"the recorder failed ({error!r}); report this"
    return "the disk is full" if is_full(error) else f"the disk cannot be written ({error.strerror})"


def _file_name(host: str) -> str:
    kept = "".join(c if c.isalnum() or c in "-_" else "_" for c in host.split(".")[0])
    return kept or "host"
