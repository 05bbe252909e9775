"""Rows of people in pictures, gathered into sequences by the pictures' names."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

import numpy as np
from jaxtyping import Int64

NUMBERED: Final = re.compile(r"(.*?)(\d+)")
PIXELS_OF_SCALE: Final = 200.0
"""A person's `scale` is the side of its box by these."""


@dataclass(frozen=True, slots=True)
class PictureRows:
    """One person in one sequence."""

    sequence: str
    person: str
    rows: Int64[np.ndarray, "frames"]
    """Of the file."""
    frames: Int64[np.ndarray, "frames"]
    """Rising; of the pictures' names."""


def gathered(pictures: Sequence[str], people: Sequence[str] | None = None) -> list[PictureRows]:
    """Rows by sequence and person, in the order in which they first come.

    A sequence is a folder whose pictures differ in their last number only; where they differ in more, the name before
    the number is part of the sequence's. Pictures without a number are sequences of their own. `people` tells who each
    row is; without it, the n-th row of a picture is person n. A person who is twice in a picture becomes two:
    `NAME` and `NAME_2`.
    """
    places = [_place(picture) for picture in pictures]
    prefixes: dict[str, set[str]] = defaultdict(set)
    for folder, prefix, _ in places:
        prefixes[folder].add(prefix)
    found: dict[tuple[str, str], list[tuple[int, int]]] = {}
    seen: dict[tuple[str, int, str], int] = defaultdict(int)
    for row, (folder, prefix, frame) in enumerate(places):
        sequence = folder if len(prefixes[folder]) == 1 and folder else "/".join(p for p in (folder, prefix) if p)
        name = people[row] if people is not None else ""
        seen[sequence, frame, name] += 1
        time = seen[sequence, frame, name]
        person = str(time - 1) if people is None else name if time == 1 else f"{name}_{time}"
        found.setdefault((sequence, person), []).append((frame, row))
    gathered_rows = []
    for (sequence, person), numbers in found.items():
        frames, rows = np.array(sorted(numbers), np.int64).T
        gathered_rows.append(PictureRows(sequence, person, np.ascontiguousarray(rows), np.ascontiguousarray(frames)))
    return gathered_rows


def _place(picture: str) -> tuple[str, str, int]:
    """Folder, name before the last number, and the number; a name without one is its own, frame 0."""
    path = PurePosixPath(picture.replace("\\", "/"))
    folder = "" if str(path.parent) == "." else str(path.parent)
    match = NUMBERED.fullmatch(path.stem)
    if match is None or len(match[2]) > 15:
        return folder, path.stem, 0
    return folder, match[1].rstrip("_-"), int(match[2])
