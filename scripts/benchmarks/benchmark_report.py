"""How long a session's report takes, and how large it is, for a clip of so many instants.

    python scripts/benchmarks/benchmark_report.py SESSION --work FOLDER [--instants 300]

SESSION is reconstructed up to its textures. A copy of it in FOLDER gets its instants again and again, forwards and
backwards in turn, until they are so many: the report reads and draws as much as of a take of that length.
"""

from __future__ import annotations

import argparse
import os
import shutil
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from capture.frame_sets import read_instants, write_instants
from capture.session import Session
from humanrig import manifest
from humanrig.manifest import Manifest
from humanrig.pipeline import load_stage

BY_INSTANT = {"body": ("instants", "time_us"), "keypoints": ("instants",), "mesh": ("instants",)}
MOST_BYTES, MOST_SECONDS = 10_000_000, 20.0


def stretched(session: Path, folder: Path, count: int) -> Session:
    """A copy with `count` instants; recording and truth are links to the session's own."""
    shutil.copytree(
        session, folder, copy_function=_link, ignore=shutil.ignore_patterns("recording", "truth", "cache", "report")
    )
    for name in ("recording", "truth"):
        if (session / name).is_dir():
            (folder / name).symlink_to((session / name).resolve())
    old = read_instants(folder / "sync" / "frames.parquet")
    turns = np.arange(count) % (2 * len(old))
    rows = np.where(turns < len(old), turns, 2 * len(old) - 1 - turns)
    step = old[1].time_us - old[0].time_us
    new = [replace(old[row], instant=n, time_us=old[0].time_us + n * step) for n, row in enumerate(rows)]
    (folder / "sync" / "frames.parquet").unlink()
    write_instants(folder / "sync" / "frames.parquet", new)
    for name in BY_INSTANT:
        for path in sorted((folder / name).glob("person[0-9][0-9].npz")):
            _repeat(path, rows, len(old))
        for path in sorted((folder / name).glob("person[0-9][0-9]/segment_*.npz")):
            _repeat(path, rows, len(old))
    for kind, suffix in (
        ("clouds", ".npz"),
        *((f"texture/{p.name}", ".jpg") for p in (folder / "texture").glob("person*")),
    ):
        kept = {row: (folder / kind / f"{old[row].instant:06d}{suffix}") for row in range(len(old))}
        data = {row: path.read_bytes() for row, path in kept.items() if path.is_file()}
        for n, row in enumerate(rows):
            path = folder / kind / f"{n:06d}{suffix}"
            if int(row) in data:
                path.unlink(missing_ok=True)
                path.write_bytes(data[int(row)])
    opened = Session.open(folder)
    _manifests(opened, count)
    return opened


def _repeat(path: Path, rows: np.ndarray, before: int) -> None:
    """Every array whose first axis is that of the instants, repeated."""
    with np.load(path) as arrays:
        values: dict[str, Any] = dict(arrays)
    for name, value in values.items():
        if value.ndim and len(value) == before and name not in ("betas", "covariance_names"):
            values[name] = value[rows]
    values["instants"] = np.arange(len(rows))
    path.unlink()
    np.savez(path, **values)


def _manifests(session: Session, count: int) -> None:
    """Brought in line with what lies there."""
    digests: dict[str, str] = {}
    for name in ("sync", "calibrate", "masks", "clouds", "keypoints", "register", "mesh", "texture", "export"):
        stage = load_stage(name)
        folder = session.path(stage.folder)
        done = manifest.read(folder)
        if done is None:
            continue
        inputs = {**done.inputs, **{need: digests[need] for need in stage.needs if need in digests}}
        outputs = manifest.hash_outputs(folder)
        instants = list(range(count)) if done.instants else []
        changed = Manifest(**{**asdict(done), "inputs": inputs, "outputs": outputs, "instants": instants})
        (folder / manifest.NAME).unlink()
        manifest.write(changed, folder)
        digests[name] = changed.digest


def _link(source: str, target: str) -> str:
    os.link(source, target)
    return target


def main() -> None:
    """Measures the report of a stretched copy."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("session", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--instants", type=int, default=300)
    options = parser.parse_args()
    folder = options.work / f"{options.session.name}_{options.instants}"
    session = Session.open(folder) if folder.is_dir() else stretched(options.session, folder, options.instants)
    begin, cpu = time.perf_counter(), time.process_time()
    from humanrig.report.page import Look, write_report

    (folder / "report").mkdir(exist_ok=True)
    write_report(session, folder / "report", Look())
    seconds, busy = time.perf_counter() - begin, time.process_time() - cpu
    size = (folder / "report" / "index.html").stat().st_size
    print(f"{options.instants} instants, {len(session.devices)} devices: {seconds:.1f} s ({busy:.1f} s of a core), "
          f"{size / 1e6:.2f} MB; goals {MOST_SECONDS:.0f} s and {MOST_BYTES / 1e6:.0f} MB")  # fmt: skip


if __name__ == "__main__":
    main()
