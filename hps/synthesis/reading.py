"""A finished data set, opened for reading: samples by key or number, straight from the tar files."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hps.errors import HpsError
from hps.synthesis.config import SynthesisConfig
from hps.synthesis.production.dataset_file import read_dataset_file
from hps.synthesis.production.dataset_manifest import read_dataset_manifest
from hps.synthesis.production.factory import KINDS, SHARDS
from hps.synthesis.production.shard_manifest import ShardManifest, ShardPaths, read_shard_manifest
from hps.synthesis.production.tar_reader import AGAIN, TarReader
from hps.synthesis.sample_files import decoded
from hps.synthesis.scenes.rows import SPLITS

TABLES_KEPT: Final = 8
"""Tables of shards in memory, of each pass: some 2 MB each."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SyntheticSample:
    """One picture or one cloud with its labels; files are read when they are asked for."""

    key: str
    rows: dict[str, list[dict[str, Any]]]
    """By pass: of `labels` one row a person."""
    files: tuple[str, ...]
    """Endings, such as `color.jpg`."""
    _read: Callable[[str], bytes] = field(repr=False)

    def read(self, ending: str) -> bytes:
        """The bytes of a file. Raises HpsError for one that there is not."""
        return self._read(ending)

    def array(self, ending: str) -> Any:
        """A picture as an array, a cloud as a mapping of arrays: see `decoded`."""
        return decoded(ending, self.read(ending), self.key)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Place:
    shard: int
    first: int
    count: int


class SyntheticDataset:
    """The samples of one split. May be handed to other processes, forked or spawned."""

    def __init__(
        self,
        folder: Path | str,
        split: str = "train",
        passes: Sequence[str] | None = None,
        *,
        unfinished: bool = False,
    ) -> None:
        """`passes` are those whose files and rows are wanted; by default all. `unfinished` takes the shards that are
        there of a data set that is still being made.

        A sample is there when every wanted pass has it. Raises HpsError when there is no data set, no such split or
        pass, when shards are not finished, and when files do not have the length that they were written with.
        """
        self.folder, self.split = Path(folder), split
        if split not in SPLITS:
            raise HpsError(f"there is no split '{split}'; the splits are {', '.join(SPLITS)}")
        self.config: SynthesisConfig = read_dataset_file(self.folder).config
        wanted = self.config.passes if passes is None else passes
        if unknown := [name for name in wanted if name not in self.config.passes]:
            there = ", ".join(self.config.passes)
            raise HpsError(f"{folder} has no {', '.join(unknown)}, only {there}; humanrig synthesize can add a pass")
        self.passes: tuple[str, ...] = tuple(name for name in KINDS if name in wanted)
        self._shards = {name: _finished(self.folder, split, name, unfinished) for name in self.passes}
        self._tar = TarReader()
        self._tables: OrderedDict[Path, pa.Table] = OrderedDict()

    @property
    def failures(self) -> dict[str, str]:
        """Scenes of the split that could not be made, with the reason."""
        shards = [manifest for found in self._shards.values() for _, manifest in found]
        return {scene: reason for manifest in shards for scene, reason in manifest.failures.items()}

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """Of the samples, sorted."""
        found = [self._places[name].keys() for name in self.passes]
        return tuple(sorted(set.intersection(*map(set, found)))) if found else ()

    def __len__(self) -> int:
        return len(self.keys)

    def __contains__(self, key: object) -> bool:
        return bool(self.passes) and all(key in self._places[name] for name in self.passes)

    def __iter__(self) -> Iterator[SyntheticSample]:
        return (self[key] for key in self.keys)

    def __getitem__(self, index: int | str) -> SyntheticSample:
        """A sample by its number or its key. Raises HpsError for a key that there is not, IndexError for a number."""
        key = index if isinstance(index, str) else self.keys[index]
        if key not in self:
            raise HpsError(f"{self.folder} has no sample '{key}' in {self.split}; it has {len(self)}, see `keys`")
        files: dict[str, Path] = {}
        rows: dict[str, list[dict[str, Any]]] = {}
        for name in self.passes:
            place = self._places[name][key]
            paths, _ = self._shards[name][place.shard]
            files |= dict.fromkeys(self._tar.endings(paths.tar, key), paths.tar)
            rows[name] = self._table(paths).slice(place.first, place.count).to_pylist()

        def read(ending: str) -> bytes:
            if ending not in files:
                raise HpsError(f"sample {key} has no {ending}; it has {', '.join(files)}")
            return self._tar.read(files[ending], key, ending)

        return SyntheticSample(key=key, rows=rows, files=tuple(files), _read=read)

    def table(self, name: str, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows of a pass over all shards, to choose by before any file is read; all columns, or those named."""
        if name not in self._shards:
            raise HpsError(f"{self.folder} was not opened with the pass '{name}'; it was with {', '.join(self.passes)}")
        return pa.concat_tables([_read_rows(paths, columns) for paths, _ in self._shards[name]])

    @cached_property
    def _places(self) -> dict[str, dict[str, _Place]]:
        return {name: self._places_of(name) for name in self.passes}

    def _places_of(self, name: str) -> dict[str, _Place]:
        """Rows of a key follow each other."""
        found: dict[str, _Place] = {}
        for shard, (paths, _) in enumerate(self._shards[name]):
            keys = np.asarray(_read_rows(paths, ("key",))["key"].to_pylist(), dtype=object)
            starts = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]]) if len(keys) else []
            for first, after in zip(starts, [*starts[1:], len(keys)]):
                found[keys[first]] = _Place(shard=shard, first=int(first), count=int(after - first))
        return found

    def _table(self, paths: ShardPaths) -> pa.Table:
        if paths.parquet not in self._tables:
            while len(self._tables) >= TABLES_KEPT * len(self.passes):
                self._tables.popitem(last=False)
            self._tables[paths.parquet] = _read_rows(paths, None)
        self._tables.move_to_end(paths.parquet)
        return self._tables[paths.parquet]


def _finished(folder: Path, split: str, name: str, unfinished: bool) -> list[tuple[ShardPaths, ShardManifest]]:
    shards = folder / SHARDS
    if unfinished:
        names = sorted(path.name.split(".")[0] for path in shards.glob(f"{split}-*.{name}.json"))
    else:
        try:
            listed = read_dataset_manifest(folder)["shards"]
            names = [str(one["shard"]) for one in listed if (one["split"], one["name"]) == (split, name)]
        except (KeyError, TypeError) as error:
            raise HpsError(f"{folder}: its manifest lists shards without {error}; make the data set again") from None
        if wrong := next((shard for shard in names if not re.fullmatch(r"[\w-]+", shard)), None):
            raise HpsError(f"{folder}: its manifest lists a shard {wrong[:80]!r}; make the data set again")
    found = []
    for shard in names:
        paths = ShardPaths(folder=shards, shard=shard, name=name)
        path, manifest = paths.manifest, read_shard_manifest(paths)
        if not path.exists():
            raise HpsError(f"{path} is missing; humanrig synthesize {folder} makes the shard again")
        if manifest is None:
            raise HpsError(f"{path} is damaged; humanrig synthesize {folder} makes the shard again")
        if wrong := manifest.wrong_sizes(paths):
            raise HpsError(f"{shards}: {'; '.join(wrong)}; humanrig synthesize {folder} makes the shard again")
        found.append((paths, manifest))
    if not found:
        raise HpsError(f"{folder} has no finished {name} of the split {split}; run humanrig synthesize {folder}")
    return found


def _read_rows(paths: ShardPaths, columns: Sequence[str] | None) -> pa.Table:
    try:
        with pq.ParquetFile(paths.parquet) as file:
            return file.read(None if columns is None else list(columns))
    except (OSError, pa.ArrowException) as error:
        raise HpsError(f"{paths.parquet} cannot be read ({error}); {AGAIN}") from None
