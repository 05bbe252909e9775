"""One program at a time works on a session of a store: a note beside it, which its holder renews while it works."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import Final

from humanrig.batch.places_store import Store
from humanrig.errors import HumanrigError
from humanrig.lease import EXPIRY_S, NAME, Holder, refusal

BEAT_S: Final = 10.0
"""So often the holder renews it: a request or two each time."""
POLL_S: Final = 1.0


class StoreLease:
    """A session of a store that this process holds. Use `held_in_store`.

    Stores have no clock that two machines share, and few can make a file only where there is none. So a lease is
    watched for a change instead of being dated, and its holder asks before it sends anything whether it still has it:
    of two that took it in the same moment, the later one has it.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._mine = Holder.this()
        self._beats = 0
        self._ended = threading.Event()
        self._renewing = threading.Thread(target=self._beat, name="lease in the store", daemon=True)

    def check(self) -> None:
        """Raises HumanrigError when another program has taken the session: nothing may be sent any more."""
        text = self._read()
        if text is None:  # removed by hand: nobody else has it
            self._renew(self._store)
        elif not self._is_mine(text):
            raise HumanrigError(f"{refusal(self._store.url, _holder(text))}; nothing was sent")

    def take(self, wait_s: float) -> None:
        """Waits at most so long for another program. Raises HumanrigError, naming it, when it still works then."""
        until = time.monotonic() + wait_s
        while (text := self._read()) is not None and not self._is_gone(text):
            if time.monotonic() >= until:
                raise HumanrigError(refusal(self._store.url, _holder(text)))
            time.sleep(POLL_S)
        self._renew(self._store)
        self._renewing.start()

    def release(self) -> None:
        """Lets go, unless another has it."""
        self._ended.set()
        self._renewing.join()
        with suppress(HumanrigError):  # it expires
            text = self._read()
            if text is not None and self._is_mine(text):
                self._store.remove([NAME])

    def _beat(self) -> None:
        store = None
        while not self._ended.wait(BEAT_S):
            with suppress(HumanrigError):  # the store is out of reach for a moment: the next beat may come through
                store = store or Store(self._store.url)  # fsspec gives each thread its own connections
                text = store.read(NAME)
                if text is None or not self._is_mine(text.decode(errors="replace")):
                    return
                self._renew(store)

    def _renew(self, store: Store) -> None:
        self._beats += 1
        store.write(NAME, f"{json.dumps(asdict(self._mine))}\n{self._beats}".encode())

    def _read(self) -> str | None:
        data = self._store.read(NAME)
        return None if data is None else data.decode(errors="replace")

    def _is_mine(self, text: str) -> bool:
        holder = _holder(text)
        return holder is not None and holder.token == self._mine.token

    def _is_gone(self, text: str) -> bool:
        """Whether its holder lives no more: it is a process of this machine that ended, or is not heard of."""
        holder = _holder(text)
        if holder is not None and holder.has_ended:
            return True
        until = time.monotonic() + EXPIRY_S
        while time.monotonic() < until:
            time.sleep(POLL_S)
            if (now := self._read()) != text:
                return now is None  # it let go
        return True


@contextmanager
def held_in_store(store: Store, wait_s: float = 0.0) -> Iterator[StoreLease]:
    """Holds a session of a store; waits at most so long for another program, and somewhat longer to see that it lives.

    Raises HumanrigError, naming the program, when it still holds the session then. A holder of this machine that is
    gone has let go at once; one of another machine after `EXPIRY_S`.
    """
    lease = StoreLease(store)
    lease.take(wait_s)
    try:
        yield lease
    finally:
        lease.release()


def _holder(text: str) -> Holder | None:
    """Who has it: its first line; the second counts the beats."""
    return Holder.told(text.partition("\n")[0])
