"""The other end of an agent: asks one recording computer, compares its clock, fetches what it recorded."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

import aiohttp

from capture.hosts.address import HostAddress, HostError
from capture.hosts.agent import sha256
from capture.hosts.clock_comparison import EXCHANGES, ClockComparison, HostExchange, compare_clocks
from capture.hosts.host_recorder import Clock, monotonic_us

ANSWER_S = 60.0
CONNECT_S = 5.0
PING_S = 2.0
PIECE_BYTES = 2**20
FETCH_TRIES = 5
FETCH_PAUSE_S = 1.0


class HostLost(HostError):
    """The connection to a host is broken; what it records goes on there if it still runs."""


class HostConnection:
    """A connection to one agent; an async context manager."""

    def __init__(self, address: HostAddress, *, clock: Clock = monotonic_us) -> None:
        """`clock` is this computer's."""
        self.address, self.name = address, address.url
        self._clock = clock
        self._http: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._reader: asyncio.Task[None] | None = None
        self._waiting: dict[int, asyncio.Future[tuple[int, dict[str, Any]]]] = {}
        self._number = 0

    @property
    def connected(self) -> bool:
        """Whether questions can be asked."""
        return self._socket is not None and not self._socket.closed

    async def connect(self) -> None:
        """Opens, or opens again after it was lost. Raises HostLost, in a sentence, when the agent does not answer."""
        await self.close()
        self._http = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {self.address.token}"},
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=ANSWER_S),
        )
        try:
            url = self.address.url.replace("ws", "http", 1)
            self._socket = await asyncio.wait_for(
                self._http.ws_connect(url, ssl=self._tls(), heartbeat=5, max_msg_size=2**24), CONNECT_S
            )
        except aiohttp.WSServerHandshakeError as error:
            await self.close()
            reason = "its token is another one" if error.status == 403 else f"it answered {error.status}"
            raise HostLost(
                f"{self.address.url} refuses: {reason}; use the address that host serve prints now"
            ) from None
        except aiohttp.ServerFingerprintMismatch:
            await self.close()
            raise HostLost(f"{self.address.url} has another certificate; use the address that it prints now") from None
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            await self.close()
            raise HostLost(
                f"no agent answers at {self.address.url} ({error or 'no answer'}); start humanrig host serve there"
            ) from None
        self._reader = asyncio.create_task(self._read(self._socket))

    async def ask(self, call: str, timeout_s: float = ANSWER_S, **values: Any) -> Any:
        """The agent's answer. Raises HostError with its own sentence, HostLost when it is gone or silent."""
        return (await self._ask(call, timeout_s, values))[1]

    async def compare_clock(self, exchanges: int = EXCHANGES) -> ClockComparison:
        """The host's monotonic clock less this computer's."""
        found = []
        for _ in range(exchanges):
            sent_us = self._clock()
            returned_us, answer = await self._ask("clock", PING_S, {})
            found.append(
                HostExchange(
                    sent_us=sent_us,
                    received_us=answer["received_us"],
                    answered_us=answer["answered_us"],
                    returned_us=returned_us,
                )
            )
        return compare_clocks(found)

    async def fetch(self, session: str, folder: Path, on_bytes: Callable[[int], None] | None = None) -> None:
        """Copies the host's part of a take into a folder, which may hold the beginnings of an earlier try.

        Each file appears under its name only when its SHA-256 is the host's; one that is there already and is another
        is never overwritten. Raises HostError.
        """
        files = [(file, _inside(folder, str(file["path"]))) for file in await self.ask("files", session=session)]
        for file, path in files:
            if path.exists() and (not path.is_file() or path.stat().st_size != file["bytes"]):
                raise HostError(
                    f"{path} exists and is not what {self.name} recorded; move {folder} away and fetch again"
                )
        for file, path in files:
            if path.exists():
                await self._check(session, file["path"], path)
                continue
            partial = path.with_name(f".{path.name}.partial")
            partial.parent.mkdir(parents=True, exist_ok=True)
            await self._fetch_rest(session, file, partial, on_bytes)
            await self._check(session, file["path"], partial)
            partial.replace(path)

    async def close(self) -> None:
        """Ends the connection; the host goes on with what it does."""
        if self._reader is not None:
            self._reader.cancel()
            self._reader = None
        if self._socket is not None:
            await self._socket.close()
            self._socket = None
        if self._http is not None:
            await self._http.close()
            self._http = None

    def _tls(self) -> aiohttp.Fingerprint | bool:
        return True if self.address.fingerprint is None else aiohttp.Fingerprint(self.address.fingerprint)

    async def _ask(self, call: str, timeout_s: float, values: dict[str, Any]) -> tuple[int, Any]:
        socket = self._socket
        if socket is None or socket.closed:
            raise HostLost(f"{self.name} is not connected")
        self._number += 1
        number = self._number
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            await socket.send_str(json.dumps({"id": number, "call": call, **values}))
            returned_us, message = await asyncio.wait_for(future, timeout_s)
        except (TimeoutError, ConnectionError, aiohttp.ClientError) as error:
            told = f"no answer within {timeout_s:.0f} s" if isinstance(error, TimeoutError) else str(error)
            raise HostLost(f"{self.name} was lost at '{call}' ({told})") from None
        finally:
            self._waiting.pop(number, None)
        if "error" in message:
            raise HostError(message["error"])
        return returned_us, message["answer"]

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        try:
            async for message in socket:
                returned_us = self._clock()
                if message.type is not aiohttp.WSMsgType.TEXT:
                    continue
                values = json.loads(message.data)
                future = self._waiting.get(values["id"])
                if future is not None and not future.done():
                    future.set_result((returned_us, values))
        finally:
            for future in list(self._waiting.values()):
                if not future.done():
                    future.set_exception(ConnectionError("the connection was closed"))

    async def _fetch_rest(
        self, session: str, file: dict[str, Any], partial: Path, on_bytes: Callable[[int], None] | None
    ) -> None:
        for attempt in range(FETCH_TRIES):
            there = partial.stat().st_size if partial.exists() else 0
            if there > file["bytes"]:
                partial.unlink()
                there = 0
            if there == file["bytes"] and partial.exists():
                return
            try:
                await self._fetch_once(session, file["path"], partial, there, on_bytes)
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                if attempt == FETCH_TRIES - 1 or (isinstance(error, OSError) and error.errno == 28):
                    told = f"{file['path']} of {self.name} broke off ({error or 'no answer'})"
                    raise HostLost(f"{told}; fetch again to go on from there") from None
                await asyncio.sleep(FETCH_PAUSE_S)

    async def _fetch_once(
        self, session: str, name: str, partial: Path, there: int, on_bytes: Callable[[int], None] | None
    ) -> None:
        assert self._http is not None
        url = f"{self.address.url.replace('ws', 'http', 1)}files/{quote(session)}/{quote(name)}"
        headers = {"Range": f"bytes={there}-"} if there else {}
        async with self._http.get(url, headers=headers, ssl=self._tls()) as answer:
            if answer.status not in (200, 206):
                raise HostError(f"{self.name} does not give {name} ({answer.status}: {(await answer.text())[:200]})")
            with partial.open("ab" if answer.status == 206 else "wb") as out:
                async for piece in answer.content.iter_chunked(PIECE_BYTES):
                    await asyncio.to_thread(out.write, piece)
                    if on_bytes:
                        on_bytes(len(piece))

    async def _check(self, session: str, name: str, path: Path) -> None:
        theirs = await self.ask("hash", timeout_s=600.0, session=session, path=name)
        ours = await asyncio.to_thread(sha256, path)
        if theirs != ours:
            raise HostError(f"{path} is not what {self.name} recorded; remove it and fetch again")

    async def __aenter__(self) -> HostConnection:
        """Connected."""
        await self.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends the connection."""
        await self.close()


def _inside(folder: Path, name: str) -> Path:
    """A path below the folder. Raises HostError when the host names one that is not."""
    path = folder / name
    inside = path.resolve()
    if inside == folder.resolve() or not inside.is_relative_to(folder.resolve()):
        raise HostError(f"a host wants to write '{name}', which is outside {folder}; do not use that host")
    return path
