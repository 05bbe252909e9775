"""A part of a search for boards: some pictures of one stream and what was found in them, kept so that it can go on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calibration.board_view import BoardView
from geometry.npz_files import DAMAGED, read_npz


@dataclass(frozen=True, kw_only=True, slots=True)
class Chunk:
    """Pictures that are searched in one go."""

    stream: str
    frames: tuple[tuple[int, int], ...]
    """(instant, index in the stream)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What a chunk held."""

    chunk: Chunk
    views: list[BoardView]
    sizes: list[tuple[int, int]]
    """Of each picture that could be read."""
    view_sizes: list[tuple[int, int]]
    """Of the picture of each view."""
    damaged: list[str]


def part_file(folder: Path, chunk: Chunk) -> Path:
    """Where a chunk's result is kept."""
    return folder / f"{chunk.stream.replace('/', '-')}_{chunk.frames[0][1]:06d}_{len(chunk.frames)}.npz"


def write_part(folder: Path, found: Found) -> None:
    """Keeps a chunk's result; it appears whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    path = part_file(folder, found.chunk)
    partial = path.with_name(f".{path.name}")
    views = found.views
    with partial.open("wb") as file:
        np.savez(
            file,
            chunk=json.dumps([found.chunk.stream, found.chunk.frames]),
            cameras=np.array([view.camera for view in views], str),
            instants=np.array([view.instant for view in views], np.int64),
            sigma_px=np.array([view.sigma_px for view in views], np.float64),
            corners=np.array([len(view.ids) for view in views], np.int64),
            ids=np.concatenate([np.zeros(0, np.int64), *(view.ids for view in views)]),
            q=np.concatenate([np.zeros((0, 2)), *(view.q for view in views)]),
            sizes=np.array(found.sizes, np.int64).reshape(-1, 2),
            view_sizes=np.array(found.view_sizes, np.int64).reshape(-1, 2),
            damaged=np.array(found.damaged, str),
        )
    partial.replace(path)


def read_part(folder: Path, chunk: Chunk) -> Found | None:
    """What was kept of a chunk; None where nothing was, or where the file is damaged or another search's."""
    path = part_file(folder, chunk)
    if not path.is_file():
        return None
    try:
        arrays = read_npz(path)
        if json.loads(str(arrays["chunk"])) != json.loads(json.dumps([chunk.stream, chunk.frames])):
            return None
        ends = np.cumsum(arrays["corners"])[:-1]
        ids, q = np.split(arrays["ids"], ends), np.split(arrays["q"], ends)
        return Found(
            chunk=chunk,
            views=[
                BoardView(camera=str(camera), instant=int(instant), ids=ids[n], q=q[n], sigma_px=float(sigma))
                for n, (camera, instant, sigma) in enumerate(
                    zip(arrays["cameras"], arrays["instants"], arrays["sigma_px"], strict=True)
                )
            ],
            sizes=[(int(w), int(h)) for w, h in arrays["sizes"]],
            view_sizes=[(int(w), int(h)) for w, h in arrays["view_sizes"]],
            damaged=[str(text) for text in arrays["damaged"]],
        )
    except DAMAGED:
        return None
