"""What every executor speaks: tasks that name a function and paths, and events of what became of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

Tell = Callable[[int, int], None]
"""What a running task says: (done, total)."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """A piece of work of seconds to minutes, done in a process that need not be on this machine."""

    name: str
    """Unique among the tasks of one executor."""
    call: str
    """`package.module:function`, imported where the work is done; called as function(tell, **arguments), it returns
    what JSON can hold."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """What JSON can hold: words, numbers, paths as text. Frames stay on disk."""
    memory_bytes: int = 0
    """The most that it needs; an executor runs no more at once than its machines hold."""
    gpus: float = 0.0
    """Shares of a GPU; 0 for work that needs none."""
    machine: str = ""
    """Where it would best run, such as where its files are already; an executor may ignore it."""


@dataclass(frozen=True, kw_only=True)
class Started:
    """A task was taken up."""

    task: Task
    worker: str
    """Who works on it, such as `pc/1234`."""


@dataclass(frozen=True, kw_only=True)
class Progressed:
    """A task got on."""

    task: Task
    done: int
    total: int


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A task is over: exactly one of value, error, trouble and died says how."""

    task: Task
    seconds: float = 0.0
    """That the function itself took."""
    worker: str = ""
    value: Any = None
    error: str = ""
    """The sentence of an expected error (`humanrig.expected_errors`)."""
    trouble: str = ""
    """The traceback of an error that nobody expected."""
    died: str = ""
    """How its process ended by itself, such as `signal 9 (SIGKILL)`: the task may be given again."""

    @property
    def fine(self) -> bool:
        """Whether the value counts."""
        return not (self.error or self.trouble or self.died)


Event = Started | Progressed | Ended


@runtime_checkable
class Executor(Protocol):
    """Does tasks, several at once. Used as a context manager: leaving it ends what still runs."""

    @property
    def slots(self) -> int:
        """How many tasks run at once now; a cluster may grow and shrink."""
        ...

    def submit(self, task: Task) -> None:
        """Takes a task. Raises HumanrigError for one that no machine could ever hold, and says which and why."""
        ...

    def events(self, timeout_s: float) -> Sequence[Event]:
        """What happened since the last call, in order; waits for the first event at most so long."""
        ...

    def cancel(self, name: str) -> None:
        """Ends a task, running or waiting; no event of it comes any more."""
        ...

    def close(self) -> None:
        """Ends everything."""
        ...

    def __enter__(self) -> Executor: ...

    def __exit__(self, *_: object) -> None: ...
