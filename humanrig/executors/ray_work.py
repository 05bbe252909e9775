"""What Ray runs on its nodes: one function that does a task, and one actor that hears how tasks get on.

The function is made inside another, so that Ray sends its code and not its name: a node without humanrig can then say
that it has none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, no_type_check


def work_function() -> Callable[..., dict[str, Any]]:
    """The function that does one task on a node and returns what became of it, for `ray.remote`.

    It takes what the code must be like (`same_code.identity`; empty: whatever it is), the call, its arguments, and the
    key and the actor that progress is told by. The result has `unfit` where the node's code is another, and nothing was
    done; else it has the fields of `performing.Performed` and `told`, the progress that was told last.
    """

    @no_type_check  # the checker of shapes in the tests makes functions that cannot be sent
    def work(like: dict[str, str], call: str, arguments: dict[str, Any], key: str, board: Any) -> dict[str, Any]:
        import os
        import socket

        import ray

        where = {"worker": f"{socket.gethostname()}/{os.getpid()}", "node": ray.get_runtime_context().get_node_id()}
        try:
            from humanrig.executors.same_code import difference, identity

            unfit = difference(like, identity() if like else {})
        except ImportError as error:
            unfit = f"it has no humanrig that can be used ({error})"
        if unfit or not call:
            return {**where, "unfit": unfit}
        board.started.remote(key, where["worker"])
        from dataclasses import asdict

        import cv2

        from humanrig.executors.performing import perform

        cv2.setNumThreads(1)
        told = [(0, 0)]

        def tell(done: int, total: int) -> None:
            told[0] = (done, total)
            board.progressed.remote(key, done, total)

        done = perform(call, arguments, tell)
        if done.exhausted:
            ray.get(board.leaves.remote(key, done.exhausted))
            os._exit(1)
        return {**where, "unfit": "", "told": told[0], **asdict(done)}

    return work


class Board:
    """The actor that gathers what running tasks say, until the executor asks. It runs beside the executor."""

    def __init__(self) -> None:
        self.news: dict[str, dict[str, Any]] = {}

    def started(self, key: str, worker: str) -> None:
        """A task is worked on."""
        self.news.setdefault(key, {})["worker"] = worker

    def progressed(self, key: str, done: int, total: int) -> None:
        """Only the latest of a task counts."""
        self.news.setdefault(key, {})["progress"] = (done, total)

    def leaves(self, key: str, why: str) -> None:
        """The last words of a process that ends itself."""
        self.news.setdefault(key, {})["leaves"] = why

    def take(self) -> dict[str, dict[str, Any]]:
        """What was said since the last time, by the key of the task."""
        news, self.news = self.news, {}
        return news
