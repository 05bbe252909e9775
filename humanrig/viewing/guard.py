"""The door before the page: who may come in, and what the page may load. It passes on the page and its one socket."""

from __future__ import annotations

import asyncio
import gzip
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
from aiohttp import WSMsgType, web

from capture.hosts.idle_connections import IdleConnections
from capture.iphone.certificate import RigCertificate, addresses_of_this_host, names_of_this_host, rig_certificate
from capture.iphone.pairing import TOKEN_BYTES, checked_token, is_loopback, pairing_folder
from capture.loop_thread import LoopThread
from capture.page_requests import same_token, server_log
from humanrig.errors import HumanrigError
from humanrig.live.protection import HEADERS as PREVIEW_HEADERS
from humanrig.live.protection import only_this_computer, require_own_page

PAGES = 8
"""Pages that may look at once; each costs its own traffic."""
MESSAGE_BYTES = 1 << 20
"""A page says where its camera is and which knob was turned."""
HANDSHAKE_S, SHUTDOWN_S = 5.0, 1.0
TRIES, TRIES_S = 10, 60.0
"""So many wrong tokens of one address in so many seconds are looked at; further ones are refused unread."""
STRANGERS = 1000
"""Addresses whose wrong tokens are remembered."""
HEADERS = {
    **PREVIEW_HEADERS,
    "Content-Security-Policy": "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' blob:; worker-src blob:; "
    "style-src 'unsafe-inline'; img-src blob: data:; font-src data:; connect-src 'self' blob: data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
}
"""viser's page is one file that unpacks its own scripts, so they cannot be named one by one; but whatever it asks for
from elsewhere is refused by the browser."""


def door_token(host: str, token: str = "") -> str:
    """The token of somebody's choice; else none on loopback, and a new one elsewhere.

    Raises CaptureError for one that is too short.
    """
    if token:
        return checked_token(token)
    return "" if is_loopback(host) else secrets.token_urlsafe(TOKEN_BYTES)


class Guard:
    """A server that lets pages of this computer through to the scene, and others only with the token and over TLS."""

    def __init__(
        self, page: Path, scene: tuple[str, int], *, host: str, port: int, token: str, folder: Path | None = None
    ) -> None:
        """`page` is the HTML file, `scene` where its socket goes. The certificate is kept in `folder`.

        Off loopback `token` must not be empty. Raises HumanrigError for a port that cannot be.
        """
        if not 0 <= port <= 65535:
            raise HumanrigError(f"--port {port} is no port; give one from 1 to 65535, or 0 for any that is free")
        self.secure = not is_loopback(host)
        if self.secure and not token:
            raise HumanrigError(f"--host {host} can be reached by other computers; a token is needed")
        self._page, self._scene, self._host, self._port, self._token = page, scene, host, port, token
        self._folder = pairing_folder() if folder is None else folder
        self._thread = LoopThread("viewer's door")
        self._connections = IdleConnections()
        self._open: set[web.WebSocketResponse] = set()
        self._pages = 0
        self._wrong: dict[str, deque[float]] = {}
        self._runner: web.AppRunner | None = None
        self._listener: asyncio.Server | None = None
        self._watching: asyncio.Task[None] | None = None
        self._client: aiohttp.ClientSession | None = None
        self._html = page.read_bytes()
        self._packed = gzip.compress(self._html, 6)

    def start(self) -> str:
        """Begins to serve; the page's address, with the token where one is needed.

        Raises HumanrigError when the port is taken, CaptureError when the certificate cannot be written.
        """
        certificate = rig_certificate(self._folder, names_of_this_host(self._host)) if self.secure else None
        self._thread.start()
        try:
            self._port = self._thread.run(self._serve(certificate))
        except (OSError, UnicodeError) as error:  # the latter of a name that cannot be one
            self._thread.end()
            why = (error.strerror if isinstance(error, OSError) else None) or error
            raise HumanrigError(
                f"the viewer cannot listen at {self._host} port {self._port} ({why}); choose another --port, or 0 for "
                "a free one"
            ) from None
        named = addresses_of_this_host()[0] if self._host in ("0.0.0.0", "::") else self._host
        shown = f"[{named}]" if ":" in named else named
        query = f"?token={self._token}" if self._token else ""
        return f"{'https' if self.secure else 'http'}://{shown}:{self._port}/{query}"

    def close(self) -> None:
        """Ends it, whoever still looks. May be called twice."""
        if self._runner is None:
            return
        try:
            self._thread.run(self._unserve())
        finally:
            self._thread.end()

    async def _serve(self, certificate: RigCertificate | None) -> int:
        first = [self._only_with_token] if self._token else [only_this_computer]
        app = web.Application(middlewares=first, client_max_size=1024)
        app.on_response_prepare.append(_prepare)
        app.router.add_get("/", self._answer)
        runner = web.AppRunner(app, access_log=None, logger=server_log(), shutdown_timeout=SHUTDOWN_S)
        await runner.setup()
        assert runner.server is not None  # after setup
        context = certificate.context() if certificate else None
        try:
            listener = await asyncio.get_running_loop().create_server(
                self._connections.guarded(runner.server),
                self._host,
                self._port,
                ssl=context,
                ssl_handshake_timeout=HANDSHAKE_S if context else None,
            )
        except (OSError, UnicodeError):
            await runner.cleanup()
            raise
        self._runner, self._listener = runner, listener
        self._client = aiohttp.ClientSession()
        self._watching = asyncio.create_task(self._connections.watch(runner.server))
        return int(listener.sockets[0].getsockname()[1])

    async def _unserve(self) -> None:
        assert self._runner is not None
        assert self._listener is not None
        assert self._client is not None
        self._listener.close()
        if self._watching is not None:
            self._watching.cancel()
        closing = [asyncio.create_task(socket.close()) for socket in list(self._open)]
        if closing:
            await asyncio.wait(closing, timeout=SHUTDOWN_S)
        await self._client.close()
        await self._runner.cleanup()
        self._runner = None

    @web.middleware
    async def _only_with_token(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Lets in who brings the token: in the address once, then in a cookie that only this server's pages send."""
        cookie = f"humanrig_view_{self._port}"
        if same_token(request.cookies.get(cookie, ""), self._token):
            return await handler(request)
        wrong = self._wrong.setdefault(request.remote or "", deque(maxlen=TRIES))
        while len(self._wrong) > STRANGERS:
            self._wrong.pop(next(iter(self._wrong)))
        now = time.monotonic()
        if len(wrong) == TRIES and now - wrong[0] < TRIES_S:
            raise web.HTTPTooManyRequests(text="too many wrong tokens; wait a minute")
        if not same_token(request.query.get("token", ""), self._token):
            wrong.append(now)
            raise web.HTTPForbidden(text="this page needs its token; open the whole address that humanrig view printed")
        seen = web.HTTPSeeOther("/")  # the token leaves the address bar
        seen.set_cookie(cookie, self._token, httponly=True, samesite="Lax", secure=self.secure)
        raise seen

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        with self._connections.busy(request.transport):
            if request.headers.get("Upgrade", "").lower() == "websocket":
                return await self._talk(request)
            packed = "gzip" in request.headers.get("Accept-Encoding", "")
            response = web.Response(body=self._packed if packed else self._html, content_type="text/html")
            response.charset = "utf-8"
            if packed:
                response.headers["Content-Encoding"] = "gzip"
            return response

    async def _talk(self, request: web.Request) -> web.StreamResponse:
        """Passes messages on in both directions. A page that reads slowly slows down its own scene alone."""
        require_own_page(request, None)
        if self._pages >= PAGES:
            raise web.HTTPServiceUnavailable(text=f"{PAGES} pages look already; close one of them")
        self._pages += 1  # before anything is waited for: others ask meanwhile
        try:
            return await self._connected(request)
        finally:
            self._pages -= 1

    async def _connected(self, request: web.Request) -> web.StreamResponse:
        assert self._client is not None
        wanted = [p.strip() for p in request.headers.get("Sec-WebSocket-Protocol", "").split(",") if p.strip()][:4]
        address, port = self._scene
        socket = web.WebSocketResponse(
            protocols=wanted, heartbeat=20, timeout=SHUTDOWN_S, max_msg_size=MESSAGE_BYTES, compress=False
        )
        try:
            scene = await self._client.ws_connect(f"ws://{address}:{port}", protocols=wanted, max_msg_size=0)
        except aiohttp.ClientError:
            raise web.HTTPServiceUnavailable(text="the scene is not there; start humanrig view again") from None
        try:
            await socket.prepare(request)
            self._open.add(socket)
            ways = [asyncio.create_task(_pass_on(socket, scene)), asyncio.create_task(_pass_on(scene, socket))]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                self._open.discard(socket)
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
                await socket.close()
        finally:
            await scene.close()
        return socket


async def _pass_on(
    source: web.WebSocketResponse | aiohttp.ClientWebSocketResponse,
    sink: web.WebSocketResponse | aiohttp.ClientWebSocketResponse,
) -> None:
    async for message in source:
        if message.type is not WSMsgType.BINARY:
            return
        try:
            await sink.send_bytes(message.data)
        except (ConnectionError, RuntimeError):
            return  # it has gone


async def _prepare(request: web.Request, response: web.StreamResponse) -> None:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
