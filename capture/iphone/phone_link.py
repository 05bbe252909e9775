"""One phone as the rig knows it, connected at the moment or not: its take, its next frame, its clock, its counts.

The server's thread tells it what arrives, a driver's thread begins and ends takes. Whatever happens to the connection,
each frame is handed over once and in order: the rig alone decides from which number the phone sends on.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from capture.iphone.clock_sync import Exchange
from capture.iphone.clock_tracker import ClockQuality, ClockTracker
from capture.iphone.frame_message import FrameHeader, PhoneFrame
from capture.iphone.protocol import (
    Ack,
    Discard,
    FromRig,
    Hello,
    PhoneStream,
    ProtocolError,
    Sending,
    Start,
    Stop,
    Stopped,
    is_plain,
)

HOLD_S = 60.0
"""A take that a failed device held can be taken up again for this long: once it is opened again it goes on."""
LARGEST_GAP = 100_000

Send = Callable[[FromRig], None]
"""Hands a message to a connection; may be called from any thread and returns at once."""


@runtime_checkable
class PhoneSink(Protocol):
    """Who takes a phone's frames; called on the server's thread, returns at once."""

    def phone_frame(self, frame: PhoneFrame, host_us: int) -> bool:
        """A frame, in order and once. False: not taken, the phone shall keep it."""
        ...

    def phone_exchange(self, exchange: Exchange) -> None:
        """A clock exchange."""


@dataclass(kw_only=True, slots=True)
class _Take:
    id: int
    next: int = 0
    last_timestamp_s: float = -1.0
    stopping: bool = False
    finished: bool = False
    held_until_s: float | None = None
    """Held by a device that failed; None while it runs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PhoneStatus:
    """A phone for people and programs."""

    serial: str
    model: str
    app: str
    camera: str
    streams: tuple[PhoneStream, ...]
    connected: bool
    silent_s: float
    """Since anything came from it."""
    recording: bool
    frames: int
    """Frames handed over since the server began."""
    duplicates: int
    """Frames that came again after a broken link, and were thrown away."""
    broken_links: int
    bad_messages: int
    problem: str
    """What the app reported of itself."""
    clock: ClockQuality
    owner: str
    """The rig's device that uses it; empty: nobody does."""


class PhoneLink:
    """State of one phone. All methods may be called from any thread."""

    def __init__(self, hello: Hello) -> None:
        """A phone that has said hello and is not connected yet."""
        self.serial = hello.serial
        self.owner = ""
        self.short = 0
        """Frames that the phone numbered at the end of the last take and did not send."""
        self._changed = threading.Condition()  # of a lock that its holder may take again
        self._hello = hello
        self._send: Send | None = None
        self._take: _Take | None = None
        self._accepts = False
        """Whether the phone has answered the last start: frames that were under way before it would leave gaps."""
        self._sink: PhoneSink | None = None
        self._clock = ClockTracker()
        self._frames = self._duplicates = self._broken = self._bad = self._unsent = 0
        self._problem = ""
        self._heard_s = self._broken_s = time.monotonic()

    # The server's side

    def connect(self, hello: Hello, send: Send) -> None:
        """A new connection of this phone stands; tells it how a take goes on. Raises ProtocolError."""
        with self._changed:
            if self.owner and hello.streams != self._hello.streams:
                raise ProtocolError(
                    f"phone {self.serial} changed its streams while {self.owner} uses it; stop the rig, then reconnect"
                )
            take = self._take
            if hello.run != self._hello.run:
                self._clock = ClockTracker()
                if take is not None:  # what the app before had kept is gone: leave a gap for it
                    color = hello.stream("color")
                    silent = time.monotonic() - self._heard_s
                    take.next += 1 + int(silent * (color.rate_hz if color else 0))
                    take.last_timestamp_s = -1.0
            self._hello, self._send, self._problem, self._accepts = hello, send, "", False
            self._heard_s = time.monotonic()
            if take is not None and take.held_until_s is None:
                send(Stop(take=take.id, next=take.next) if take.stopping else Start(take=take.id, next=take.next))
            elif take is None:
                send(Discard())
            self._changed.notify_all()

    def disconnect(self, send: Send) -> None:
        """That connection is gone."""
        with self._changed:
            if self._send == send:
                self._send, self._broken_s = None, time.monotonic()
                self._broken += 1
                self._changed.notify_all()

    def expects(self, header: FrameHeader | PhoneFrame) -> tuple[bool, Ack | Discard | None]:
        """Whether the frame of this header is to be decoded, and if not, what the phone should hear of it.

        Raises ProtocolError for a number that leaps and a time that goes back.
        """
        with self._changed:
            self._heard_s = time.monotonic()
            take = self._take
            if take is None:
                self._unsent += 1
                return False, Discard()
            if not self._accepts or take.held_until_s is not None or header.take != take.id:
                return False, None
            if header.number < take.next:
                self._duplicates += 1
                return False, Ack(take=take.id, next=take.next)
            if header.number - take.next > LARGEST_GAP:
                raise ProtocolError(f"frame {header.number} came where {take.next} was due; numbers rise one by one")
            if header.timestamp_s <= take.last_timestamp_s:
                before = take.last_timestamp_s
                raise ProtocolError(
                    f"frame {header.number} is of {header.timestamp_s:.6f} s, after {before:.6f} s; go on"
                )
            return True, None

    def receive(self, frame: PhoneFrame, host_us: int) -> Ack | Discard | None:
        """Takes a frame and says what the phone should hear of it. Raises ProtocolError as `expects` does."""
        with self._changed:
            expected, answer = self.expects(frame)
            take = self._take
            if not expected or take is None:
                return answer
            if self._sink is None or not self._sink.phone_frame(frame, host_us):
                return None
            take.next, take.last_timestamp_s = frame.number + 1, frame.timestamp_s
            self._frames += 1
            return Ack(take=take.id, next=take.next)

    def exchange(self, exchange: Exchange) -> None:
        """Takes a clock exchange. Raises CaptureError when its times are impossible."""
        with self._changed:
            self._heard_s = time.monotonic()
            self._clock.add(exchange)
            if self._sink is not None:
                self._sink.phone_exchange(exchange)

    def sending(self, message: Sending) -> None:
        """The phone has gone to the number that it was told; its frames count from here on."""
        with self._changed:
            self._accepts = self._take is not None and self._take.id == message.take

    def stopped(self, message: Stopped) -> None:
        """The phone says that it has sent all."""
        with self._changed:
            if self._take is not None and self._take.id == message.take and self._take.stopping:
                self._take.finished = True
                self.short = max(0, message.frames - self._take.next)
                self._changed.notify_all()

    def heard(self) -> None:
        """Something came from the phone."""
        self._heard_s = time.monotonic()

    def report(self, problem: str) -> None:
        """What the app says of itself; empty: all is well."""
        self._problem = " ".join("".join(c if is_plain(c) else " " for c in problem).split())

    def count_bad(self) -> None:
        """One more message that the protocol does not allow."""
        self._bad += 1

    def tick(self) -> None:
        """Lets go of a take that nobody took up again."""
        with self._changed:
            self._let_go_of_old()

    # The driver's side

    @property
    def hello(self) -> Hello:
        """What it last said of itself."""
        return self._hello

    @property
    def connected(self) -> bool:
        """Whether a connection stands."""
        return self._send is not None

    @property
    def broken_s(self) -> float:
        """How long its link has been broken; 0 while it stands."""
        return 0.0 if self.connected else time.monotonic() - self._broken_s

    @property
    def problem(self) -> str:
        """What the app last reported of itself."""
        return self._problem

    @property
    def minima(self) -> tuple[Exchange, ...]:
        """The best clock exchange of every window so far."""
        return self._clock.minima

    def begin(self, sink: PhoneSink) -> None:
        """Starts a take, or takes up again the one that a failed device held; frames go to the sink."""
        with self._changed:
            self._let_go_of_old()
            if self._take is None or self._take.held_until_s is None:
                self._take = _Take(id=secrets.randbits(48))
            take = self._take
            take.held_until_s, self._sink, self.short, self._accepts = None, sink, 0, False
            if self._send is not None:
                self._send(Start(take=take.id, next=take.next))

    def end(self, drain_s: float, *, hold: bool = False) -> bool:
        """Ends the take: waits until the phone has sent what it kept, over a new connection if it must.

        False: it did not within the time; what it still has is discarded. Asked to hold, as for a device that failed
        and will be opened again, it does not wait, and the take can be taken up again for HOLD_S.
        """
        with self._changed:
            take = self._take
            if take is None:
                return True
            if hold:
                take.held_until_s, self._sink = time.monotonic() + HOLD_S, None
                return False
            take.stopping = True
            if self._send is not None:
                self._send(Stop(take=take.id, next=take.next))
            self._changed.wait_for(lambda: take.finished, drain_s)
            self._sink = None
            self._let_go()
            return take.finished

    def wait_connected(self, timeout_s: float) -> bool:
        """Whether a connection stands, at the latest after the timeout."""
        with self._changed:
            return self._changed.wait_for(lambda: self.connected, timeout_s)

    def status(self) -> PhoneStatus:
        """How it is doing."""
        with self._changed:
            hello, take = self._hello, self._take
            return PhoneStatus(
                serial=self.serial,
                model=hello.model,
                app=hello.app,
                camera=hello.camera,
                streams=tuple(hello.streams),
                connected=self.connected,
                silent_s=time.monotonic() - self._heard_s,
                recording=take is not None and take.held_until_s is None,
                frames=self._frames,
                duplicates=self._duplicates,
                broken_links=self._broken,
                bad_messages=self._bad,
                problem=self._problem,
                clock=self._clock.quality(),
                owner=self.owner,
            )

    def _let_go_of_old(self) -> None:
        """Lets go of a take that nobody took up again in time."""
        take = self._take
        if take is not None and take.held_until_s is not None and time.monotonic() > take.held_until_s:
            self._let_go()

    def _let_go(self) -> None:
        self._take = None
        if self._send is not None:
            self._send(Discard())
