"""The manifest of one pass over one shard: what went in, what came out, and what was left out."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from geometry.told_values import json_of
from hps.synthesis.production.shard_plan import Shard
from hps.synthesis.scenes.table import SceneTable

FORMAT: Final = 1
"""Of shards; raised when their layout changes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShardPaths:
    """The files of one pass over one shard."""

    folder: Path
    """DATASET/shards."""
    shard: str
    name: str
    """Of the pass."""

    @property
    def tar(self) -> Path:
        """KEY.ending members."""
        return self.folder / f"{self.shard}.{self.name}.tar"

    @property
    def parquet(self) -> Path:
        """One row a label."""
        return self.folder / f"{self.shard}.{self.name}.parquet"

    @property
    def manifest(self) -> Path:
        """Written last: without it the shard is not there."""
        return self.folder / f"{self.shard}.{self.name}.json"

    @staticmethod
    def partial(path: Path) -> Path:
        """Where a file is written before it gets its name."""
        return path.with_name(f".{path.name}.partial")


@dataclass(frozen=True, kw_only=True)
class ShardManifest:
    """The record of one finished pass over one shard."""

    shard: str
    split: str
    name: str
    """Of the pass."""
    inputs: str
    """Digest of everything that the bytes depend on."""
    scenes: list[str]
    failures: dict[str, str]
    """Scenes that are left out, with the reason."""
    samples: int
    rows: int
    bytes: dict[str, int]
    """Of each file, by its ending: tar, parquet."""
    sha256: dict[str, str]
    seconds: float
    format: int = FORMAT

    def intact(self, paths: ShardPaths) -> bool:
        """Whether both files are as long as they were written."""
        return not self.wrong_sizes(paths)

    def wrong_sizes(self, paths: ShardPaths) -> list[str]:
        """Which of the files is missing or cut short, as sentences."""
        found = []
        for ending, path in _files(paths).items():
            size = _size(path)
            if size is None:
                found.append(f"{path.name} is missing")
            elif size != self.bytes[ending]:
                found.append(f"{path.name} has {size} bytes, it was written with {self.bytes[ending]}")
        return found

    def damage(self, paths: ShardPaths) -> list[str]:
        """Which of the files is missing, cut short or altered, as sentences; reads all their bytes."""
        if found := self.wrong_sizes(paths):
            return found
        altered = [path.name for ending, path in _files(paths).items() if file_sha256(path) != self.sha256[ending]]
        return [f"{name} was altered: its bytes are not those that were written" for name in altered]


def read_shard_manifest(paths: ShardPaths) -> ShardManifest | None:
    """The manifest; None where there is none, or none that can be read: the shard is made again."""
    try:
        found = ShardManifest(**json_of(paths.manifest.read_text()))
    except (OSError, ValueError, TypeError):
        return None
    whole = all(set(part) == {"tar", "parquet"} for part in (found.bytes, found.sha256))
    return found if whole and found.format == FORMAT else None


def write_shard_manifest(manifest: ShardManifest, paths: ShardPaths) -> None:
    """Writes it at once and for good."""
    partial = paths.partial(paths.manifest)
    with partial.open("w") as file:
        json.dump(asdict(manifest), file, indent=1, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(paths.manifest)
    sync_folder(paths.folder)


def sync_folder(folder: Path) -> None:
    """Makes renames in a folder survive the loss of power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        pass  # some network disks cannot; the manifest's sizes then tell what was lost
    finally:
        os.close(descriptor)


def inputs_digest(shard: Shard, table: SceneTable, name: str, version: int, settings: dict[str, Any]) -> str:
    """SHA-256 over what a pass over a shard depends on: its scenes' rows (with their motions' checksums), the pass."""
    scenes = [(scene, table.digest_of(scene)) for scene in shard.scenes]
    parts = [FORMAT, name, version, settings, shard.name, scenes]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files(paths: ShardPaths) -> dict[str, Path]:
    return {"tar": paths.tar, "parquet": paths.parquet}


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
