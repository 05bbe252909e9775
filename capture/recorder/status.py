"""What a recorder says of itself while it runs, and of a take when it has ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from capture.errors import CaptureError
from capture.recorder.rig_events import RigEvent
from capture.session import Session


@dataclass(frozen=True, kw_only=True, slots=True)
class RecorderLimits:
    """How much a recorder may hold in memory and must leave on the disk."""

    queue_s: float = 5.0
    """Frames that wait may be this old: what waits is lost with a program that is killed."""
    queue_bytes: int = 768 * 2**20
    """5 s of ten Kinects at 400 kB + 140 kB."""
    least_s: float = 60.0
    """A take begins only when at least this many seconds of it fit on the disk."""
    reserve_bytes: int = 512 * 2**20
    """The take ends by itself when no more than this is free: room for what waits in memory and for the index."""

    def __post_init__(self) -> None:
        """Raises CaptureError on a limit that is not positive."""
        if min(self.queue_s, self.queue_bytes) <= 0 or min(self.least_s, self.reserve_bytes) < 0:
            raise CaptureError(f"{self}: queue limits must be above 0, the others not below; correct them")


@dataclass(frozen=True, kw_only=True, slots=True)
class StreamStatus:
    """One stream of a take so far."""

    frames: int = 0
    """Written."""
    dropped: int = 0
    """Lost before they reached the recorder: gaps in the device's own numbering."""
    overflowed: int = 0
    """Lost because the recorder's queue was full."""
    refused: int = 0
    """Not written because they are not what the device said it sends (another size, damaged)."""
    bytes: int = 0
    last_age_s: float | None = None
    """Time since the last frame arrived; None before the first."""

    @property
    def lost(self) -> int:
        """All frames that the take lacks."""
        return self.dropped + self.overflowed + self.refused


@dataclass(frozen=True, kw_only=True, slots=True)
class RecorderStatus:
    """A recorder at one moment."""

    seconds: float
    """Since its start, or how long the take was."""
    streams: Mapping[str, StreamStatus]
    """Of the session, then those that a device sent without having announced them: all their frames are refused."""
    queue_frames: int
    queue_bytes: int
    queue_s: float
    """Age of the oldest frame that waits: so much a kill would lose, beside half a second of the chunk."""
    queue_share: float
    """How full the queue is, 0 to 1, by bytes or by seconds; 1 means that frames are being lost."""
    bytes_written: int
    mb_per_s: float
    """Over the last seconds; 0 before the first were measured."""
    lag_s: float
    """Of the last frame: from its arrival at the host to the file."""
    lag_p99_s: float
    """Of 99 % of the take's frames."""
    sync_s: float
    """How long the last fsync took; it runs beside the writing."""
    disk_free_bytes: int
    disk_s: float
    """Seconds of recording until the take ends itself, at the present rate; infinity before there is one."""
    problems: tuple[str, ...] = ()
    """What is wrong at this moment, a sentence each."""
    stopped_because: str = ""
    """Why it ended by itself; empty while it runs and after `stop()`."""

    @property
    def lost(self) -> int:
        """Frames of all streams that the take lacks."""
        return sum(stream.lost for stream in self.streams.values())


@dataclass(frozen=True, kw_only=True)
class RecordedTake:
    """A take that has ended."""

    session: Session
    figures: RecorderStatus
    """At its end; nothing waits any more."""
    events: tuple[RigEvent, ...]
    """What happened to devices and to the recording during it."""
