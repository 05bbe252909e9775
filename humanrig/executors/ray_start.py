"""Joins a Ray cluster, or starts one on this machine that nobody else can reach."""

from __future__ import annotations

import logging
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from hps.synthesis.one_thread import VARIABLES
from humanrig.errors import HumanrigError
from humanrig.executors.machine import memory_for_tasks

ANSWER_S: Final = 5.0
"""So long the head of a cluster may take to accept a connection; Ray itself would try for minutes."""
STORE_BYTES: Final = 100_000_000
"""Ray would set aside a third of the memory for what tasks hand to each other; ours hand on paths."""
FORWARDED: Final = ("HUMANRIG_BODY_MODEL",)
"""Settings that results depend on. Places of caches and scratch are each node's own."""
LOOPBACK: Final = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
"""Ray's switch between one machine, all of whose ports are on loopback, and ports that every machine reaches. Its
default on Linux is the second even for a cluster of one process."""


def import_ray() -> Any:
    """The package. Raises HumanrigError where it is not installed."""
    try:
        import ray
    except ImportError as error:
        raise HumanrigError(
            f"--executor ray: Ray cannot be loaded ({error}); run: pip install 'humanrig[cluster]', on every node"
        ) from None
    return ray


def join(address: str) -> None:
    """Connects this process to a cluster: `auto`, or HOST:PORT of its head. Raises HumanrigError saying why not."""
    ray = import_ray()
    _only_once(ray)
    if address != "auto":
        _check_answers(address)
    try:
        with _setting(LOOPBACK, "1"):
            ray.init(address=address, **_quiet())
    except Exception as error:  # Ray has no one class for what can be wrong
        ray.shutdown()
        raise HumanrigError(_why_not(address, f"{error} {error.__cause__ or ''}")) from None
    _hush(ray)


def start(workers: int, memory_bytes: int | None, gpus: float | None) -> None:
    """Starts a cluster of this machine alone, which ends with this process. Raises HumanrigError when it fails."""
    ray = import_ray()
    _only_once(ray)
    has: dict[str, Any] = {
        "num_cpus": workers,
        "_memory": memory_for_tasks() if memory_bytes is None else memory_bytes,
        "object_store_memory": STORE_BYTES,
    }
    if gpus is not None:
        has["num_gpus"] = gpus
    try:
        with _setting(LOOPBACK, "0"), _setting("RAY_ADDRESS", None):
            # `local`: without it Ray would join whatever cluster was started last on this machine
            ray.init(address="local", include_dashboard=False, **has, **_quiet())
    except Exception as error:
        ray.shutdown()
        raise HumanrigError(f"Ray could not be started on this machine: {_first_line(error)}") from None
    _hush(ray)


def _quiet() -> dict[str, Any]:
    """Options that both ways share: no words of Ray's between ours, one thread for each library of a task."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    forwarded = {name: os.environ[name] for name in FORWARDED if name in os.environ}
    return {
        "log_to_driver": False,
        "logging_level": logging.CRITICAL,
        "namespace": "humanrig",
        "runtime_env": {"env_vars": {**dict.fromkeys(VARIABLES, "1"), **forwarded}},
    }


def _hush(ray: Any) -> None:
    """Ray prints to standard output that a worker died, whatever its options say; we tell it as an event."""
    ray._private.worker.print_to_stdstream = lambda data, ignore_prefix=False: None


def _only_once(ray: Any) -> None:
    if ray.is_initialized():
        raise HumanrigError("this process is connected to a Ray cluster already; close that executor first")


def _check_answers(address: str) -> None:
    if address.startswith("ray://"):
        raise HumanrigError(
            f"--address {address}: Ray's client protocol is not supported; run the command on a node of the cluster, "
            "with --address auto"
        )
    match = re.fullmatch(r"\[?([^\s\]/]+?)\]?:(\d{1,5})", address)
    if match is None or not 0 < int(match[2]) < 65536:
        raise HumanrigError(f"--address {address}: expected auto, or HOST:PORT of the head such as 10.0.0.1:6379")
    try:
        socket.create_connection((match[1], int(match[2])), timeout=ANSWER_S).close()
    except OSError as error:
        raise HumanrigError(
            f"--address {address}: nothing answers there ({error}); is the head running (ray start --head), and may "
            "this machine reach its port?"
        ) from None


def _why_not(address: str, text: str) -> str:
    where = f"--address {address}"
    if "ersion mismatch" in text:
        versions = " ".join(text.split())
        return f"{where}: the cluster runs another Ray or Python; install the same on every node. Ray says: {versions}"
    if "AuthToken" in text or "uthentication" in text:
        return f"{where}: the cluster wants another token; give it in RAY_AUTH_TOKEN_PATH, or set RAY_AUTH_MODE=token"
    if "Could not find any running Ray instance" in text:
        return f"{where}: no Ray runs on this machine; run `ray start --address=HEAD:6379` here first"
    if "local Raylet" in text:
        return (
            f"{where}: this machine is no node of that cluster; run `ray start --address=HEAD:6379 --num-cpus=0` here "
            f"first, or give the command on a node. Ray says: {_first_line(text)}"
        )
    return f"{where}: {_first_line(text)}"


def _first_line(error: object) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


@contextmanager
def _setting(name: str, value: str | None) -> Iterator[None]:
    """A variable of Ray's, for as long as Ray starts; Ray reads some of them when it is imported."""
    import ray._private.ray_constants as constants

    before, enabled = os.environ.get(name), constants.ENABLE_RAY_CLUSTER
    os.environ.pop(name, None)
    if value is not None:
        os.environ[name] = value
    if name == LOOPBACK:
        constants.ENABLE_RAY_CLUSTER = value == "1"
    try:
        yield
    finally:
        constants.ENABLE_RAY_CLUSTER = enabled
        os.environ.pop(name, None)
        if before is not None:
            os.environ[name] = before
