"""The preview page: a web page on this computer with small pictures of every stream, lamps, start and stop."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from importlib.resources import files
from types import TracebackType
from typing import TYPE_CHECKING

from aiohttp import WSMsgType, web

from capture.errors import CaptureError
from capture.hosts.idle_connections import IdleConnections
from capture.loop_thread import LoopThread
from capture.page_requests import server_log
from humanrig.errors import HumanrigError
from humanrig.live.control import RigControl
from humanrig.live.protection import add_headers, only_this_computer, require_own_page
from humanrig.live.tile_maker import CPU_SHARE, TILES_PER_S, TileMaker
from humanrig.live.view import RigView

if TYPE_CHECKING:
    from capture.recorder.live_rig import LiveRig
    from humanrig.live.board_watch import BoardWatch

HOST = "127.0.0.1"
UPDATE_S = 0.25
SEND_S = 5.0
"""A page that takes no bytes for so long is cut off; it connects anew when it runs again."""
SHUTDOWN_S = 1.0
CLIENTS = 4
"""Pages that may look at once; each costs its own traffic."""
CONTENT = {"page.css": "text/css", "page.js": "text/javascript"}


class PreviewServer:
    """Serves the page in a thread of its own. Use it as a context manager, or `start()` and `close()`.

    It only takes the newest frame of each stream (`LiveRig.attach`) and draws tiles within a fixed share of one core
    while a page is open; recording never waits for it. Starting and stopping is for requests of the page itself.
    """

    def __init__(
        self,
        rig: LiveRig,
        control: RigControl,
        *,
        port: int = 0,
        tiles_per_s: float = TILES_PER_S,
        cpu_share: float = CPU_SHARE,
        board: BoardWatch | None = None,
    ) -> None:
        """Port 0 takes a free one; `url` names it after `start`. `board` is watched and shown while the page is served.

        Raises HumanrigError for a port that cannot be.
        """
        if not 0 <= port <= 65535:
            raise HumanrigError(f"the preview page cannot use port {port}; choose 1 to 65535, or 0 for a free one")
        self._control, self._port, self._board = control, port, board
        self._view = RigView(rig, control)
        self._pages: dict[asyncio.Task[None], asyncio.WriteTransport] = {}
        self._tiles = TileMaker(
            self._view.newest,
            self._view.streams,
            lambda: len(self._pages) > 0,
            tiles_per_s=tiles_per_s,
            cpu_share=cpu_share,
        )
        self._token = secrets.token_urlsafe(24)
        self._thread = LoopThread("preview page")
        self._runner: web.AppRunner | None = None
        self._connections = IdleConnections()
        self._listener: asyncio.Server | None = None
        self._watching: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()
        self.url = ""
        """Where the page is, after `start`."""

    def start(self) -> str:
        """Begins to serve; the page's address. Raises HumanrigError when the port is taken."""
        self._thread.start()
        try:
            self.url = self._thread.run(self._serve())
        except OSError as error:
            self._thread.end()
            raise HumanrigError(
                f"the preview page cannot use port {self._port} ({error.strerror}); choose another, or 0 for a free one"
            ) from None
        self._view.attach()
        self._tiles.start()
        if self._board is not None:
            self._board.start()
        return self.url

    def close(self) -> None:
        """Ends the page; the rig goes on."""
        if self._runner is None:
            return
        self._view.detach()
        if self._board is not None:
            self._board.close()
        self._tiles.close()
        try:
            self._thread.run(self._unserve())
        finally:
            self._thread.end()

    async def _serve(self) -> str:
        app = web.Application(middlewares=[only_this_computer, self._not_idle], client_max_size=1024)
        app.on_response_prepare.append(_prepare)
        app.router.add_get("/", self._page)
        app.router.add_get("/live", self._live)
        app.router.add_get("/{name:page\\.(?:css|js)}", self._asset)
        app.router.add_post("/start", self._start_take)
        app.router.add_post("/stop", self._stop_take)
        runner = web.AppRunner(app, access_log=None, logger=server_log(), shutdown_timeout=SHUTDOWN_S)
        await runner.setup()
        assert runner.server is not None  # after setup
        try:
            self._listener = await asyncio.get_running_loop().create_server(
                self._connections.guarded(runner.server), HOST, self._port
            )
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self._watching = asyncio.create_task(self._connections.watch(runner.server))
        return f"http://{HOST}:{self._listener.sockets[0].getsockname()[1]}/"

    async def _unserve(self) -> None:
        """Pages get a second to hear that it ends; one that does not read is cut off."""
        assert self._runner is not None
        assert self._listener is not None
        self._listener.close()
        if self._watching is not None:
            self._watching.cancel()
        self._closing.set()
        if self._pages:
            await asyncio.wait(list(self._pages), timeout=SHUTDOWN_S)
        for transport in self._pages.values():
            transport.abort()
        await self._runner.cleanup()
        self._runner = None

    @web.middleware
    async def _not_idle(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        with self._connections.busy(request.transport):
            return await handler(request)

    async def _page(self, request: web.Request) -> web.Response:
        text = _read("page.html").replace("{{token}}", self._token)
        return web.Response(text=text, content_type="text/html")

    async def _asset(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        return web.Response(text=_read(name), content_type=CONTENT[name])

    async def _start_take(self, request: web.Request) -> web.Response:
        require_own_page(request, self._token)
        return await self._asked(self._control.start)

    async def _stop_take(self, request: web.Request) -> web.Response:
        require_own_page(request, self._token)
        return await self._asked(self._control.stop)

    async def _asked(self, call: Callable[[], None]) -> web.Response:
        try:
            await asyncio.to_thread(call)
        except (CaptureError, HumanrigError, OSError) as error:
            return web.json_response({"error": str(error)}, status=409)
        return web.json_response({})

    async def _live(self, request: web.Request) -> web.StreamResponse:
        """State as JSON, tiles as bytes: a line with the stream's name, then its JPEG. A slow page skips tiles."""
        require_own_page(request, None)
        if len(self._pages) >= CLIENTS:
            raise web.HTTPServiceUnavailable(text=f"{CLIENTS} pages look already; close one of them")
        socket = web.WebSocketResponse(heartbeat=20, timeout=SHUTDOWN_S, max_msg_size=1024, compress=False)
        transport = request.transport
        await socket.prepare(request)
        if not isinstance(transport, asyncio.WriteTransport):
            return socket  # it has gone already
        page = asyncio.create_task(self._feed(socket))
        self._pages[page] = transport
        try:
            await page
        finally:
            self._pages.pop(page).abort()
        return socket

    async def _feed(self, socket: web.WebSocketResponse) -> None:
        """Until the page or the server ends, or the page does not read."""
        listening = asyncio.create_task(_until_closed(socket))
        closing = asyncio.create_task(self._closing.wait())
        try:
            sent = 0
            while not (listening.done() or closing.done()):
                async with asyncio.timeout(SEND_S):
                    sent = await self._update(socket, sent)
                await asyncio.wait({listening, closing}, timeout=UPDATE_S, return_when=asyncio.FIRST_COMPLETED)
            await socket.close()
        except (ConnectionError, TimeoutError):
            pass
        finally:
            closing.cancel()
            listening.cancel()

    async def _update(self, socket: web.WebSocketResponse, sent: int) -> int:
        state = await asyncio.to_thread(self._view.state, dict(self._tiles.problems))
        await socket.send_json({**state, "board": None if self._board is None else self._board.state()})
        newer = sorted((t for t in list(self._tiles.tiles.values()) if t.number > sent), key=lambda t: t.number)
        for tile in newer:
            await socket.send_bytes(tile.stream.encode() + b"\n" + tile.jpeg)
        return newer[-1].number if newer else sent

    def __enter__(self) -> PreviewServer:
        """The server, started."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends the page."""
        self.close()


async def _until_closed(socket: web.WebSocketResponse) -> None:
    async for message in socket:
        if message.type is WSMsgType.ERROR:
            return


async def _prepare(request: web.Request, response: web.StreamResponse) -> None:
    add_headers(response)


def _read(name: str) -> str:
    return files("humanrig.live").joinpath("web", name).read_text("utf-8")
