"""Cuts off who holds a connection to an agent and says nothing: open files are the recording's."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from aiohttp import web

MAX_CONNECTIONS = 32
"""A computer that starts takes needs two: its questions, and one file at a time."""
IDLE_S = 10.0
"""Between requests, and for one to arrive whole."""
TICK_S = 0.5


class IdleConnections:
    """Watches the connections of one server; those within `busy` are left alone."""

    def __init__(
        self, *, idle_s: float = IDLE_S, most: int = MAX_CONNECTIONS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`most` connections are kept; of more, the ones that were idle longest are cut off."""
        self._idle_s, self._most, self._clock = idle_s, most, clock
        self._since: dict[asyncio.BaseTransport, float] = {}
        self._busy: set[asyncio.BaseTransport | None] = set()

    @contextmanager
    def busy(self, transport: asyncio.BaseTransport | None) -> Iterator[None]:
        """While a request that was let in by its token is answered."""
        self._busy.add(transport)
        try:
            yield
        finally:
            self._busy.discard(transport)
            if transport is not None:
                self._since.pop(transport, None)

    def sweep(self, server: web.Server) -> None:
        """Once."""
        now = self._clock()
        there = [handler.transport for handler in server.connections if handler.transport is not None]
        idle = [transport for transport in there if transport not in self._busy]
        self._since = {transport: self._since.get(transport, now) for transport in idle}
        longest_first = sorted(idle, key=lambda transport: self._since[transport])
        too_many = max(0, len(there) - self._most)
        for place, transport in enumerate(longest_first):
            if (place < too_many or now - self._since[transport] > self._idle_s) and isinstance(
                transport, asyncio.WriteTransport
            ):
                transport.abort()

    def guarded(self, server: web.Server) -> Callable[[], asyncio.BaseProtocol]:
        """The server's protocol for each new connection, which makes room for itself."""

        def accept() -> asyncio.BaseProtocol:
            self.sweep(server)
            return server()

        return accept

    async def watch(self, server: web.Server) -> None:
        """Until it is cancelled."""
        while True:
            self.sweep(server)
            await asyncio.sleep(TICK_S)
