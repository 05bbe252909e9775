"""The processes that make the shards: started, listened to, replaced when they die, and ended."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Final, cast

from capture.worker_process import how_it_ended
from hps.errors import HpsError
from hps.synthesis.one_thread import one_thread
from hps.synthesis.production.claims import Claims
from hps.synthesis.production.shard_writer import clear_partial
from hps.synthesis.production.workbench import Tell, Workbench
from hps.synthesis.production.worker_start import start_worker

MOST_DEATHS: Final = 3
"""Processes that one shard, or the start, may cost before the work is given up."""
LISTEN_S: Final = 1.0
END_S: Final = 5.0


@dataclass(eq=False)
class _Member:
    process: BaseProcess
    heard: Connection
    number: int
    shard: str = ""
    """What it works on; empty between shards."""
    finished: bool = False


@dataclass(eq=False)
class Crew:
    """So many processes at one data set."""

    bench: Workbench
    """The parent's own view, to be handed on."""
    tell: Tell
    idle: Callable[[], None] = lambda: None
    """Called about every second."""
    deaths: Counter[str] = field(default_factory=Counter)

    def run(self, workers: int) -> None:
        """Returns when all shards are there. Raises HpsError when they cannot be made; nothing half-made is left."""
        members: list[_Member] = []
        try:
            for number in range(workers):  # one by one: those that run already are ended when the next is interrupted
                members.append(self._start(number, workers))
            while members:
                for heard in wait([member.heard for member in members], LISTEN_S):
                    member = next(m for m in members if m.heard is heard)
                    if not self._listen(member):
                        members.remove(member)
                        self._ended(member)
                        if not member.finished:
                            members.append(self._start(member.number, workers))
                self.idle()
        finally:
            _end(members)
            self.clear()

    def clear(self) -> None:
        """Removes what processes that were ended left, except of shards that other programs work on."""
        with Claims(self.bench.place.folder) as claims:
            for shard in self.bench.shards:
                with claims.shard(shard.index) as mine:
                    if mine:
                        clear_partial(self.bench.folder, shard.name)

    def _start(self, number: int, workers: int) -> _Member:
        # spawned, not forked: threads of numerical libraries do not survive a fork
        context = multiprocessing.get_context("spawn")
        heard, theirs = context.Pipe()
        process = context.Process(target=start_worker, args=(theirs,), name=f"synthesis {number}", daemon=True)
        with one_thread():
            process.start()
        theirs.close()
        member = _Member(process=process, heard=cast(Connection, heard), number=number)
        bench = self.bench
        first = number * len(bench.shards) // workers
        try:
            with suppress(BrokenPipeError, ConnectionResetError):  # it died already: that is heard next
                heard.send((bench.place, bench.table, bench.shards, bench.factory, first))
        except BaseException:  # interrupted while a large table is handed over
            _end([member])
            raise
        return member

    def _listen(self, member: _Member) -> bool:
        """False when there is nothing more to be heard."""
        try:
            what, values = member.heard.recv()
        except (EOFError, OSError):
            return False
        if what == "error":
            raise HpsError(self._sentence(values))
        if what == "finished":
            member.finished = True
            return True
        member.shard = values["shard"] if what != "done" else ""
        self.tell(what, values)
        return True

    def _ended(self, member: _Member) -> None:
        member.process.join(END_S)
        member.heard.close()
        if member.finished:
            return
        self.deaths[member.shard] += 1
        doing = f"shard {member.shard} was made" if member.shard else "it started"
        how = how_it_ended(member.process)
        if self.deaths[member.shard] >= MOST_DEATHS:
            raise HpsError(
                f"{MOST_DEATHS} processes ended by themselves while {doing}, the last with {how}; is "
                "there enough memory? Finished shards are kept; run the same command again with fewer --workers"
            )
        self.tell("died", {"shard": member.shard, "code": how})

    def _sentence(self, values: dict[str, Any]) -> str:
        if not values.get("full"):
            return values["text"]
        done = sum(not self.bench.missing(shard) for shard in self.bench.shards)
        return (
            f"{self.bench.folder}: the disk is full ({values['text']}); {done} of {len(self.bench.shards)} shards are "
            "finished and kept; free some space and run the same command again"
        )


def _end(members: list[_Member]) -> None:
    for member in members:
        member.process.terminate()
    for member in members:
        member.process.join(END_S)
        if member.process.is_alive():
            member.process.kill()
            member.process.join()
        member.heard.close()
