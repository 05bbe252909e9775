"""Manifests: what a stage read, how it was configured and what it wrote, so that a matching result is not redone."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from capture.fingerprint import fingerprint as fingerprint
from geometry.told_values import json_of
from humanrig.errors import HumanrigError

SCHEMA = 2
NAME = "manifest.json"
HOW = ("workers",)
"""Options that change how the work is done and nothing of what comes of it."""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The record of one finished stage."""

    stage: str
    code: str
    """Version of the program and of the stage."""
    inputs: dict[str, str]
    """Fingerprint of everything that was read, by name."""
    config: dict[str, Any]
    instants: list[int]
    without: list[str]
    outputs: dict[str, list[Any]]
    """Bytes and SHA-256 of each file that was written, by path relative to the stage's folder."""
    seconds: float
    started: str
    figures: dict[str, Any] = field(default_factory=dict)
    schema: int = SCHEMA

    @property
    def digest(self) -> str:
        """One hash over all outputs: what a later stage depends on."""
        return hashlib.sha256(json.dumps(self.outputs, sort_keys=True).encode()).hexdigest()

    def same_request(self, other: Manifest) -> bool:
        """Whether the other manifest asks for the same work on the same inputs."""
        keys = ("stage", "code", "inputs", "instants", "without", "schema")
        return all(getattr(self, k) == getattr(other, k) for k in keys) and self.what == other.what

    @property
    def what(self) -> dict[str, Any]:
        """The options that say what is made, without those that only say by how many processes."""
        return {key: value for key, value in self.config.items() if key not in HOW}

    def intact(self, folder: Path) -> bool:
        """Whether every output file is still there, as long as it was written."""
        files = ((folder / name, size) for name, (size, _) in self.outputs.items())
        return all(path.is_file() and path.stat().st_size == size for path, size in files)

    def changed(self, folder: Path) -> list[str]:
        """Outputs that are missing or whose contents are not those that were written."""
        files = ((name, folder / name, digest) for name, (_, digest) in self.outputs.items())
        return [name for name, path, digest in files if not path.is_file() or sha256(path) != digest]


def write(manifest: Manifest, folder: Path) -> None:
    """Writes FOLDER/manifest.json atomically."""
    temporary = folder / (NAME + ".partial")
    with temporary.open("w") as file:
        json.dump(asdict(manifest), file, indent=1, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(folder / NAME)


def read(folder: Path) -> Manifest | None:
    """The manifest of a stage's folder, or None when the stage has not finished there.

    Raises HumanrigError when the file is damaged or was written by a newer program.
    """
    path = folder / NAME
    if not path.is_file():
        return None
    try:
        data = json_of(path.read_text())
        if not isinstance(data, dict):
            raise ValueError("not an object")
        if data.get("schema", 0) > SCHEMA:
            raise HumanrigError(f"{path} was written by a newer humanrig (schema {data['schema']}); update the program")
        return _checked(Manifest(**data))
    except (ValueError, TypeError, OSError) as error:
        raise HumanrigError(f"{path} is damaged ({error}); delete {folder.name}/ to redo the stage") from None


def _checked(manifest: Manifest) -> Manifest:
    """Raises ValueError for values of other kinds than the program writes, and for outputs in other folders."""
    kinds: dict[str, type | tuple[type, ...]] = {
        "stage": str, "code": str, "inputs": dict, "config": dict, "instants": list, "without": list, "outputs": dict,
        "seconds": (int, float), "started": str, "figures": dict, "schema": int,
    }  # fmt: skip
    for name, kind in kinds.items():
        if not isinstance(getattr(manifest, name), kind):
            raise ValueError(f"{name} is a {type(getattr(manifest, name)).__name__}")
    for name, written in manifest.outputs.items():
        inside = name.isprintable() and not name.startswith("/") and ".." not in name.split("/")
        if not inside or not (isinstance(written, list) and len(written) == 2 and isinstance(written[0], int)):
            raise ValueError(f"an output is {name[:80]!r}: {str(written)[:80]}")
    return manifest


def hash_outputs(folder: Path) -> dict[str, list[Any]]:
    """Bytes and SHA-256 of every file below a folder, except manifests."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != NAME)
    return {p.relative_to(folder).as_posix(): [p.stat().st_size, sha256(p)] for p in files}


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
