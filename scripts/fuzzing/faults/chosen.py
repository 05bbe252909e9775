"""Damages a file, or a file of a folder, with a fault that its kind can have."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from fuzzing.faults.archives import ARCHIVES, member_changed
from fuzzing.faults.containers import CONTAINERS
from fuzzing.faults.fault import Fault, Means
from fuzzing.faults.folders import folder_changed
from fuzzing.faults.images import IMAGES
from fuzzing.faults.npy import NPY
from fuzzing.faults.pickled import PICKLED
from fuzzing.faults.raw import RAW
from fuzzing.faults.words import WORDS

TEXT_CHECKED: Final = 4096
"""Bytes of a file by which it is known as text."""
FOLDER_SHARE: Final = 0.15
"""Of the inputs that are folders, in which files lack or are others."""
TRIES: Final = 12
FAULTS: Final = (
    "cut off", "bits flipped", "bytes changed", "lengths and sizes", "spliced", "NaN and extremes", "wrong kinds",
    "within checksums", "hostile text", "nesting", "references", "paths and links", "members lost or twice", "bombs",
    "pickles that run code",
)  # fmt: skip
"""In the order of the table."""


def damage(path: Path, rng: np.random.Generator, *, canary: Path, others: list[Path], hidden: frozenset[str]) -> str:
    """Damages what lies at `path` (a copy of a whole one); returns the fault's name."""
    files = sorted(f for f in path.rglob("*") if f.is_file()) if path.is_dir() else [path]
    files = [file for file in files if file.suffix.lower() not in hidden] or files
    if path.is_dir() and rng.random() < FOLDER_SHARE:
        return folder_changed(path, files, rng, canary)
    for _ in range(TRIES):
        file = files[int(rng.integers(len(files)))]
        data = file.read_bytes()
        other = others[int(rng.integers(len(others)))]
        means = Means(rng=rng, canary=canary, other=other.read_bytes() if other.is_file() else data)
        name, fault = _one(faults_of(data, file.suffix.lower()), means)
        changed = fault(data, means)
        if changed is not None and changed != data:
            file.write_bytes(changed)
            return name
    file = files[0]
    file.write_bytes(file.read_bytes()[:-1])
    return "cut off"


def faults_of(data: bytes, suffix: str) -> list[tuple[str, tuple[Fault, ...]]]:
    """What a content can have; faults of its own kind come several times, as they reach further than those of any."""
    found = list(RAW.items())
    if data[:6] == b"\x93NUMPY":
        found += 2 * list(NPY.items())
    elif data[:2] == b"PK":
        inner = {name: tuple(_within(fault) for fault in faults) for name, faults in {**RAW, **NPY, **WORDS}.items()}
        npy = {name: tuple(_within(fault) for fault in faults) for name, faults in NPY.items()}
        found += [*inner.items(), *npy.items(), *ARCHIVES.items()]
    elif suffix in (".pkl", ".p"):
        found += 2 * list(PICKLED.items())
    elif data[:4] in (b"\x89PNG", b"\xff\xd8\xff\xe0", b"\xff\xd8\xff\xe1"):
        found += list(IMAGES.items())
    elif _is_text(data):
        found += 2 * list(WORDS.items())
    else:
        found += 4 * list(CONTAINERS.items())
    return found


def _within(fault: Fault) -> Fault:
    return member_changed(lambda name, content, means: fault(content, means))


def _one(found: list[tuple[str, tuple[Fault, ...]]], means: Means) -> tuple[str, Fault]:
    name, faults = means.one(found)
    return name, means.one(faults)


def _is_text(data: bytes) -> bool:
    head = data[:TEXT_CHECKED]
    return b"\0" not in head and sum(byte < 9 for byte in head) == 0
