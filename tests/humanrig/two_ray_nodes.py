"""Two Ray nodes on this machine, started as docs/cluster.md says; one of them can be killed like a lost machine."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

START_S = 90.0
LONGEST_S = 240.0
RAY = Path(sys.executable).with_name("ray")


class RayNodes:
    """A head with one processor and, after `join`, others. Only who has the token may use them."""

    def __init__(self, scratch: Path) -> None:
        self.environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]).rstrip(":"),
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": secrets.token_hex(32),
            "RAY_USAGE_STATS_ENABLED": "0",
        }
        self._logs = scratch
        self._started: list[subprocess.Popen[bytes]] = []
        port = _free_port()
        self.head = self._start("head", ["--head", f"--port={port}", "--include-dashboard=false"], {})
        # Ray chooses the address: the one that other machines would use
        self.address = _said(scratch / "head.log", r"--address='([^']+)'")[1]

    def join(self, variables: Mapping[str, str] | None = None, *words: str) -> subprocess.Popen[bytes]:
        """One more node with one processor; returns when the cluster has it."""
        name = f"node{len(self._started)}"
        node = self._start(name, [f"--address={self.address}", *words], variables or {})
        _said(self._logs / f"{name}.log", r"Ray runtime started")
        return node

    def lose(self, node: subprocess.Popen[bytes]) -> None:
        """All processes of a node are gone at once, as when its machine is."""
        kill_node(node.pid)
        node.wait()

    def drive(self, call: str, **arguments: Any) -> Any:
        """What a function of tests/humanrig returns in a process of its own: Ray knows one token in a process."""
        module, _, name = call.partition(":")
        program = (
            "import json, sys\n"
            f"from {module} import {name}\n"
            f"result = {name}(**json.loads(sys.argv[1]))\n"
            "print('RESULT', json.dumps(result))\n"
        )
        words = [sys.executable, "-c", program, json.dumps({"address": self.address, **arguments})]
        done = subprocess.run(words, env=self.environment, capture_output=True, text=True, timeout=LONGEST_S)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        *others, last = done.stdout.splitlines()
        assert not others, others  # nothing of Ray's is printed
        return json.loads(last.removeprefix("RESULT "))

    def close(self) -> None:
        """Ends the nodes that were started here, and nothing else."""
        for node in reversed(self._started):
            self.lose(node)

    def _start(self, name: str, words: list[str], variables: Mapping[str, str]) -> subprocess.Popen[bytes]:
        command = [str(RAY), "start", "--block", "--num-cpus=1", "--object-store-memory=100000000", *words]
        log = (self._logs / f"{name}.log").open("wb")
        node = subprocess.Popen(
            command, env={**self.environment, **variables}, stdout=log, stderr=log, start_new_session=True
        )
        self._started.append(node)
        return node


def kill_node(leader: int) -> None:
    """Kills every process of the session that a node was started in."""
    for pid in [pid for pid in _pids() if session_of(pid) == leader]:
        _kill(pid)


def session_of(pid: int) -> int:
    """The process that the session of this one was started with; -1 where it is gone."""
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return -1


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _said(log: Path, pattern: str) -> re.Match[str]:
    """What a node writes once it is there."""
    until = time.monotonic() + START_S
    while (found := re.search(pattern, log.read_text(errors="replace"))) is None:
        assert time.monotonic() < until, log.read_text(errors="replace")
        time.sleep(0.2)
    return found


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
