"""Sessions in an object store that speaks S3: a real server on loopback."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("s3fs", reason="pip install s3fs")
pytest.importorskip("moto", reason="pip install 'moto[server]'")

import fsspec
import fsspec.config
from batch_stages import play_stages, take
from played_executor import PlayedExecutor

from humanrig import lease, manifest
from humanrig.batch import places_lease, places_remote, places_store
from humanrig.batch.asking import Asked
from humanrig.batch.finding import find_sessions
from humanrig.batch.places_lease import held_in_store
from humanrig.batch.places_remote import RemotePlace
from humanrig.batch.places_store import Store
from humanrig.batch.scheduler import Batch
from humanrig.errors import HumanrigError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = Path(sys.executable).with_name("moto_server")
    process = subprocess.Popen(
        [str(program), "-H", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    until = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            assert time.monotonic() < until
            time.sleep(0.1)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait()


@pytest.fixture
def day(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An address with two sessions; who we are is in fsspec's configuration."""
    settings = {"endpoint_url": server, "key": "nobody", "secret": "nothing"}
    monkeypatch.setitem(fsspec.config.conf, "s3", settings)
    monkeypatch.setitem(fsspec.config.conf, "s3a", settings)
    monkeypatch.setenv("HUMANRIG_SCRATCH", str(tmp_path / "node a"))
    monkeypatch.setattr(places_remote, "_in_use", {})
    store = fsspec.filesystem("s3")
    bucket = tmp_path.name.replace("_", "-")
    store.mkdir(bucket)
    for name in ("run", "walk"):
        store.put(f"{take(tmp_path / name)}/", f"{bucket}/day/{name}/", recursive=True)
    return f"s3://{bucket}/day"


def run(day: str) -> Batch:
    batch = Batch(PlayedExecutor(2), find_sessions([day]), Asked(), lambda _: None)
    batch.run()
    return batch


def test_a_batch_over_a_bucket_does_everything_once_wherever_it_runs(
    day: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages = play_stages(monkeypatch)
    for machine, ran in (("node a", 6), ("node b", 0), ("node a", 0)):
        monkeypatch.setenv("HUMANRIG_SCRATCH", str(tmp_path / machine))
        batch = run(day)
        assert [work.state for work in batch.works] == ["done", "done"], [work.error for work in batch.works]
        assert len(stages.ran) == ran
        stages.ran.clear()
    for name in ("run", "walk"):
        files = set(Store(f"{day}/{name}").files())
        assert {"sync/manifest.json", "masks/value.txt", "register/value.txt"} <= files
        assert lease.NAME not in files


def test_a_session_of_a_bucket_has_one_holder(day: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places_lease, "BEAT_S", 0.2)
    with held_in_store(Store(f"{day}/walk")) as holder:
        with pytest.raises(HumanrigError, match=r"another humanrig is working on s3://"):
            held_in_store(Store(f"{day}/walk")).__enter__()
        holder.check()
    with held_in_store(Store(f"{day}/walk")):
        pass


def test_a_stage_that_loses_its_manifest_is_done_again_and_one_with_other_bytes_too(
    day: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages = play_stages(monkeypatch)
    run(day)
    stages.ran.clear()
    store = Store(f"{day}/walk")
    store.remove(["register/manifest.json"])
    value = store.read("masks/value.txt")
    assert value is not None
    (tmp_path / "other").write_bytes(b"x" * len(value))
    store.put(tmp_path / "other", "masks/value.txt")
    monkeypatch.setenv("HUMANRIG_SCRATCH", str(tmp_path / "node b"))
    assert [work.state for work in run(day).works] == ["done", "done"]
    assert stages.ran == [("walk", "masks"), ("walk", "register")]
    assert store.read("masks/value.txt") == value


def test_what_was_made_and_could_not_be_sent_is_sent_the_next_time(
    day: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    play_stages(monkeypatch)
    monkeypatch.setattr(places_store, "TRIES", 1)
    place = RemotePlace(f"{day}/walk")
    folder = place.local() / "masks"
    folder.mkdir()
    (folder / "a.png").write_bytes(bytes(100))
    outputs = manifest.hash_outputs(folder)
    made = manifest.Manifest(
        stage="masks", code="1", inputs={}, config={}, instants=[], without=[], outputs=outputs, seconds=1.0,
        started="2026-01-01",
    )  # fmt: skip
    manifest.write(made, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(place._store._fs, "put_file", _unreachable)
        with pytest.raises(HumanrigError, match=r"masks/a.png cannot be written .* run the same command again"):
            place.publish("masks")
    assert "masks/manifest.json" not in place._store.files()
    place.publish("masks")
    assert place._store.files()["masks/a.png"].size == 100


def test_a_bucket_that_is_not_there_is_a_row(day: str) -> None:
    (found,) = find_sessions(["s3://no-such-bucket-of-ours/day"])
    assert "no-such-bucket-of-ours" in found.trouble


def _unreachable(*_: object, **__: object) -> None:
    raise ConnectionError("no route to host")
