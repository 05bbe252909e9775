"""The machines of a Ray cluster: what each has for tasks, and whether a task would fit."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from humanrig.executors.executor import Task

LOOK_S: Final = 2.0
"""So old may be what is known of the nodes."""


@dataclass(frozen=True, kw_only=True)
class Node:
    """What one machine has, whether or not it is in use."""

    id: str
    host: str
    cpus: float
    gpus: float
    memory_bytes: float

    def lacks(self, task: Task) -> str:
        """Why it could never do a task, such as `8.0 GB of memory`; empty where it could."""
        if self.cpus < 1:
            return "no processor for tasks"
        if task.memory_bytes > self.memory_bytes:
            return f"{self.memory_bytes / 1e9:.1f} GB of memory"
        return f"{self.gpus:g} GPUs" if task.gpus > self.gpus + 1e-9 else ""


@dataclass
class Nodes:
    """The nodes that are alive, and those that once were."""

    ray: Any
    _now: list[Node] = field(default_factory=list)
    _ever: dict[str, Node] = field(default_factory=dict)
    _looked: float = -LOOK_S

    @property
    def alive(self) -> Sequence[Node]:
        """Those of the last two seconds."""
        now = time.monotonic()
        if now - self._looked >= LOOK_S:
            self._looked = now
            self._now = [_node(entry) for entry in self.ray.nodes() if entry["Alive"]]
            self._ever.update({node.id: node for node in self._now})
        return self._now

    @property
    def cpus(self) -> int:
        """Processors of all that are alive."""
        return int(sum(node.cpus for node in self.alive))

    def never_fits(self, task: Task) -> str:
        """What the machines have where none of them, alive or lost, could ever do the task; empty where one could."""
        _ = self.alive
        lacks = [node.lacks(task) for node in self._ever.values()]
        return "; ".join(sorted(set(lacks))) if all(lacks) else ""

    def fits_now(self, task: Task, unfit: Sequence[str]) -> bool:
        """Whether a machine that is alive and not `unfit` could do the task."""
        return any(not node.lacks(task) for node in self.alive if node.id not in unfit)

    def of_machine(self, name: str) -> str:
        """The id of the node with that name of host; empty where none is alive."""
        return next((node.id for node in self.alive if name and node.host == name), "")


def _node(entry: dict[str, Any]) -> Node:
    has = entry["Resources"]
    return Node(
        id=entry["NodeID"],
        host=entry["NodeManagerHostname"],
        cpus=has.get("CPU", 0.0),
        gpus=has.get("GPU", 0.0),
        memory_bytes=has.get("memory", 0.0),
    )
