"""The agent of one recording computer: answers one WebSocket's questions, gives its recordings away in pieces."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import secrets
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from aiohttp import WSMsgType, web

from capture.errors import CaptureError
from capture.hosts.address import HostAddress, HostError, is_loopback
from capture.hosts.host_recorder import HostRecorder
from capture.iphone.certificate import rig_certificate

LOOPBACK = "127.0.0.1"
MESSAGE_BYTES = 64 * 1024
TIMEOUT_S = 60.0
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
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="host agent", daemon=True)
        self._runner: web.AppRunner | None = None
        self._sockets: set[web.WebSocketResponse] = set()
        self._hashes: dict[tuple[str, int, int], str] = {}
        self._calls: dict[str, Callable[[dict[str, Any]], Any]] = {
            "describe": lambda m: recorder.describe(),
            "arm": lambda m: recorder.arm(m["session"], subject=m.get("subject", ""), action=m.get("action", "")),
            "disarm": lambda m: recorder.disarm(),
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
            port = self._wait(self._serve())
        except OSError as error:
            self._end_thread()
            raise HostError(
                f"the agent cannot listen at {self._listen}:{self._port} ({error.strerror}); choose another port"
            ) from None
        return HostAddress(
            host=self._listen,
            port=port,
            token=self._token,
            fingerprint=self._certificate.fingerprint if self._certificate else None,
        )

    def close(self) -> None:
        """Ends the agent, and a take that is under way."""
        if self._runner is None:
            return
        self._wait(self._unserve())
        self._end_thread()
        self._recorder.close()

    async def _serve(self) -> int:
        app = web.Application(client_max_size=MESSAGE_BYTES, middlewares=[self._only_with_token])
        app.router.add_get("/", self._talk)
        app.router.add_get("/files/{session}/{path:.+}", self._give_file)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        context = self._certificate.context() if self._certificate else None
        try:
            await web.TCPSite(runner, self._listen, self._port, ssl_context=context).start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        return int(runner.addresses[0][1])

    async def _unserve(self) -> None:
        for socket in list(self._sockets):
            await socket.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @web.middleware
    async def _only_with_token(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        sent = request.headers.get("Authorization", "").encode()
        if not hmac.compare_digest(sent, f"Bearer {self._token}".encode()):
            raise web.HTTPForbidden(text="this agent needs its token; use the whole address that it printed")
        return await handler(request)

    async def _talk(self, request: web.Request) -> web.WebSocketResponse:
        """Answers questions as they come; each has an id, so that a clock can be compared while a stop takes long."""
        socket = web.WebSocketResponse(heartbeat=10, max_msg_size=MESSAGE_BYTES, compress=False)
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
        number: Any = None
        try:
            message = json.loads(text)
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
        if not socket.closed:
            await socket.send_str(json.dumps({"id": number, **reply}))

    async def _give_file(self, request: web.Request) -> web.StreamResponse:
        """One file of a part; a Range header asks for the rest of one that was broken off."""
        try:
            path = await asyncio.to_thread(self._path, request.match_info["session"], request.match_info["path"])
        except CaptureError as error:
            raise web.HTTPNotFound(text=str(error)) from None
        return web.FileResponse(path, chunk_size=2**20)

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

    def _wait(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(TIMEOUT_S)

    def _end_thread(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> HostAddress:
        """Its address, started."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends it."""
        self.close()


def sha256(path: Path) -> str:
    """Of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(HASH_BLOCK):
            digest.update(block)
    return digest.hexdigest()
