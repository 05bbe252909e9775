"""The rig's side of the phone protocol: a small web server in a thread of its own.

It listens on loopback alone unless told otherwise; then it speaks TLS and asks every phone for the pairing token.
"""

from __future__ import annotations

import asyncio
import contextlib
import platform
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from aiohttp import web

from capture import depth_codec
from capture.errors import CaptureError
from capture.iphone.certificate import RigCertificate, addresses_of_this_host, names_of_this_host, rig_certificate
from capture.iphone.connection import Connection
from capture.iphone.discovery import withdraw, write_connected
from capture.iphone.pairing import PairingAddress, checked_token, is_loopback, kept_token, pairing_folder
from capture.iphone.phone_link import PhoneLink, PhoneStatus
from capture.iphone.protocol import MAX_FRAME_BYTES, Hello, ProtocolError
from capture.page_requests import host_name, is_from, server_log

MAX_CONNECTIONS, MAX_STRANGERS, MAX_PHONES = 24, 8, 16
SILENCE_S = 5.0
"""A phone pings 20 times a second; one from which nothing came for this long is taken for disconnected."""
ALIVE_S = 1.0
"""Two phones with one serial are refused while the first was heard this recently; an app that crashed is not."""
TICK_S = 0.5
HANDSHAKE_S, IDLE_S = 5.0, 10.0
"""A client that has not finished its handshake, or not asked for the WebSocket, after this long is cut off."""
WEB = Path(__file__).with_name("web")
PAGES = {"/": ("index.html", "text/html"), "/phone.js": ("phone.js", "text/javascript"),
         "/phone.css": ("phone.css", "text/css")}  # fmt: skip
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; connect-src 'self' ws: wss:; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class PhoneServer:
    """Phones connect to it; `PhoneDriver`s take phones from it. Use it as a context manager, or start and stop it."""

    def __init__(
        self,
        listen: str = "127.0.0.1",
        port: int = 0,
        token: str | None = None,
        *,
        folder: Path | None = None,
        silence_s: float = SILENCE_S,
        ping_every_ms: int = 50,
        log: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Nothing is opened yet. Port 0 takes a free one.

        `token` None: none on loopback; elsewhere the one kept in `folder` (by default the configuration folder), where
        the certificate is kept too. Raises CaptureError for a token that is too short, an empty one off loopback, or a
        number that is no port.
        """
        if not 0 <= port <= 65535:
            raise CaptureError(
                f"phones cannot be served on port {port}; give one from 1 to 65535, or 0 for any that is free"
            )
        self.secure = not is_loopback(listen)
        self._folder = pairing_folder() if folder is None else folder
        self.token = checked_token(token) if token or (token is not None and self.secure) else ""
        self._listen, self._port, self._silence_s, self._log = listen, port, silence_s, log
        self._ping_every_ms = ping_every_ms
        self._certificate: RigCertificate | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._quit: asyncio.Event | None = None
        self._ready = threading.Event()
        self._failure: CaptureError | None = None
        self._changed = threading.Condition()
        self._links: dict[str, PhoneLink] = {}
        self._connections: dict[str, Connection] = {}
        self._open = self._strangers = 0
        self._talking: set[asyncio.BaseTransport | None] = set()
        self._idle_since: dict[asyncio.BaseTransport, float] = {}
        self.bad_messages = 0
        """Messages that the protocol does not allow, of all clients."""

    def start(self) -> None:
        """Listens; does nothing when it does already. Raises CaptureError with the reason when it cannot."""
        if self._thread is not None:
            return
        if self.secure:
            self.token = self.token or kept_token(self._folder)
            self._certificate = rig_certificate(self._folder, names_of_this_host(self._listen))
        depth_codec.decode(depth_codec.encode(np.zeros((1, 1), np.uint16)), 1, 1)  # compiles before a phone waits
        self._ready.clear()
        self._failure = None
        self._thread = threading.Thread(target=self._run, name="phone server", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            self._thread.join()
            self._thread = None
            raise self._failure

    def stop(self) -> None:
        """Closes all connections; phones keep their frames. May be called twice."""
        thread, self._thread = self._thread, None
        if thread is not None and self._loop is not None and self._quit is not None:
            self._loop.call_soon_threadsafe(self._quit.set)
            thread.join(10)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._port

    @property
    def address(self) -> PairingAddress:
        """What a phone needs to connect."""
        host = addresses_of_this_host()[0] if self._listen in ("0.0.0.0", "::") else self._listen
        fingerprint = self._certificate.fingerprint.hex() if self._certificate is not None else ""
        scheme = "https" if self.secure else "http"
        return PairingAddress(scheme=scheme, host=host, port=self._port, token=self.token, fingerprint=fingerprint)

    def phones(self) -> tuple[PhoneStatus, ...]:
        """All phones that have said hello, connected or not."""
        with self._changed:
            links = list(self._links.values())
        return tuple(link.status() for link in links)

    def claim(self, owner: str, serial: str = "", timeout_s: float = 0.0) -> PhoneLink:
        """A connected phone for one device; an empty serial takes the first that is free.

        Raises CaptureError when none connects within the timeout, or another device has it.
        """
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while True:
                for link in self._links.values():
                    if serial in ("", link.serial) and link.connected and link.owner in ("", owner):
                        link.owner = owner
                        return link
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(left)
            taken = next((link for link in self._links.values() if link.serial == serial and link.owner), None)
        if taken is not None and taken.owner != owner:
            raise CaptureError(f"phone {serial} is already {taken.owner}; give every phone device its own serial")
        which = f"phone {serial} is not" if serial else "no free phone is"
        there = ", ".join(s.serial for s in self.phones() if s.connected) or "none"
        raise CaptureError(
            f"{which} connected (connected: {there}); keep its app or page open at {self.address.page.split('#')[0]}"
        )

    def release(self, link: PhoneLink) -> None:
        """Gives a phone back."""
        with self._changed:
            link.owner = ""

    def __enter__(self) -> PhoneServer:
        """The server, listening."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stops it."""
        self.stop()

    # In its own thread

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:  # whatever it is, nobody may wait for a server that is not there
            self._failure = CaptureError(f"the phone server failed ({type(error).__name__}: {error}); start it again")
            self._log(str(self._failure))
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._quit = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application(client_max_size=1024)
        app.router.add_get("/phone", self._phone)
        app.router.add_get("/certificate.cer", self._certificate_file)
        for path in PAGES:
            app.router.add_get(path, self._page)
        runner = web.AppRunner(app, handle_signals=False, access_log=None, logger=server_log(), shutdown_timeout=1.0)
        try:
            await runner.setup()
            context = self._certificate.context() if self._certificate is not None else None
            assert runner.server is not None  # after setup
            listener = await self._loop.create_server(
                runner.server,
                self._listen,
                self._port,
                ssl=context,
                ssl_handshake_timeout=HANDSHAKE_S if context is not None else None,
            )
            self._port = listener.sockets[0].getsockname()[1]
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            place = f"{self._listen} port {self._port}"
            self._failure = CaptureError(
                f"phones cannot be served on {place} ({reason}); choose another address or port"
            )
            await runner.cleanup()
            self._ready.set()
            return
        self._ready.set()
        while not self._quit.is_set():
            for link in list(self._links.values()):
                link.tick()
            self._sweep(runner.server)
            write_connected(self._folder, self.address, self.phones())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._quit.wait(), TICK_S)
        withdraw(self._folder, self.address)
        listener.close()
        await asyncio.gather(*(c.close("the rig stops") for c in list(self._connections.values())))
        await runner.cleanup()

    async def _page(self, request: web.Request) -> web.Response:
        self._check_host(request)
        name, kind = PAGES[request.path]
        return web.Response(body=(WEB / name).read_bytes(), content_type=kind, charset="utf-8", headers=HEADERS)

    async def _certificate_file(self, request: web.Request) -> web.Response:
        if self._certificate is None:
            raise web.HTTPNotFound(text="this rig serves loopback without TLS")
        return web.Response(body=self._certificate.der, content_type="application/x-x509-ca-cert", headers=HEADERS)

    async def _phone(self, request: web.Request) -> web.StreamResponse:
        self._check_host(request)
        origin = request.headers.get("Origin")
        if origin is not None and not is_from(origin, request.host):
            raise web.HTTPForbidden(text="a page of another site may not connect to the rig")
        if self._open >= MAX_CONNECTIONS or self._strangers >= MAX_STRANGERS:
            raise web.HTTPServiceUnavailable(text="too many connections; close some")
        socket = web.WebSocketResponse(max_msg_size=MAX_FRAME_BYTES, compress=False, timeout=2.0)
        transport = request.transport  # it is None once the client is gone
        await socket.prepare(request)
        connection = Connection(
            socket,
            token=self.token,
            host=platform.node()[:120],
            find_link=lambda hello: self._link(hello, connection),
            count_bad=self._count_bad,
            silence_s=self._silence_s,
            ping_every_ms=self._ping_every_ms,
            log=self._log,
        )
        self._open += 1
        self._strangers += 1
        try:
            self._talking.add(transport)
            await connection.run()
        finally:
            self._talking.discard(transport)
            self._open -= 1
            if connection.phone is None:
                self._strangers -= 1
            elif self._connections.get(connection.phone.serial) is connection:
                del self._connections[connection.phone.serial]
                self._log(f"phone {connection.phone.serial} is gone")
        return socket

    def _link(self, hello: Hello, connection: Connection) -> PhoneLink:
        """The state of the phone that said hello; an older connection of it ends."""
        with self._changed:
            link = self._links.get(hello.serial)
            if link is None:
                if len(self._links) >= MAX_PHONES:
                    gone = [s for s, known in self._links.items() if not known.connected and not known.owner]
                    if not gone:
                        raise ProtocolError(f"{MAX_PHONES} phones are connected already; disconnect one")
                    del self._links[gone[0]]
                link = self._links[hello.serial] = PhoneLink(hello)
            elif link.connected and hello.run != link.hello.run and link.status().silent_s < ALIVE_S:
                twice = f"a phone {hello.serial} is connected already"
                raise ProtocolError(f"{twice}; close its other app or page, or give it a serial of its own")
            self._changed.notify_all()
        before = self._connections.get(hello.serial)
        self._connections[hello.serial] = connection
        self._strangers -= 1
        if before is not None:
            task = asyncio.get_running_loop().create_task(before.close("the phone has connected anew"))
            task.add_done_callback(lambda done: None)
        self._log(f"phone {hello.serial} ({hello.model or 'unknown model'}) is connected")
        asyncio.get_running_loop().call_soon(self._wake)
        return link

    def _sweep(self, server: web.Server) -> None:
        """Cuts off who holds a connection without talking: open files are the rig's."""
        now = time.monotonic()
        there = {h.transport for h in server.connections if h.transport is not None} - self._talking
        self._idle_since = {transport: self._idle_since.get(transport, now) for transport in there}
        for transport, since in self._idle_since.items():
            if now - since > IDLE_S and isinstance(transport, asyncio.WriteTransport):
                transport.abort()

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _count_bad(self) -> None:
        self.bad_messages += 1

    def _check_host(self, request: web.Request) -> None:
        """On loopback without a token, a name that a foreign site made point here is refused (DNS rebinding)."""
        if not self.secure and not is_loopback(host_name(request.host) or ""):
            raise web.HTTPForbidden(text="use http://127.0.0.1 or http://localhost")
