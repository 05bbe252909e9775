"""Writes one pass over one shard: hidden partial files first, their names when they are whole, the manifest last."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from hps.errors import HpsError
from hps.synthesis.production.shard_manifest import (
    ShardManifest,
    ShardPaths,
    file_sha256,
    sync_folder,
    write_shard_manifest,
)
from hps.synthesis.production.shard_plan import Shard
from hps.synthesis.production.tar_file import tar_end, tar_member
from hps.synthesis.sample import Sample

ROWS_AT_ONCE = 512
"""Rows are turned into columns in such portions: a row of labels takes some 40 times its room as Python objects."""


class ShardWriter:
    """Takes samples; `finish` makes them a shard, `abandon` leaves nothing."""

    def __init__(self, paths: ShardPaths, schema: pa.Schema) -> None:
        """Raises OSError where the folder cannot be written."""
        self.paths, self.schema = paths, schema
        self.samples = 0
        self._tar = paths.partial(paths.tar).open("wb")
        self._tar_bytes, self._tar_digest = 0, hashlib.sha256()
        self._batches: list[pa.RecordBatch] = []
        self._keys: set[str] = set()

    def add(self, samples: Sequence[Sample]) -> None:
        """All samples of a scene, or none: rows are looked at before anything is written. Raises HpsError for rows
        that are not the schema's and for a key that was there before."""
        names = set(self.schema.names)
        for sample in samples:
            if sample.key in self._keys:
                raise HpsError(f"pass '{self.paths.name}' gives the sample {sample.key} twice")
            if not sample.rows:
                raise HpsError(f"pass '{self.paths.name}' gives {sample.key} no row, by which it would be found")
            for row in sample.rows:
                if row.get("key") != sample.key:
                    raise HpsError(f"pass '{self.paths.name}', sample {sample.key}: a row has key '{row.get('key')}'")
                if row.keys() != names:
                    wrong = ", ".join(sorted(names ^ row.keys()))
                    raise HpsError(f"pass '{self.paths.name}', sample {sample.key}: wrong or missing columns: {wrong}")
        rows = [row for sample in samples for row in sample.rows]
        batches = [self._batch(rows[n : n + ROWS_AT_ONCE]) for n in range(0, len(rows), ROWS_AT_ONCE)]
        for sample in samples:
            self._keys.add(sample.key)
            for ending in sorted(sample.files):
                self._write(tar_member(f"{sample.key}.{ending}", sample.files[ending]))
        self._batches += batches
        self.samples += len(samples)

    def finish(self, shard: Shard, inputs: str, failures: dict[str, str], seconds: float) -> ShardManifest:
        """Gives the files their names; the manifest comes last."""
        self._write(tar_end())
        self._tar.flush()
        os.fsync(self._tar.fileno())
        self._tar.close()
        table = pa.Table.from_batches(self._batches, self.schema).combine_chunks()
        parquet = self.paths.partial(self.paths.parquet)
        with parquet.open("wb") as file:
            pq.write_table(table, file, compression="zstd")
            file.flush()
            os.fsync(file.fileno())
        manifest = ShardManifest(
            shard=shard.name,
            split=shard.split,
            name=self.paths.name,
            inputs=inputs,
            scenes=list(shard.scenes),
            failures=failures,
            samples=self.samples,
            rows=table.num_rows,
            bytes={"tar": self._tar_bytes, "parquet": parquet.stat().st_size},
            sha256={"tar": self._tar_digest.hexdigest(), "parquet": file_sha256(parquet)},
            seconds=round(seconds, 3),
        )
        self.paths.manifest.unlink(missing_ok=True)  # of a shard that is replaced: it must not vouch for the new files
        self.paths.partial(self.paths.tar).replace(self.paths.tar)
        parquet.replace(self.paths.parquet)
        sync_folder(self.paths.folder)
        write_shard_manifest(manifest, self.paths)
        return manifest

    def abandon(self) -> None:
        """Removes what was written so far."""
        with suppress(OSError):  # a full disk: what was not written yet cannot be
            self._tar.close()
        for path in (self.paths.tar, self.paths.parquet, self.paths.manifest):
            self.paths.partial(path).unlink(missing_ok=True)

    def _write(self, content: bytes) -> None:
        self._tar.write(content)
        self._tar_digest.update(content)
        self._tar_bytes += len(content)

    def _batch(self, rows: list[dict[str, Any]]) -> pa.RecordBatch:
        try:
            return pa.RecordBatch.from_pylist(rows, self.schema)
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            raise HpsError(f"pass '{self.paths.name}': rows do not fit their columns ({error})") from None


def clear_partial(folder: Path, shard: str) -> None:
    """Removes what a killed process left of a shard; only for who holds it."""
    for left in folder.glob(f".{shard}.*.partial"):
        left.unlink(missing_ok=True)
