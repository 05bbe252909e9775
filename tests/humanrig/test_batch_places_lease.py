"""A session in a store has one holder, who is watched instead of dated; whoever lost it sends nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest

pytest.importorskip("fsspec", reason="needs the extra [cluster]")

from batch_stages import play_stages, take
from played_executor import PlayedExecutor
from store_nodes import Node, contents, make, url

from humanrig.batch import places_lease
from humanrig.batch.asking import Asked
from humanrig.batch.finding import find_sessions
from humanrig.batch.places_lease import held_in_store
from humanrig.batch.places_store import Store
from humanrig.batch.scheduler import Batch
from humanrig.errors import HumanrigError
from humanrig.lease import EXPIRY_S, NAME, Holder


class Clock:
    """Time that passes only while somebody sleeps; then `during` is called."""

    def __init__(self) -> None:
        self.now = 0.0
        self.during: Callable[[], object] = lambda: None

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.during()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(places_lease, "time", clock)
    return clock


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return take(tmp_path / "store" / "day" / "walk")


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    play_stages(monkeypatch)
    return Node(tmp_path / "node a", monkeypatch)


def elsewhere(kept: Path) -> Callable[[], object]:
    """A holder on another machine; each call is one of its beats."""
    holder = json.dumps(asdict(replace(Holder.this(), host="far", kernel="another")))
    beats = iter(range(1000))

    def beat() -> None:
        (kept / NAME).write_text(f"{holder}\n{next(beats)}")

    beat()
    return beat


def test_it_is_there_while_it_is_held_and_gone_then(kept: Path) -> None:
    with held_in_store(Store(url(kept))) as lease:
        lease.check()
        assert (kept / NAME).is_file()
    assert not (kept / NAME).exists()


def test_a_holder_that_beats_is_named_and_keeps_it(kept: Path, clock: Clock) -> None:
    clock.during = elsewhere(kept)
    with pytest.raises(HumanrigError, match=r"another humanrig is working on file://.*walk .*on far"):
        held_in_store(Store(url(kept)), wait_s=5.0).__enter__()
    assert 5.0 <= clock.now < EXPIRY_S


def test_one_that_is_not_heard_of_has_let_go_after_a_while(kept: Path, clock: Clock) -> None:
    elsewhere(kept)
    with held_in_store(Store(url(kept))):
        assert clock.now >= EXPIRY_S


def test_one_that_lets_go_is_followed_at_once(kept: Path, clock: Clock) -> None:
    elsewhere(kept)
    clock.during = lambda: (kept / NAME).unlink(missing_ok=True)
    with held_in_store(Store(url(kept))):
        assert clock.now == places_lease.POLL_S


@pytest.mark.parametrize("text", ["", "{", "[]\n3"])
def test_one_that_was_cut_off_expires(kept: Path, clock: Clock, text: str) -> None:
    (kept / NAME).write_text(text)
    with held_in_store(Store(url(kept))):
        assert clock.now >= EXPIRY_S


def test_a_process_of_this_machine_that_ended_has_let_go_at_once(kept: Path, clock: Clock) -> None:
    (kept / NAME).write_text(json.dumps(asdict(replace(Holder.this(), begun="1"))) + "\n7")
    with held_in_store(Store(url(kept))):
        assert clock.now == 0.0


def test_beats_change_it(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places_lease, "BEAT_S", 0.01)
    with held_in_store(Store(url(kept))) as lease:
        before, until = lease._read(), time.monotonic() + 10
        while lease._read() == before:
            assert time.monotonic() < until


def test_whoever_lost_it_sends_nothing_and_leaves_the_other_alone(kept: Path, node: Node) -> None:
    place = node.place(url(kept))
    make(place.local(), "masks", {"a.png": "image"})
    with place.held():
        elsewhere(kept)
        with pytest.raises(HumanrigError, match=r"on far.*nothing was sent"):
            place.publish("masks")
    assert not (kept / "masks").exists()
    assert "far" in (kept / NAME).read_text()
    place.publish("masks")  # of the next command
    assert contents(kept / "masks")["a.png"] == "image"


def test_a_session_that_another_batch_works_on_is_a_row(kept: Path, node: Node, clock: Clock) -> None:
    take(kept.parent / "run")
    node.place(url(kept))
    clock.during = elsewhere(kept)
    batch = Batch(PlayedExecutor(), find_sessions([url(kept.parent)]), Asked(), lambda _: None)
    batch.run()
    assert [work.state for work in batch.works] == ["done", "failed"]
    assert "another humanrig is working on file://" in batch.works[1].error
    assert not (kept / "sync").exists()
    assert not (kept.parent / "run" / NAME).exists()
