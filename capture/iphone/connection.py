"""One WebSocket of one phone on the server's side: hello, pings, frames, and what happens to those who misbehave.

A client can slow down only itself: what it sends is read one message at a time at a bounded pace, what it does not read
fills a short queue and then ends its connection, and every message is bounded before it is looked at.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

from aiohttp import WebSocketError, WSCloseCode, WSMsgType, web

from capture.errors import CaptureError
from capture.iphone.clock_sync import Exchange
from capture.iphone.frame_message import decode_parts, read_header
from capture.iphone.phone_link import PhoneLink
from capture.iphone.protocol import (
    MAX_TEXT_BYTES,
    Ack,
    FromRig,
    Hello,
    Ping,
    Pong,
    Problem,
    ProtocolError,
    Refusal,
    Sending,
    Stopped,
    Sync,
    Welcome,
    from_phone,
    to_text,
)
from capture.page_requests import same_token

HELLO_S = 5.0
OUTGOING = 256
"""Messages that wait for a phone that does not read; some 5 s of pongs and acknowledgements."""
MESSAGES_PER_S, BURST = 500.0, 500.0
"""60 frames, 20 pings and 20 syncs a second are 100; the rest is for catching up after a broken link."""
MAX_BAD = 50
ACK_EVERY = 6


def host_us() -> int:
    """The host's monotonic clock, microseconds."""
    return time.monotonic_ns() // 1000


class Connection:
    """Serves one WebSocket until it ends."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        *,
        token: str,
        host: str,
        find_link: Callable[[Hello], PhoneLink],
        count_bad: Callable[[], None],
        silence_s: float,
        ping_every_ms: int,
        log: Callable[[str], None],
    ) -> None:
        """`find_link` gives the state of the phone that says hello, or raises CaptureError."""
        self._socket, self._token, self._host = socket, token, host
        self._find_link, self._count_bad, self._silence_s, self._log = find_link, count_bad, silence_s, log
        self._ping_every_ms = ping_every_ms
        self._loop = asyncio.get_running_loop()
        self._outgoing: asyncio.Queue[FromRig | None] = asyncio.Queue(OUTGOING)
        self._link: PhoneLink | None = None
        self._bad = 0
        self._budget, self._refilled_s = BURST, time.monotonic()
        self._unacknowledged = 0
        self._ack: Ack | None = None

    @property
    def phone(self) -> PhoneLink | None:
        """The phone that said hello here."""
        return self._link

    async def run(self) -> None:
        """From hello to the end of the connection."""
        writer = asyncio.create_task(self._write())
        try:
            link = await self._greet()
            if link is not None:
                await self._read(link)
        finally:
            if self._link is not None:
                self._link.disconnect(self._send)
            with contextlib.suppress(asyncio.QueueFull):
                self._outgoing.put_nowait(None)
            with contextlib.suppress(Exception):
                await asyncio.wait_for(writer, 1.0)
            await self._socket.close()

    async def close(self, reason: str) -> None:
        """Ends it, as when the same phone has connected anew."""
        with contextlib.suppress(Exception):
            await asyncio.wait_for(self._socket.close(code=WSCloseCode.GOING_AWAY, message=reason.encode()[:120]), 2.0)

    async def _greet(self) -> PhoneLink | None:
        try:
            first = await self._socket.receive(timeout=HELLO_S)
            if first.type != WSMsgType.TEXT:
                raise ProtocolError("the first message must be hello; see docs/phone.md")
            hello = from_phone(first.data)
            if not isinstance(hello, Hello):
                raise ProtocolError("the first message must be hello; see docs/phone.md")
            if self._token and not same_token(hello.token, self._token):
                raise ProtocolError("the pairing token is missing or wrong; scan the pairing address of the rig again")
            link = self._find_link(hello)
            self._link = link
            self._send(Welcome(host=self._host, ping_every_ms=self._ping_every_ms))
            link.connect(hello, self._send)
        except TimeoutError:
            self._count_bad()
            return None
        except CaptureError as error:
            self._count_bad()
            self._log(str(error))
            self._send(Refusal(text=str(error)))
            return None
        return link

    async def _read(self, link: PhoneLink) -> None:
        while True:
            try:
                message = await self._socket.receive(timeout=self._silence_s)
            except TimeoutError:
                self._log(f"nothing came from phone {link.serial} for {self._silence_s:.1f} s; its link is broken")
                return
            if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED):
                return
            if message.type == WSMsgType.ERROR:
                if isinstance(message.data, WebSocketError):  # too long, or not WebSocket at all
                    link.count_bad()
                    self._count_bad()
                    self._log(f"phone {link.serial} was cut off: {message.data}")
                return
            received_us = host_us()
            try:
                if message.type == WSMsgType.TEXT:
                    self._control(link, message.data, received_us)
                elif message.type == WSMsgType.BINARY:
                    self._frame(link, message.data, received_us)
            except CaptureError as error:
                self._bad += 1
                link.count_bad()
                self._count_bad()
                self._send(Refusal(text=str(error)))
                if self._bad >= MAX_BAD:
                    self._log(f"phone {link.serial} sent {MAX_BAD} bad messages and was cut off: {error}")
                    return
            await self._pace()

    def _control(self, link: PhoneLink, text: str, received_us: int) -> None:
        if len(text) > MAX_TEXT_BYTES:
            raise ProtocolError(f"a text message of {len(text)} characters is too long; {MAX_TEXT_BYTES} are allowed")
        message = from_phone(text)
        if isinstance(message, Ping):
            link.heard()
            self._send(Pong(t0=message.t0, t1=float(received_us), t2=0.0))
            self._acknowledge(always=True)
        elif isinstance(message, Sync):
            times = Exchange(
                phone_sent_us=message.t0,
                host_received_us=message.t1,
                host_sent_us=message.t2,
                phone_received_us=message.t3,
            )
            if not (0 <= received_us - message.t2 < 60e6 and 0 <= message.t2 - message.t1 < 60e6):
                raise ProtocolError("t1 and t2 of a sync are not those of a pong; send them back as they came")
            link.exchange(times)
        elif isinstance(message, Sending):
            link.sending(message)
        elif isinstance(message, Stopped):
            self._acknowledge(always=True)
            link.stopped(message)
        elif isinstance(message, Problem):
            link.report(message.text)
        else:
            raise ProtocolError("hello comes once, as the first message of a connection")

    def _frame(self, link: PhoneLink, data: bytes, received_us: int) -> None:
        header, position = read_header(data)
        expected, answer = link.expects(header)  # before the costly part
        if expected:
            answer = link.receive(decode_parts(data, header, position, link.hello), received_us)
        if isinstance(answer, Ack):
            self._ack = answer
            self._unacknowledged += 1
            self._acknowledge(always=False)
        elif answer is not None:
            self._send(answer)

    def _acknowledge(self, *, always: bool) -> None:
        if self._ack is not None and (always or self._unacknowledged >= ACK_EVERY):
            self._send(self._ack)
            self._ack, self._unacknowledged = None, 0

    def _send(self, message: FromRig) -> None:
        """Queues a message; may be called from any thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is there to hear it
            if _running_loop() is self._loop:
                self._enqueue(message)
            else:
                self._loop.call_soon_threadsafe(self._enqueue, message)

    def _enqueue(self, message: FromRig) -> None:
        try:
            self._outgoing.put_nowait(message)
        except asyncio.QueueFull:
            self._log("a phone does not read what the rig sends and was cut off")
            transport = self._socket._req.transport if self._socket._req is not None else None
            if transport is not None:
                transport.abort()

    async def _write(self) -> None:
        while (message := await self._outgoing.get()) is not None:
            if isinstance(message, Pong):
                message = Pong(t0=message.t0, t1=message.t1, t2=float(host_us()))
            try:
                await self._socket.send_str(to_text(message))
            except (ConnectionError, RuntimeError):
                return

    async def _pace(self) -> None:
        """Lets a client that sends too much wait, and the others come first."""
        now = time.monotonic()
        self._budget = min(BURST, self._budget + MESSAGES_PER_S * (now - self._refilled_s)) - 1
        self._refilled_s = now
        await asyncio.sleep(max(0.0, -self._budget / MESSAGES_PER_S))


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
