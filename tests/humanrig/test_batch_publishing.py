"""What is made of a session in a store is kept there: whole or not at all, by one program at a time, and never lost."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

pytest.importorskip("fsspec", reason="needs the extra [cluster]")

from batch_stages import BatchStages, play_stages, take
from played_executor import PlayedExecutor
from store_nodes import Node, contents, counted, make, outputs, url

from humanrig.batch.asking import Asked
from humanrig.batch.finding import find_sessions
from humanrig.batch.places_store import Store
from humanrig.batch.scheduler import Batch
from humanrig.batch.tasks import prepare_task
from humanrig.errors import HumanrigError


@pytest.fixture(autouse=True)
def stages(monkeypatch: pytest.MonkeyPatch) -> BatchStages:
    return play_stages(monkeypatch)


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    return Node(tmp_path / "node a", monkeypatch)


@pytest.fixture
def other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    return Node(tmp_path / "node b", monkeypatch)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A session in the store, as its folder; `url` is its address."""
    return take(tmp_path / "store" / "day" / "walk")


def test_what_one_machine_publishes_another_has(node: Node, other: Node, kept: Path) -> None:
    place = node.place(url(kept))
    make(place.local(), "masks", {"a.png": "image"})
    place.publish("masks")
    assert contents(kept / "masks") == contents(place.local() / "masks")
    assert contents(other.place(url(kept)).local()) == contents(kept)


def test_only_what_differs_is_sent(node: Node, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(kept, "masks", {"same.png": "same", "other.png": "before", "gone.png": "gone"})
    place = node.place(url(kept))
    local = place.local()
    sent = counted(monkeypatch, "put")
    place.publish("masks")
    assert sent == []  # it is there
    make(local, "masks", {"same.png": "same", "other.png": "behind"})
    place.publish("masks")
    assert sent == ["masks/other.png", "masks/manifest.json"]
    assert contents(kept / "masks") == contents(local / "masks")


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("step", range(8))
def test_publishing_that_is_cut_off_anywhere_does_not_count(
    node: Node, other: Node, kept: Path, monkeypatch: pytest.MonkeyPatch, step: int, before: bool
) -> None:
    old = {"a.png": "old a", "b.png": "old b"}
    new = {"a.png": "new a", "b.png": "new b", "c.png": "new c"}
    if before:
        make(kept, "masks", old)
    place = node.place(url(kept))
    make(place.local(), "masks", new, started="2026-02-02")
    steps = 0

    def cut(name: str) -> Callable[..., None]:
        real = getattr(Store, name)

        def call(self: Store, *arguments: object) -> None:
            nonlocal steps
            steps += 1
            if steps > step:
                raise KeyboardInterrupt
            real(self, *arguments)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name in ("put", "remove"):
            patch.setattr(Store, name, cut(name))
        with suppress(KeyboardInterrupt):
            place.publish("masks")
    found = other.place(url(kept)).local() / "masks"
    if found.exists():
        assert outputs(found) in ([old, new] if before else [new])
    again = node.place(url(kept))
    again.publish("masks")  # the copy has it still
    assert outputs(other.place(url(kept)).local() / "masks") == new


def test_a_stage_that_was_not_finished_is_not_published(node: Node, kept: Path) -> None:
    place = node.place(url(kept))
    (place.local() / "masks").mkdir()
    with pytest.raises(HumanrigError, match="only finished stages"):
        place.publish("masks")


def test_what_was_made_ahead_reaches_other_machines_until_it_is_used(node: Node, other: Node, kept: Path) -> None:
    place = node.place(url(kept))
    piece = place.local() / "cache" / "clouds" / "0123" / "000007.npz"
    piece.parent.mkdir(parents=True)
    piece.write_text("points")
    (piece.parent / "000008.npz.partial").write_text("half")
    place.publish("cache")
    there = other.place(url(kept))
    local = there.local()
    assert contents(local / "cache") == {"clouds/0123/000007.npz": "points"}
    shutil.rmtree(local / "cache" / "clouds")  # as the stage does at its end
    make(local, "clouds", {"000007.npz": "points"})
    there.publish("clouds")
    assert not contents(kept / "cache") if (kept / "cache").exists() else True
    assert "cache/clouds/0123/000007.npz" not in contents(node.place(url(kept)).local())


def test_a_batch_over_addresses_does_everything_once_wherever_it_runs(
    stages: BatchStages, node: Node, other: Node, kept: Path
) -> None:
    take(kept.parent / "run")
    for machine, ran in ((node, 6), (other, 0)):
        machine.place(url(kept))
        batch = Batch(PlayedExecutor(2), find_sessions([url(kept.parent)]), Asked(), lambda _: None)
        batch.run()
        assert [work.state for work in batch.works] == ["done", "done"], [work.error for work in batch.works]
        assert len(stages.ran) == ran
        stages.ran.clear()
    assert {"sync/manifest.json", "masks/value.txt", "register/manifest.json"} <= set(contents(kept))


def test_a_damaged_stage_is_sent_whole_when_it_was_made_again(node: Node, other: Node, kept: Path) -> None:
    files = {"a.png": "image", "b.png": "image"}
    stage = make(kept, "masks", files)
    (stage / "b.png").write_text("imagf")
    place = node.place(url(kept))
    make(place.local(), "masks", files)  # made again: the same manifest as the damaged one's
    place.publish("masks")
    assert outputs(stage) == files
    assert outputs(other.place(url(kept)).local() / "masks") == files


def test_a_session_of_a_store_goes_on_where_its_copy_is(node: Node, kept: Path) -> None:
    node.place(url(kept))
    machines = {}
    for word in (url(kept), str(take(kept.parent / "here"))):
        executor = PlayedExecutor()
        Batch(executor, find_sessions([word]), Asked(), lambda _: None).run()
        machines[word] = [task.machine for task in executor.given]
    first, *others = machines[url(kept)]
    assert first == ""
    assert set(others) == {"here"}
    assert set(machines[str(kept.parent / "here")]) == {""}  # every machine sees a folder


def run(session: str, asked: Asked) -> Batch:
    batch = Batch(PlayedExecutor(), find_sessions([session]), asked, lambda _: None)
    batch.run()
    return batch


@pytest.mark.parametrize(("fails", "before"), [("put", False), ("put", True), ("remove", True)])
def test_what_could_not_be_sent_is_sent_by_the_next_batch_and_not_made_again(
    stages: BatchStages, node: Node, other: Node, kept: Path, fails: str, before: bool
) -> None:
    node.place(url(kept))
    if before:
        run(url(kept), Asked())
    stages.ran.clear()
    asked = Asked(configs={"masks": {"number": 7}})

    def unreachable(self: Store, *arguments: object) -> None:
        if "masks/" in str(arguments):
            raise HumanrigError("no route to the store")
        real(self, *arguments)

    real = getattr(Store, fails)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, fails, unreachable)
        failed = run(url(kept), asked)
    assert failed.works[0].error == "no route to the store"
    stages.ran.clear()
    node.place(url(kept))
    assert [work.state for work in run(url(kept), asked).works] == ["done"]
    assert stages.ran == [("walk", "register")]
    other.place(url(kept))
    assert [work.state for work in run(url(kept), asked).works] == ["done"]
    assert stages.ran == [("walk", "register")]


def test_what_another_node_made_later_is_newer_than_what_could_not_be_sent(node: Node, other: Node, kept: Path) -> None:
    make(kept, "masks", {"a.png": "first"})
    make(node.place(url(kept)).local(), "masks", {"a.png": "second"}, started="2026-02-02")  # and not sent
    elsewhere = other.place(url(kept))
    make(elsewhere.local(), "masks", {"a.png": "third"}, started="2026-03-03")
    elsewhere.publish("masks")
    assert outputs(node.place(url(kept)).local() / "masks") == {"a.png": "third"}


def test_the_shape_of_a_take_in_the_store_is_named_as_the_batch_names_that_take(kept: Path, node: Node) -> None:
    linked = take(kept.parent / "run", links={"shape_from": "../walk"})
    node.place(url(kept))
    found = {one.session for one in find_sessions([url(kept.parent)])}
    shape = prepare_task(lambda done, total: None, session=url(linked), asked=Asked().values)["shape"]
    assert shape == url(kept)
    assert shape in found
