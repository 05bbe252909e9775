"""Tasks on a Ray cluster: on this machine alone, or on all that joined one."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from humanrig.errors import HumanrigError
from humanrig.executors import ray_start
from humanrig.executors.executor import Ended, Event, Progressed, Started, Task
from humanrig.executors.local import default_workers
from humanrig.executors.ray_check import CHECK_S, at_node, check_nodes
from humanrig.executors.ray_nodes import Nodes
from humanrig.executors.ray_work import Board, work_function
from humanrig.executors.same_code import identity

NEWS_S: Final = 0.25
"""So often the board is asked how tasks get on; that a task ended is heard at once."""
PATIENCE_S: Final = 600.0
"""So long a task waits for a machine that could do it, when the last such was lost; a cluster may bring another."""


@dataclass(eq=False)
class _Running:
    """A task that Ray has."""

    task: Task
    key: str
    since: float
    worker: str = ""
    told: tuple[int, int] = (0, 0)
    leaves: str = ""
    homeless: float | None = None
    """Since when no machine could do it."""


class RayExecutor:
    """An `executor.Executor` over a Ray cluster. Ray retries nothing itself: whoever gave a task decides."""

    def __init__(
        self,
        address: str | None = None,
        workers: int | None = None,
        memory_bytes: int | None = None,
        gpus: float | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """address: `auto` or HOST:PORT of a cluster; None starts one on this machine that ends with this executor.

        workers: so many tasks at most at once; by default what the cluster's processors can do. memory_bytes, gpus: of
        a cluster that is started here. Raises HumanrigError when there is no such cluster, and when one of its nodes
        has other code than this program.
        """
        if workers is not None and workers < 1:
            raise HumanrigError(f"--workers {workers}: at least one is needed")
        if address is None:
            ray_start.start(workers or default_workers(), memory_bytes, gpus)
        else:
            ray_start.join(address)
        self._ray: Any = ray_start.import_ray()
        self._workers = workers
        self._nodes = Nodes(self._ray)
        self._work = self._ray.remote(work_function())
        self._like = {} if address is None else identity()  # a cluster of this machine has this code
        self._waiting: list[Task] = []
        self._running: dict[Any, _Running] = {}
        self._happened: list[Event] = []
        self._unfit: dict[str, str] = {}
        self._patience_s = patience_s
        self._given = 0
        self._news_at = 0.0
        try:
            self._board = self._new_board()
            if self._like:
                check_nodes(self._ray, self._work, self._like, self._nodes.alive)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> RayExecutor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def slots(self) -> int:
        """How many tasks run at once on the nodes that are alive now; at least one, as others may join."""
        cpus = max(self._nodes.cpus, 1)
        return cpus if self._workers is None else min(cpus, self._workers)

    @property
    def remarks(self) -> Sequence[str]:
        """Nodes that joined later and are not used, with the reason."""
        return list(self._unfit.values())

    def submit(self, task: Task) -> None:
        """Takes a task. Raises HumanrigError for one that no node that ever joined could hold."""
        if has := self._nodes.never_fits(task):
            raise HumanrigError(
                f"{task.name} needs a processor, {task.memory_bytes / 1e9:.1f} GB of memory and {task.gpus:g} GPUs on "
                f"one machine; the cluster's have {has}; add a larger one, or ask for less"
            )
        self._waiting.append(task)
        self._hand_out()

    def events(self, timeout_s: float) -> Sequence[Event]:
        """What happened since the last call, in order; waits for the first event at most so long."""
        until = time.monotonic() + timeout_s
        while True:
            self._hand_out()
            self._hear_news()
            left = 0.0 if self._happened else min(max(until - time.monotonic(), 0.0), NEWS_S)
            for ref in self._over(left):
                self._end(ref)
            self._give_up()
            if self._happened or time.monotonic() >= until:
                happened, self._happened = self._happened, []
                return happened

    def cancel(self, name: str) -> None:
        """Ends a task, running or waiting; no event of it comes any more."""
        self._waiting = [task for task in self._waiting if task.name != name]
        for ref in [ref for ref, item in self._running.items() if item.task.name == name]:
            del self._running[ref]
            self._ray.cancel(ref, force=True)
        self._happened = [event for event in self._happened if event.task.name != name]

    def close(self) -> None:
        """Ends everything: tasks, and the cluster where it was started here."""
        if not self._ray.is_initialized():
            return
        with suppress(self._ray.exceptions.RayError):  # a cluster that is gone has ended them
            for ref in self._running:
                self._ray.cancel(ref, force=True)
        self._waiting, self._running, self._happened = [], {}, []
        self._ray.shutdown()

    def _hand_out(self) -> None:
        # without a bound Ray gets all of them at once, so that a cluster that grows sees what is wanted
        while self._waiting and (self._workers is None or len(self._running) < self._workers):
            task = self._waiting.pop(0)
            self._given += 1
            key = f"{self._given}"
            ref = self._work.options(**self._options(task)).remote(
                self._like, task.call, dict(task.arguments), key, self._board
            )
            self._running[ref] = _Running(task=task, key=key, since=time.monotonic())

    def _options(self, task: Task) -> Mapping[str, Any]:
        options: dict[str, Any] = {"num_cpus": 1, "num_gpus": task.gpus, "max_retries": 0, "name": task.name}
        if task.memory_bytes:
            options["memory"] = task.memory_bytes
        near = self._nodes.of_machine(task.machine)
        if self._unfit:
            options["label_selector"] = {"ray.io/node-id": f"!in({','.join(self._unfit)})"}
        elif near:
            options["scheduling_strategy"] = at_node(near, soft=True)
        return options

    def _hear_news(self) -> None:
        now = time.monotonic()
        if not self._running or now - self._news_at < NEWS_S:
            return
        self._news_at = now
        try:
            news = self._ray.get(self._board.take.remote(), timeout=CHECK_S)
        except self._ray.exceptions.RayError:
            self._board = self._new_board()  # progress of what runs is lost; the work is not
            return
        for item in self._running.values():
            said = news.get(item.key, {})
            if "worker" in said:
                self._started(item, said["worker"])
            if "progress" in said:
                self._progressed(item, said["progress"])
            item.leaves = said.get("leaves", item.leaves)

    def _over(self, wait_s: float) -> list[Any]:
        """What is over, in the order in which it was given; waits for the first at most so long."""
        if not self._running:
            time.sleep(wait_s)
            return []
        refs = list(self._running)
        first, _ = self._ray.wait(refs, num_returns=1, timeout=wait_s, fetch_local=False)
        if not first:
            return []
        over = set(self._ray.wait(refs, num_returns=len(refs), timeout=0, fetch_local=False)[0])
        return [ref for ref in refs if ref in over]

    def _end(self, ref: Any) -> None:
        errors = self._ray.exceptions
        try:
            done = self._ray.get(ref, timeout=CHECK_S)
        except errors.RayError as error:
            self._news_at = 0.0
            self._hear_news()
            item = self._running.pop(ref)
            self._happened.append(self._died(item, error))
            return
        item = self._running.pop(ref)
        if done["unfit"]:
            self._exclude(item, done)
            return
        self._started(item, done["worker"])
        self._progressed(item, done["told"])
        kept = {name: done[name] for name in ("seconds", "worker", "value", "error", "trouble")}
        self._happened.append(Ended(task=item.task, **kept))

    def _died(self, item: _Running, error: Exception) -> Ended:
        seconds = round(time.monotonic() - item.since, 3)
        errors = self._ray.exceptions
        if isinstance(error, errors.RayTaskError):  # of the few lines of ours outside `perform`
            return Ended(task=item.task, seconds=seconds, worker=item.worker, trouble=str(error))
        who = item.worker or "a machine of the cluster"
        if item.leaves:
            how = item.leaves
        elif isinstance(error, errors.OutOfMemoryError):
            how = f"Ray killed it on {who}: the machine ran out of memory"
        elif isinstance(error, errors.WorkerCrashedError):
            how = f"its process on {who} was killed or crashed"
        else:
            how = f"{who} was lost ({type(error).__name__})"
        return Ended(task=item.task, seconds=seconds, worker=item.worker, died=how)

    def _started(self, item: _Running, worker: str) -> None:
        if not item.worker:
            item.worker = worker
            self._happened.append(Started(task=item.task, worker=worker))

    def _progressed(self, item: _Running, told: tuple[int, int]) -> None:
        if told != item.told:
            item.told = told
            self._happened.append(Progressed(task=item.task, done=told[0], total=told[1]))

    def _exclude(self, item: _Running, done: Mapping[str, Any]) -> None:
        """A node that joined later has other code: nothing more is given to it, and this task to another."""
        host = done["worker"].split("/", maxsplit=1)[0]
        self._unfit[done["node"]] = f"node {host} is not used: {done['unfit']}"
        self._waiting.insert(0, item.task)

    def _give_up(self) -> None:
        """Ends tasks that wait for a machine that is gone for good."""
        now = time.monotonic()
        for ref, item in list(self._running.items()):
            if item.worker or self._nodes.fits_now(item.task, list(self._unfit)):
                item.homeless = None
                continue
            item.homeless = item.homeless or now
            if now - item.homeless >= self._patience_s:
                del self._running[ref]
                self._ray.cancel(ref, force=True)
                self._happened.append(Ended(task=item.task, error=self._no_home(item.task)))

    def _no_home(self, task: Task) -> str:
        why = "; ".join(self._unfit.values()) or "the machines that could were lost"
        return (
            f"{task.name}: no machine of the cluster could do it for {self._patience_s:.0f} s ({why}); it needs a "
            f"processor, {task.memory_bytes / 1e9:.1f} GB of memory and {task.gpus:g} GPUs; let one join and give the "
            "command again"
        )

    def _new_board(self) -> Any:
        here = self._ray.get_runtime_context().get_node_id()
        board = self._ray.remote(Board)
        return board.options(num_cpus=0, scheduling_strategy=at_node(here, soft=False)).remote()
