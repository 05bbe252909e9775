"""What a page or a terminal may ask of a running rig: its state, the next action, start and stop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    from capture.recorder.recorder import RecorderStatus

ControlState = Literal["idle", "countdown", "recording", "stopping"]
"""`idle`: nothing is recorded, `start` begins. `stopping`: the last frames are written; both calls are refused."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TakeVerdict:
    """What is said of a take once it is over."""

    keep: bool
    """False: repeat it."""
    lines: tuple[str, ...]
    """Why, ten lines (one more where they could not be written to the disk); the first one says the most important."""
    session: str = ""
    """The take's folder name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RigStatus:
    """The rig at one moment; asked for a few times a second."""

    state: ControlState
    session: str
    """Name of the take that is recorded, or of the next one."""
    subject: str = ""
    action: str = ""
    """Id of the action of this take, or of the next one."""
    prompt: str = ""
    """What the person is to do in this take (or the next one, while idle), in words to be read aloud."""
    next_prompt: str = ""
    """What comes after this take; empty when nothing is planned."""
    countdown_s: float = 0.0
    """Until recording begins; 0 unless `state` is `countdown`."""
    seconds: float = 0.0
    """Recorded so far; 0 while idle."""
    planned_s: float | None = None
    """When the take stops by itself; None: when somebody stops it."""
    disk_free_bytes: int | None = None
    disk_left_s: float | None = None
    """How long the disk lasts at the present or expected rate; None when unknown."""
    problems: tuple[str, ...] = ()
    """What is wrong now, a sentence each, the worst first. Not the devices' own messages: those are in their health."""
    verdict: TakeVerdict | None = None
    """Of the last take; None before the first."""
    recorder: RecorderStatus | None = None
    """The recorder's own figures while it records."""


@runtime_checkable
class RigControl(Protocol):
    """Starts and stops takes. Every method may be called from any thread and returns at once (within 50 ms)."""

    def status(self) -> RigStatus:
        """The rig now."""
        ...

    def start(self) -> None:
        """Begins the countdown, or the take where there is none. Raises CaptureError or HumanrigError, in a sentence,
        when it is not idle or cannot record (a full disk, a session that exists)."""
        ...

    def stop(self) -> None:
        """Ends the take, or the countdown before it, in the background. Does nothing when idle or stopping."""
        ...
