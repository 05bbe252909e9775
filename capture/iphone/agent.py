"""The reference agent: plays the phone of a session to a rig in real time, exactly as an app on a phone would.

It has a clock of its own, keeps frames until they are acknowledged, connects again when the link breaks, and can be
told to misbehave (`LinkFaults`).
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import numpy as np

from capture.errors import CaptureError
from capture.iphone.frame_message import encode_frame
from capture.iphone.outbox import KEPT_BYTES, Outbox
from capture.iphone.pairing import PairingAddress
from capture.iphone.protocol import (
    MAX_FRAME_BYTES,
    Ack,
    Discard,
    FromPhone,
    Ping,
    Pong,
    Refusal,
    Sending,
    Start,
    Stop,
    Stopped,
    Sync,
    Welcome,
    from_rig,
    to_text,
)
from capture.iphone.recorded_phone import RecordedPhone
from capture.iphone.simulated_wifi import PhoneClock, WifiDelays

RETRY_S = 0.25
SOONEST_S = 0.001


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkFaults:
    """What goes wrong on purpose."""

    cut_after: tuple[int, ...] = ()
    """The link is cut, without a goodbye, after this many frames sent over all connections."""
    down_s: float = RETRY_S
    """How long a cut link stays down."""
    deaf: bool = False
    """Ignores acknowledgements and the number from which to go on: sends everything again after a cut."""
    freeze_after: int | None = None
    """After this many frames it neither reads nor writes any more, the connection stays open."""
    freeze_s: float = 1e9
    delays: WifiDelays | None = None
    """Of pings and pongs."""
    seed: int = 0


@dataclass(kw_only=True, slots=True)
class AgentRecord:
    """What an agent did."""

    frames: list[tuple[int, int, float, int]] = field(default_factory=list)
    """Take, number, timestamp in seconds and index in the recording of every frame."""
    sent: int = 0
    """Frames sent, repeated ones too."""
    dropped: int = 0
    connections: int = 0
    takes: int = 0
    """Takes that the rig ended."""


def run_agent(
    url: str,
    folder: Path,
    *,
    device: str = "",
    token: str = "",
    serial: str = "",
    clock: PhoneClock | None = None,
    faults: LinkFaults | None = None,
    loop: bool = False,
    takes: int | None = None,
    kept_bytes: int = KEPT_BYTES,
    quit: threading.Event | None = None,
    log: Callable[[str], None] = lambda text: None,
    record: AgentRecord | None = None,
) -> AgentRecord:
    """Plays a session's phone to the rig at a pairing URL until `quit` is set or the rig has ended `takes` takes.

    Each take plays the recording from its beginning, over and over with `loop`. Raises CaptureError when the session
    has no phone, the address is not one, or the rig refuses the phone.
    """
    address = PairingAddress.parse(url)
    agent = _Agent(
        RecordedPhone(folder, device),
        address,
        token=token or address.token,
        serial=serial,
        clock=clock or PhoneClock(),
        faults=faults or LinkFaults(),
        loop=loop,
        takes=takes,
        kept_bytes=kept_bytes,
        quit=quit or threading.Event(),
        log=log,
        record=record if record is not None else AgentRecord(),
    )
    asyncio.run(agent.run())
    return agent.record


@dataclass(kw_only=True, slots=True)
class _Playing:
    outbox: Outbox
    begun_us: int
    index: int = 0
    stopping: bool = False


class _Agent:
    def __init__(
        self, phone: RecordedPhone, address: PairingAddress, *, token: str, serial: str, clock: PhoneClock,
        faults: LinkFaults, loop: bool, takes: int | None, kept_bytes: int, quit: threading.Event,
        log: Callable[[str], None], record: AgentRecord,
    ) -> None:  # fmt: skip
        self.record = record
        self._phone, self._address, self._clock, self._faults, self._loop = phone, address, clock, faults, loop
        self._takes, self._kept_bytes, self._quit, self._log = takes, kept_bytes, quit, log
        self._hello = phone.hello(serial=serial, run=secrets.token_hex(8), token=token)
        self._rng = np.random.default_rng(faults.seed)
        self._playing: _Playing | None = None
        self._news = asyncio.Event()
        self._cut = False
        self._rewound: Sending | None = None
        """What to say before the next frame."""
        self._sends = False
        """Whether the rig has asked for frames on this connection."""
        self._frozen_until_s = 0.0
        self._told = False
        """Whether it was said that the rig cannot be reached."""
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        capture = asyncio.create_task(self._capture())
        try:
            async with aiohttp.ClientSession() as session:
                while not self._done():
                    self._cut = False
                    await self._thaw()
                    try:
                        url, trust = self._address.websocket, self._trust()
                        async with session.ws_connect(
                            url, max_msg_size=MAX_FRAME_BYTES, heartbeat=5.0, ssl=trust
                        ) as socket:
                            self.record.connections += 1
                            await self._talk(socket)
                    except aiohttp.ServerFingerprintMismatch:
                        raise CaptureError(
                            f"{self._address.host} shows another certificate than the pairing address names; pair again"
                        ) from None
                    except (aiohttp.ClientError, OSError, TimeoutError):
                        if not self._told:
                            self._log(
                                f"nobody answers at {self._address.websocket}; trying again until somebody does, "
                                "Ctrl-C or --seconds ends it"
                            )
                        self._told = True
                    if not self._done():
                        await asyncio.sleep(self._faults.down_s if self._cut else RETRY_S)
        finally:
            capture.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await capture

    def _done(self) -> bool:
        return self._quit.is_set() or (self._takes is not None and self.record.takes >= self._takes)

    def _trust(self) -> aiohttp.Fingerprint | bool:
        """The pinned certificate, or the usual check."""
        if self._address.fingerprint:
            try:
                return aiohttp.Fingerprint(bytes.fromhex(self._address.fingerprint))
            except ValueError:
                raise CaptureError("the fingerprint in the pairing address is not SHA-256; copy it again") from None
        return True

    async def _capture(self) -> None:
        """Exposes frames when they are due, connected or not."""
        times = self._phone.times_us
        period_us = times[-1] + (times[-1] // max(len(times) - 1, 1) or 33_333)
        while True:
            playing = self._playing
            if playing is None or playing.stopping or (playing.index >= len(times) and not self._loop):
                await asyncio.sleep(0.005)
                continue
            lap, index = divmod(playing.index, len(times))
            exposed_us = playing.begun_us + lap * period_us + times[index]
            wait_s = 1e-6 * exposed_us - time.monotonic()
            if wait_s > SOONEST_S:
                await asyncio.sleep(min(wait_s, 0.02))
                continue
            self._expose(playing, index, exposed_us)
            await asyncio.sleep(0)

    def _expose(self, playing: _Playing, index: int, exposed_us: int) -> None:
        outbox, frame = playing.outbox, self._phone.frame(index)
        number, timestamp_s = outbox.take_number(), 1e-6 * round(self._clock.phone_us(float(exposed_us)))
        playing.index += 1
        message = frame.message
        data = encode_frame(
            take=outbox.take,
            number=number,
            timestamp_s=timestamp_s,
            color=frame.color,
            depth=None if frame.depth is None else ("dzp", frame.depth),
            confidence=message.confidence if message is not None and frame.depth is not None else None,
            K=message.K if message is not None else None,
            T_arkit_camera=message.T_arkit_camera if message is not None else None,
        )
        dropped = outbox.dropped
        outbox.keep(number, data)
        self.record.dropped += outbox.dropped - dropped
        self.record.frames.append((outbox.take, number, timestamp_s, index))
        self._news.set()

    async def _talk(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        await socket.send_str(to_text(self._hello))
        answer = await socket.receive(timeout=10.0)
        welcome = from_rig(answer.data) if answer.type == aiohttp.WSMsgType.TEXT else None
        if isinstance(welcome, Refusal):
            raise CaptureError(f"the rig refuses this phone: {welcome.text}")
        if not isinstance(welcome, Welcome):
            return
        self._log(f"connected to {welcome.host}")
        self._rewound, self._sends, self._told = None, False, False
        tasks = [
            asyncio.create_task(self._read(socket)),
            asyncio.create_task(self._send_frames(socket)),
            asyncio.create_task(self._ping(socket, welcome.ping_every_ms / 1000)),
            asyncio.create_task(self._until_done()),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (*tasks, *self._tasks):
                task.cancel()
            for result in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(result, CaptureError):
                    raise result

    async def _until_done(self) -> None:
        while not self._done():
            await asyncio.sleep(0.05)

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        while True:
            await self._thaw()
            raw = await socket.receive()
            if raw.type != aiohttp.WSMsgType.TEXT:
                return
            received_us = self._now_us()
            message = from_rig(raw.data)
            playing = self._playing
            if isinstance(message, Pong):
                self._later(self._answer(socket, message, received_us))
            elif isinstance(message, Ack) and not self._faults.deaf:
                if playing is not None and playing.outbox.take == message.take:
                    playing.outbox.acknowledge(message.next)
            elif isinstance(message, Start | Stop):
                self._obey(message)
            elif isinstance(message, Discard):
                self._playing = None
            elif isinstance(message, Refusal):
                self._log(f"the rig says: {message.text}")
            self._news.set()

    def _obey(self, message: Start | Stop) -> None:
        playing = self._playing
        if playing is None or playing.outbox.take != message.take:
            outbox = Outbox(message.take, message.next, self._kept_bytes)
            playing = self._playing = _Playing(outbox=outbox, begun_us=time.monotonic_ns() // 1000)
            self._log(f"take {message.take:x} starts")
        if isinstance(message, Start) or not self._sends:
            first = 0 if self._faults.deaf else message.next
            playing.outbox.acknowledge(first)
            playing.outbox.rewind(first)
            self._rewound, self._sends = Sending(take=message.take, next=first), True
        playing.stopping = isinstance(message, Stop)

    async def _send_frames(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        told: int | None = None
        while True:
            await self._thaw()
            playing, rewound = self._playing, self._rewound
            if rewound is not None:
                self._rewound = None
                await socket.send_str(to_text(rewound))
                continue
            data = playing.outbox.next_unsent() if playing is not None and self._sends else None
            if data is not None:
                await socket.send_bytes(data)
                self.record.sent += 1
                if self.record.sent in self._faults.cut_after:
                    self._cut_off(socket)
                    return
                if self.record.sent == self._faults.freeze_after:
                    self._frozen_until_s = time.monotonic() + self._faults.freeze_s
            elif playing is not None and self._sends and playing.stopping and told != playing.outbox.take:
                told = playing.outbox.take
                await socket.send_str(to_text(Stopped(take=told, frames=playing.outbox.numbered)))
                self.record.takes += 1
                self._log(f"take {told:x} ends with {playing.outbox.numbered} frames")
            else:
                self._news.clear()
                await self._news.wait()

    async def _ping(self, socket: aiohttp.ClientWebSocketResponse, every_s: float) -> None:
        while True:
            await self._thaw()
            ping = Ping(t0=self._now_us())
            delays = self._faults.delays
            self._later(self._send_late(socket, ping, 1e-6 * float(delays.up_us(self._rng)[0]) if delays else 0.0))
            await asyncio.sleep(every_s)

    async def _answer(self, socket: aiohttp.ClientWebSocketResponse, pong: Pong, received_us: float) -> None:
        if self._faults.delays is not None:
            await asyncio.sleep(1e-6 * float(self._faults.delays.down_us(self._rng)[0]))
            received_us = self._now_us()
        await self._send_late(socket, Sync(t0=pong.t0, t1=pong.t1, t2=pong.t2, t3=received_us), 0.0)

    async def _send_late(self, socket: aiohttp.ClientWebSocketResponse, message: FromPhone, delay_s: float) -> None:
        if delay_s:
            await asyncio.sleep(delay_s)
        with contextlib.suppress(ConnectionError, RuntimeError):
            await socket.send_str(to_text(message))

    def _later(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _thaw(self) -> None:
        while time.monotonic() < self._frozen_until_s and not self._done():
            await asyncio.sleep(0.02)

    def _cut_off(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._cut = True
        connection = socket._conn
        if connection is not None and connection.transport is not None:
            connection.transport.abort()

    def _now_us(self) -> float:
        return float(round(self._clock.phone_us(time.monotonic_ns() / 1000)))
