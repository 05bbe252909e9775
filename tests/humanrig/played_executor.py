"""An executor without processes: tasks end one by one, in the order that they were given, as the test says."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from humanrig.errors import HumanrigError
from humanrig.executors.executor import Ended, Event, Progressed, Started, Task
from humanrig.executors.performing import perform


def really(task: Task) -> Ended:
    """Does the task here."""
    done = perform(task.call, task.arguments, lambda done, total: None)
    return Ended(task=task, seconds=done.seconds, value=done.value, error=done.error, trouble=done.trouble)


class PlayedExecutor:
    """Notes what it was given; `answer` says how a task ends."""

    def __init__(self, slots: int = 1, answer: Callable[[Task], Ended] = really, memory_bytes: int = 1 << 62) -> None:
        self.slots = slots
        self.given: list[Task] = []
        self.together: list[set[str]] = []
        """Names of the tasks that ran at once, whenever one ended."""
        self._answer = answer
        self._memory = memory_bytes
        self._waiting: list[Task] = []
        self._running: list[Task] = []

    def __enter__(self) -> PlayedExecutor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def submit(self, task: Task) -> None:
        if task.memory_bytes > self._memory:
            raise HumanrigError(f"{task.name} needs {task.memory_bytes} bytes, {self._memory} are there")
        self.given.append(task)
        self._waiting.append(task)

    def events(self, timeout_s: float) -> Sequence[Event]:
        events: list[Event] = []
        while self._waiting and len(self._running) < self.slots:
            task = self._waiting.pop(0)
            self._running.append(task)
            events += [Started(task=task, worker="here/1"), Progressed(task=task, done=1, total=2)]
        if not events and self._running:
            self.together.append({task.name for task in self._running})
            events.append(self._answer(self._running.pop(0)))
        assert events, "the batch waits for nothing"
        return events

    def cancel(self, name: str) -> None:
        raise NotImplementedError

    def close(self) -> None:
        self._waiting, self._running = [], []

    @property
    def names(self) -> list[str]:
        return [task.name for task in self.given]
