"""manifest.json: the tables' checksum, every shard with its checksums, and what was left out. The same for the same
data set, whoever made it and however often he was interrupted."""

from __future__ import annotations

import csv
import hashlib
import json
import os
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from geometry.told_values import json_of
from hps.errors import HpsError
from hps.synthesis.production.dataset_file import FORMAT, DatasetInfo
from hps.synthesis.production.shard_manifest import ShardManifest
from hps.synthesis.production.workbench import Workbench
from hps.synthesis.scenes.table import SceneTable

NAME: Final = "manifest.json"
FAILURES: Final = "failures.csv"


def write_dataset_manifest(bench: Workbench, info: DatasetInfo, shared: dict[str, int]) -> dict[str, Any]:
    """Writes and returns the manifest of all finished shards. `shared` counts what splits have in common."""
    done = [m for shard in bench.shards for kind in bench.factory.kinds if (m := bench.finished(shard, kind))]
    shards = [_shard(manifest) for manifest in done]
    failures = [(m.split, scene, m.name, reason) for m in done for scene, reason in m.failures.items()]
    manifest = {
        "format": info.format,
        "software": info.software,
        "body_model_sha256": info.model_sha256,
        "config": asdict(info.config),
        "table_sha256": bench.table.digest,
        "shards_sha256": hashlib.sha256(json.dumps(shards, sort_keys=True).encode()).hexdigest(),
        "sampled": sampled(bench.table),
        "shared_between_splits": shared,
        "samples": _samples(done),
        "shards": shards,
        "failures": [dict(zip(("split", "scene", "pass", "reason"), one)) for one in failures],
    }
    folder = bench.place.folder
    _write(folder / NAME, json.dumps(manifest, indent=1) + "\n")
    _write_failures(folder / FAILURES, failures)
    return manifest


def read_dataset_manifest(folder: Path) -> dict[str, Any]:
    """The manifest. Raises HpsError when the data set is not finished or the file is damaged."""
    path = folder / NAME
    try:
        found = json_of(path.read_text())
        if found["format"] != FORMAT:
            raise HpsError(f"{path} has format {found['format']}, this program reads {FORMAT}; make it again")
        return found
    except FileNotFoundError:
        raise HpsError(f"{folder} is not finished: {NAME} is missing; run humanrig synthesize {folder}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise HpsError(f"{path} is damaged ({error}); humanrig synthesize {folder} writes it again") from None


def sampled(table: SceneTable) -> dict[str, dict[str, int]]:
    """Numbers of people, scenes, actors, things, cameras and pictures of each split."""
    splits = {row.scene: row.split for row in table.scenes}
    frames = {row.scene: row.frames for row in table.scenes}
    found: dict[str, Counter[str]] = {split: Counter() for split in dict.fromkeys(splits.values())}
    for row in table.people:
        found.setdefault(row.split, Counter())["people"] += 1
    for row in table.scenes:
        found[row.split].update(("scenes", f"{row.kind} scenes"))
    for name in ("actors", "things", "cameras"):
        for row in getattr(table, name):
            found[splits[row.scene]][name] += 1
    for row in table.cameras:
        found[splits[row.scene]]["pictures"] += frames[row.scene]
    return {split: dict(sorted(counts.items())) for split, counts in found.items()}


def _samples(done: list[ShardManifest]) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for manifest in done:
        sums[manifest.name] += manifest.samples
    return dict(sorted(sums.items()))


def _shard(manifest: ShardManifest) -> dict[str, Any]:
    values = asdict(manifest)
    return {name: values[name] for name in ("shard", "split", "name", "scenes", "samples", "rows", "bytes", "sha256")}


def _write_failures(path: Path, failures: list[tuple[str, str, str, str]]) -> None:
    if not failures:
        path.unlink(missing_ok=True)
        return
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("split", "scene", "pass", "reason"))
        writer.writerows(failures)
    partial.replace(path)


def _write(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
