"""Machines that work on sessions of a store, each with its own scratch, and what is in the store's folders."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from humanrig import manifest
from humanrig.batch import places_remote
from humanrig.batch.places_remote import RemotePlace
from humanrig.batch.places_store import Store
from humanrig.manifest import Manifest


class Node:
    """A machine with its own scratch."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder, self._patch = folder, patch

    def place(self, url: str) -> RemotePlace:
        """A session as a process of this machine sees it, which worked on nothing before."""
        self._patch.setenv("HUMANRIG_SCRATCH", str(self.folder))
        for copy in places_remote._in_use.values():
            copy.let_go()
        places_remote._in_use.clear()
        return RemotePlace(url)


def url(folder: Path) -> str:
    return f"file://{folder}"


def make(session: Path, stage: str, files: dict[str, str], started: str = "2026-01-01") -> Path:
    """A finished stage in a session's folder."""
    folder = session / stage
    shutil.rmtree(folder, ignore_errors=True)
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    outputs = manifest.hash_outputs(folder)
    manifest.write(
        Manifest(
            stage=stage, code="1", inputs={}, config={}, instants=[], without=[], outputs=outputs, seconds=1.0,
            started=started,
        ),
        folder,
    )  # fmt: skip
    return folder


def contents(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


def outputs(stage: Path) -> dict[str, str]:
    return {name: text for name, text in contents(stage).items() if name != "manifest.json"}


def counted(monkeypatch: pytest.MonkeyPatch, name: str) -> list[str]:
    """The relative paths that a method of Store is called with."""
    calls: list[str] = []
    real = getattr(Store, name)

    def call(self: Store, *arguments: object) -> object:
        calls.append(str(arguments[-1] if name == "put" else arguments[0]))
        return real(self, *arguments)

    monkeypatch.setattr(Store, name, call)
    return calls
