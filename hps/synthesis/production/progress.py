"""How far the shards are: pictures done, over all processes and programs that work on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hps.synthesis.production.workbench import Workbench


@dataclass(eq=False)
class ShardProgress:
    """Counts what is told and what is found; `on_progress` gets (done, total) pictures."""

    bench: Workbench
    on_progress: Callable[[int, int], None]
    on_said: Callable[[str], None]
    """Gets a sentence for each scene that is left out and each process that ended by itself."""
    made: int = 0
    """Pictures that this program made."""
    _begun: Counter[str] = field(default_factory=Counter)
    _done: set[str] = field(default_factory=set)

    def look(self) -> None:
        """Looks for shards that were finished since, by whomever, and reports."""
        for shard in self.bench.shards:
            if shard.name not in self._done and not self.bench.missing(shard):
                self._done.add(shard.name)
                self._begun.pop(shard.name, None)
        self._report()

    def tell(self, what: str, values: dict[str, Any]) -> None:
        """What a process told."""
        shard = values["shard"]
        if what in ("begin", "died"):
            self._begun.pop(shard, None)
        if what == "scene":
            self._begun[shard] += values["pictures"]
        if what == "done":
            self._begun.pop(shard, None)
            self._done.add(shard)
            self.made += values["pictures"]
        if what == "failure":
            self.on_said(f"scene {values['scene']} is left out: {values['reason']}")
        if what == "died":
            doing = f"; shard {shard} is made again" if shard else ""
            self.on_said(f"a process ended by itself ({values['code']}); another takes its place{doing}")
        self._report()

    def _report(self) -> None:
        finished = sum(shard.pictures for shard in self.bench.shards if shard.name in self._done)
        self.on_progress(finished + sum(self._begun.values()), sum(shard.pictures for shard in self.bench.shards))
