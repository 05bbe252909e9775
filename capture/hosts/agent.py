"""The agent of one recording computer: answers one WebSocket's questions, gives its recordings away in pieces."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from aiohttp import WSMsgType, web

from capture.errors import CaptureError
from capture.hosts.address import HostAddress, HostError
from capture.hosts.host_recorder import HostRecorder
from capture.hosts.idle_connections import IdleConnections
from capture.iphone.certificate import rig_certificate
from capture.iphone.pairing import is_loopback
from capture.loop_thread import LoopThread
from capture.page_requests import same_token, server_log
from geometry.told_values import json_of

LOOPBACK = "127.0.0.1"
MESSAGE_BYTES = 64 * 1024
SHUTDOWN_S = 1.0
"""For a download that is under way when the agent ends; it can be fetched on later."""
HANDSHAKE_S = 5.0
HASH_BLOCK = 4 * 2**20


class HostAgent:
    """Serves one `HostRecorder` in a thread of its own. Use it as a context manager, or `start()` and `close()`.

    Every request carries the token in a header that a web page cannot send. Anything but loopback is served with TLS;
    its certificate's fingerprint is part of the address, so that no other computer can pass for this one.
    """

    def __init__(
        self,
        recorder: HostRecorder,
        *,
        listen: str = LOOPBACK,
        port: int = 0,
        token: str | None = None,
        certificates: Path | None = None,
    ) -> None:
        """`token` None draws a new one; `certificates` is the folder that keeps the certificate, needed for TLS."""
        self._recorder, self._listen, self._port = recorder, listen, port
        self._token = token or secrets.token_urlsafe(24)
        self._certificate = None
        if not is_loopback(listen):
            if certificates is None:
                raise HostError(f"to listen at {listen} a folder for the certificate is needed; give --certificates")
            if listen in ("0.0.0.0", "::"):
                raise HostError(f"{listen} is no address that others can reach; give --listen this computer's address")
            self._certificate = rig_certificate(certificates, [listen])
        if not 0 <= port <= 65535:
            raise HostError(f"the agent cannot listen at port {port}; give --port from 1 to 65535, or 0 for a free one")
        self._thread = LoopThread("host agent")
        self._runner: web.AppRunner | None = None
        self._connections = IdleConnections()
        self._listener: asyncio.Server | None = None
        self._watching: asyncio.Task[None] | None = None
        self._sockets: set[web.WebSocketResponse] = set()
        self._hashes: dict[tuple[str, int, int], str] = {}
        self._calls: dict[str, Callable[[dict[str, Any]], Any]] = {
            "describe": lambda m: recorder.describe(),
            "arm": lambda m: recorder.arm(m["session"], subject=m.get("subject", ""), action=m.get("action", "")),
            "disarm": lambda m: recorder.disarm(m["session"]),
            "start": lambda m: recorder.start(m["session"], m["at_us"], at_most_s=m.get("at_most_s")),
            "status": lambda m: recorder.status(),
            "stop": lambda m: recorder.stop(m["session"]),
            "files": lambda m: recorder.files(m["session"]),
            "hash": self._hash,
        }

    def start(self) -> HostAddress:
        """Begins to serve; its address. Raises HostError when the port is taken or the address is not this host's."""
        self._thread.start()
        try:
            port = self._thread.run(self._serve())
        except (OSError, ValueError) as error:  # ValueError: a name that cannot be one
            self._thread.end()
            reason = getattr(error, "strerror", None) or error
            raise HostError(
                f"the agent cannot listen at {self._listen}:{self._port} ({reason}); choose another port or address"
            ) from None
        return HostAddress(
            host=self._listen,
            port=port,
            token=self._token,
            fingerprint=self._certificate.fingerprint if self._certificate else None,
        )

    def close(self) -> None:
        """Ends a take that is under way, then the agent, whoever still asks or downloads."""
        if self._runner is None:
            return
        try:
            self._recorder.close()
        finally:
            try:
                self._thread.run(self._unserve())
            finally:
                self._thread.end()

    async def _serve(self) -> int:
        app = web.Application(client_max_size=MESSAGE_BYTES, middlewares=[self._only_with_token])
        app.router.add_get("/", self._talk)
        app.router.add_get("/files/{session}/{path:.+}", self._give_file)
        runner = web.AppRunner(app, access_log=None, logger=server_log(), shutdown_timeout=SHUTDOWN_S)
        await runner.setup()
        assert runner.server is not None  # after setup
        context = self._certificate.context() if self._certificate else None
        handshake_s = HANDSHAKE_S if context else None
        try:
            listener = await asyncio.get_running_loop().create_server(
                self._connections.guarded(runner.server),
                self._listen,
                self._port,
                ssl=context,
                ssl_handshake_timeout=handshake_s,
            )
        except (OSError, ValueError):
            await runner.cleanup()
            raise
        self._runner, self._listener = runner, listener
        self._watching = asyncio.create_task(self._connections.watch(runner.server))
        return int(listener.sockets[0].getsockname()[1])

    async def _unserve(self) -> None:
        if self._listener is not None:
            self._listener.close()
        if self._watching is not None:
            self._watching.cancel()
        await asyncio.gather(*(socket.close() for socket in list(self._sockets)), return_exceptions=True)
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @web.middleware
    async def _only_with_token(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if not same_token(request.headers.get("Authorization", ""), f"Bearer {self._token}"):
            raise web.HTTPForbidden(text="this agent needs its token; use the whole address that it printed")
        with self._connections.busy(request.transport):
            return await handler(request)

    async def _talk(self, request: web.Request) -> web.WebSocketResponse:
        """Answers questions as they come; each has an id, so that a clock can be compared while a stop takes long."""
        socket = web.WebSocketResponse(heartbeat=10, timeout=SHUTDOWN_S, max_msg_size=MESSAGE_BYTES, compress=False)
        await socket.prepare(request)
        self._sockets.add(socket)
        answers: set[asyncio.Task[None]] = set()
        try:
            async for message in socket:
                received_us = self._recorder.clock()
                if message.type is not WSMsgType.TEXT:
                    break
                task = asyncio.create_task(self._answer(socket, message.data, received_us))
                answers.add(task)
                task.add_done_callback(answers.discard)
        finally:
            self._sockets.discard(socket)
        return socket

    async def _answer(self, socket: web.WebSocketResponse, text: str, received_us: int) -> None:
        """Every question gets an answer, also one that an SDK could not bear."""
        number: Any = None
        try:
            message = json_of(text)
            number, call = message["id"], message["call"]
            if call == "clock":
                answer: dict[str, Any] = {"received_us": received_us, "answered_us": self._recorder.clock()}
                await socket.send_str(json.dumps({"id": number, "answer": answer}))
                return
            if call not in self._calls:
                raise HostError(f"{self._recorder.name} does not know '{call}'; install the same humanrig on all hosts")
            reply: dict[str, Any] = {"answer": await asyncio.to_thread(self._calls[call], message)}
        except (CaptureError, OSError) as error:
            reply = {"error": str(error)}
        except (ValueError, KeyError, TypeError) as error:
            reply = {"error": f"{self._recorder.name} did not understand a message ({type(error).__name__}: {error})"}
        except Exception as error:  # of a sensor's SDK
            failed = f"{self._recorder.name} could not do what it was asked ({type(error).__name__}: {error})"
            reply = {"error": f"{failed}; look at its devices and start its agent again"}
        with contextlib.suppress(ConnectionError):  # whoever asked has gone
            await socket.send_str(json.dumps({"id": number, **reply}))

    async def _give_file(self, request: web.Request) -> web.StreamResponse:
        """One file of a part; a Range header asks for the rest of one that was broken off."""
        try:
            path = await asyncio.to_thread(self._path, request.match_info["session"], request.match_info["path"])
        except CaptureError as error:
            raise web.HTTPNotFound(text=str(error)) from None
        return _File(path, self._connections)

    def _path(self, session: str, path: str) -> Path:
        """Only what `files` lists: nothing outside the part."""
        if path not in {file["path"] for file in self._recorder.files(session)}:
            raise HostError(f"{self._recorder.name} has no file '{path}' of '{session}'")
        return self._recorder.part_folder(session) / path

    def _hash(self, message: dict[str, Any]) -> str:
        """SHA-256 of a file, kept while the file does not change."""
        path = self._path(message["session"], message["path"])
        stat = path.stat()
        key = (str(path), stat.st_size, stat.st_mtime_ns)
        if key not in self._hashes:
            self._hashes[key] = sha256(path)
        return self._hashes[key]

    def __enter__(self) -> HostAddress:
        """Its address, started."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends it."""
        self.close()


class _File(web.FileResponse):
    """A file that is sent after its handler has returned: the connection is in use until then."""

    def __init__(self, path: Path, connections: IdleConnections) -> None:
        super().__init__(path, chunk_size=2**20)
        self._connections = connections

    async def prepare(self, request: web.BaseRequest) -> Any:
        with self._connections.busy(request.transport):
            return await super().prepare(request)


def sha256(path: Path) -> str:
    """Of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(HASH_BLOCK):
            digest.update(block)
    return digest.hexdigest()
