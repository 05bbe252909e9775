"""Why there is no Ray cluster: a sentence that says what to do, before Ray waits for minutes."""

from __future__ import annotations

import socket
import sys
import time

import pytest

from humanrig.errors import HumanrigError
from humanrig.executors import ray_start
from humanrig.executors.ray_cluster import RayExecutor
from humanrig.executors.ray_start import import_ray


def test_without_ray_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(HumanrigError, match=r"pip install 'humanrig\[cluster\]'"):
        import_ray()


@pytest.mark.parametrize("address", ["somewhere", "10.0.0.1", "10.0.0.1:0", "10.0.0.1:70000", "a b:6379", ""])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(HumanrigError, match="expected auto, or HOST:PORT"):
        ray_start._check_answers(address)


def test_the_client_protocol_is_refused() -> None:
    with pytest.raises(HumanrigError, match="client protocol is not supported"):
        ray_start._check_answers("ray://10.0.0.1:10001")


def test_an_address_where_nothing_answers_is_told_at_once() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
        begin = time.monotonic()
        with pytest.raises(HumanrigError, match="nothing answers there"):
            ray_start._check_answers(address)
        assert time.monotonic() - begin < ray_start.ANSWER_S + 1.0


def test_where_something_listens_ray_is_asked() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        ray_start._check_answers(f"127.0.0.1:{server.getsockname()[1]}")


@pytest.mark.parametrize(
    ("said", "told"),
    [  # as Ray 2.60 says it
        ("Version mismatch: The cluster was started with:\n    Ray: 2.59.0\n    Python: 3.11.7", "another Ray or Pyth"),
        ("Failed to connect RPC error: InvalidAuthToken: Authentication token is missing or incorrect.", "token"),
        ("Could not find any running Ray instance. Please specify the one to connect to", "no Ray runs on this mach"),
        (
            "This node has an IP address of 10.0.0.9, but we cannot find a local Raylet with the",
            "this machine is no node",
        ),
        ("Failed to connect to Ray cluster at 10.0.0.1:6379\nmore lines", "10.0.0.1:6379: Failed to connect to Ray"),
    ],
)
def test_what_ray_says_becomes_what_to_do(said: str, told: str) -> None:
    sentence = ray_start._why_not("10.0.0.1:6379", said)
    assert told in sentence
    assert "\n" not in sentence


def test_no_worker_at_all_is_refused() -> None:
    with pytest.raises(HumanrigError, match="at least one"):
        RayExecutor(workers=0)
