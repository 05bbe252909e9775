"""Faults of a folder: a file of it lacks, is a folder, is a link to another place, or has a strange name."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np

MOST_FILES = 3


def folder_changed(folder: Path, files: list[Path], rng: np.random.Generator, canary: Path) -> str:
    """Changes which files there are; returns the fault's name."""
    path = files[int(rng.integers(len(files)))]
    kind = int(rng.integers(8))
    if kind in (0, 1):
        path.unlink()
        return "members lost or twice"
    if kind == 2:
        path.unlink()
        path.mkdir()
        return "wrong kinds"
    if kind == 3:
        path.unlink()
        path.symlink_to(canary / "secret.txt" if rng.random() < 0.5 else path)
        return "paths and links"
    if kind == 4:
        other = files[int(rng.integers(len(files)))]
        if other != path:
            shutil.copyfile(other, path)
        return "spliced"
    if kind == 5:
        words = ("\x1b[2J", "<b>", "-rf", "\udcff", "x" * 200, "000000", " ", "..x")
        name = f"{words[int(rng.integers(len(words)))]}{path.suffix}"
        path.rename(path.with_name(name))
        return "hostile text"
    if kind == 6:
        path.write_bytes(b"")
        return "cut off"
    number = int(rng.integers(2, MOST_FILES + 2))
    for n in range(number):
        copy = path.with_name(f"{n}{path.name}")
        if not copy.exists():
            os.link(path, copy)
    return "members lost or twice"
