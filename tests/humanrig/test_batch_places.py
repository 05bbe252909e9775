"""Sessions in a store are brought to the node that works on them: what changed, what is whole, and what fits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("fsspec", reason="needs the extra [cluster]")

from batch_stages import BatchStages, play_stages, take
from store_nodes import Node, contents, counted, make, url

from capture.errors import CaptureError
from capture.session import Session
from humanrig.batch import places_remote
from humanrig.batch.finding import find_sessions
from humanrig.batch.places import place_of
from humanrig.batch.places_remote import RemotePlace
from humanrig.batch.places_store import Store
from humanrig.errors import HumanrigError


@pytest.fixture(autouse=True)
def stages(monkeypatch: pytest.MonkeyPatch) -> BatchStages:
    return play_stages(monkeypatch)


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    return Node(tmp_path / "node a", monkeypatch)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A session in the store, as its folder; `url` is its address."""
    return take(tmp_path / "store" / "day" / "walk")


def test_a_session_is_brought_whole_and_the_second_time_nothing(
    node: Node, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(kept, "sync", {"frames.parquet": "rows", "deep/down.txt": "there"})
    local = node.place(url(kept)).local()
    assert contents(local) == contents(kept)
    assert Session.open(local).info == Session.open(kept).info
    got = counted(monkeypatch, "get")
    assert contents(node.place(url(kept)).local()) == contents(kept)
    assert got == []


def test_only_what_changed_is_brought(node: Node, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(kept, "sync", {"same.txt": "same", "other.txt": "before"})
    node.place(url(kept)).local()
    make(kept, "sync", {"same.txt": "same", "other.txt": "behind"})
    (kept / "recording" / "rig.mcap").write_bytes(b"longer frames")
    got = counted(monkeypatch, "get")
    assert contents(node.place(url(kept)).local()) == contents(kept)
    assert sorted(got) == ["recording/rig.mcap", "sync/other.txt"]


def test_what_was_removed_from_the_store_goes_from_the_copy(node: Node, kept: Path) -> None:
    (kept / "recording" / "extra.txt").write_text("not for long")
    node.place(url(kept)).local()
    (kept / "recording" / "extra.txt").unlink()
    assert "recording/extra.txt" not in contents(node.place(url(kept)).local())


@pytest.mark.parametrize("harm", ["no manifest", "file gone", "file cut", "file other", "manifest cut"])
def test_a_stage_that_is_not_whole_does_not_count(node: Node, kept: Path, harm: str) -> None:
    make(kept, "sync", {"frames.parquet": "rows"})
    stage = make(kept, "masks", {"a.png": "image", "b.png": "image"})
    if harm == "no manifest":
        (stage / "manifest.json").unlink()
    elif harm == "file gone":
        (stage / "b.png").unlink()
    elif harm == "file cut":
        (stage / "b.png").write_text("im")
    elif harm == "file other":
        (stage / "b.png").write_text("imagf")
    else:
        text = (stage / "manifest.json").read_text()
        (stage / "manifest.json").write_text(text[: len(text) // 2])
    local = node.place(url(kept)).local()
    assert not (local / "masks").exists()
    assert (local / "sync" / "frames.parquet").exists()


@pytest.mark.parametrize("name", ["../../outside.txt", "/tmp/outside.txt", "a/../../b"])
def test_names_that_lead_out_are_refused(node: Node, kept: Path, name: str) -> None:
    stage = make(kept, "masks", {"a.png": "image"})
    known = json.loads((stage / "manifest.json").read_text())
    known["outputs"][name] = known["outputs"]["a.png"]
    (stage / "manifest.json").write_text(json.dumps(known))
    with pytest.raises(HumanrigError, match="not inside"):
        node.place(url(kept)).local()


def test_a_session_that_is_linked_to_is_brought_as_its_neighbour(node: Node, kept: Path) -> None:
    make(take(kept.parent / "board"), "rig_calibration", {"cameras.json": "{}"})
    (kept.parent / "scan.obj").write_text("v 0 0 0")
    linked = take(kept.parent / "run", links={"calibration_from": "../board", "shape_from": "../scan.obj"})
    local = node.place(url(linked)).local()
    assert (local / "../board/rig_calibration/cameras.json").read_text() == "{}"
    assert (local / "../scan.obj").read_text() == "v 0 0 0"


def test_a_link_that_leads_out_of_the_scratch_is_refused(node: Node, kept: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.obj").write_text("v 0 0 0")
    linked = take(kept.parent / "run", links={"shape_from": str(tmp_path / "secret.obj")})
    with pytest.raises(CaptureError, match="leads out"):
        node.place(url(linked)).local()


def test_an_address_without_a_session_says_so(node: Node, tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"no session at file://.*nothing; is the address right"):
        node.place(url(tmp_path / "nothing")).local()


def test_the_longest_unused_copy_makes_room(node: Node, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUMANRIG_SCRATCH_GB", "0.000025")  # 25 kB
    folders = {}
    for name in ("one", "two", "three"):
        session = take(kept.parent / name)
        (session / "recording" / "rig.mcap").write_bytes(bytes(10_000))
        folders[name] = node.place(url(session)).local()
    there = {name for name, folder in folders.items() if folder.exists()}
    assert there == {"two", "three"}
    assert contents(node.place(url(kept.parent / "one")).local())["recording/rig.mcap"]


def test_a_copy_in_use_is_not_removed_and_one_that_can_never_fit_is_refused(
    node: Node, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUMANRIG_SCRATCH_GB", "0.000015")
    first, second, giant = (take(kept.parent / name) for name in ("one", "two", "giant"))
    for session in (first, second):
        (session / "recording" / "rig.mcap").write_bytes(bytes(10_000))
    (giant / "recording" / "rig.mcap").write_bytes(bytes(20_000))
    place = node.place(url(first))
    local = place.local()
    held = places_remote._in_use.pop(place.name)  # as another process holds it
    scratch = RemotePlace(url(second))
    with pytest.raises(HumanrigError, match=r"do not fit .* raise HUMANRIG_SCRATCH_GB"):
        scratch._scratch.make_room(scratch._copy, 10_000, wait_s=0.0)
    assert local.exists()
    held.let_go()
    with pytest.raises(HumanrigError, match=r"0\.00 GB of giant do not fit"):
        node.place(url(giant)).local()


@pytest.mark.parametrize("text", ["plenty", "-1", "0", "nan"])
def test_a_bound_that_is_no_size_is_refused(node: Node, kept: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("HUMANRIG_SCRATCH_GB", text)
    with pytest.raises(HumanrigError, match=f"HUMANRIG_SCRATCH_GB={text}: expected a number"):
        node.place(url(kept))


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(HumanrigError, match="leave the password out") as caught:
        Store("sftp://someone:hunter2@host/day")
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in find_sessions(["sftp://someone:hunter2@host/day"])[0].name


def test_nobody_else_may_look_into_the_copies(node: Node, kept: Path) -> None:
    node.place(url(kept)).local()
    assert node.folder.stat().st_mode & 0o077 == 0


def test_an_unknown_protocol_is_a_sentence() -> None:
    with pytest.raises(HumanrigError, match=r"nowhere://day: .*nowhere"):
        Store("nowhere://day")


def test_a_store_that_fails_for_good_is_a_sentence(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from humanrig.batch import places_store

    monkeypatch.setattr(places_store.time, "sleep", lambda _: None)
    store = Store(url(kept))
    tries = []

    def fail(*_: object) -> None:
        tries.append(1)
        raise ConnectionError("the network is unreachable")

    monkeypatch.setattr(store._fs, "cat_file", fail)
    with pytest.raises(HumanrigError, match=r"session.toml cannot be read \(ConnectionError: the network"):
        store.read("session.toml")
    assert len(tries) == places_store.TRIES


def test_an_address_with_nothing_is_a_row(tmp_path: Path) -> None:
    (found,) = find_sessions([url(tmp_path / "nothing")])
    assert "no session at file://" in found.trouble
    assert place_of(str(tmp_path)).local() == tmp_path


@pytest.mark.parametrize("gone", ["masks/manifest.json", "masks/a.png"])
def test_a_stage_that_another_node_replaces_just_now_does_not_count(
    node: Node, kept: Path, monkeypatch: pytest.MonkeyPatch, gone: str
) -> None:
    make(kept, "masks", {"a.png": "image"})
    real = Store.files

    def files(self: Store, below: str = "") -> dict:
        listed = real(self, below)
        (kept / gone).unlink(missing_ok=True)
        return listed

    monkeypatch.setattr(Store, "files", files)
    local = node.place(url(kept)).local()
    assert (local / "recording" / "rig.mcap").exists()
    assert not (local / "masks").exists()
