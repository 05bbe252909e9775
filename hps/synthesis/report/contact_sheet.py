"""A sheet of samples with their labels drawn on."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from jaxtyping import UInt8

from hps.errors import HpsError
from hps.synthesis.production.factory import SHARDS
from hps.synthesis.quality.flag_words import flag_name
from hps.synthesis.reading import SyntheticDataset, SyntheticSample
from hps.synthesis.report.label_drawing import depth_in_colors, draw_labels, normals_in_colors, parts_in_colors
from hps.synthesis.scenes.rows import SPLITS

WIDTH: Final = 336
"""Of a sample on the sheet, pixels; its three maps stand below, each a third as wide."""
CAPTION: Final = 16
LONGEST: Final = 56
"""Letters that fit into a caption."""
COLUMNS: Final = 8
PASSES: Final = ("images", "labels")
"""What a sample of the sheet needs."""
Progress = Callable[[int, int], None]


def contact_sheet(
    folder: Path, count: int = 48, columns: int = COLUMNS, on_progress: Progress = lambda done, total: None
) -> UInt8[np.ndarray, "rows columns 3"]:
    """`count` samples spread over all splits of a finished data set, always the same ones; sRGB.

    Above the picture with its labels (draw_labels), below parts, depth and normals, and the names of the flags. Raises
    HpsError for a data set without finished images and labels.
    """
    chosen = choose_samples(folder, count)
    tiles = []
    for number, sample in enumerate(chosen):
        tiles.append(sample_tile(sample))
        on_progress(number + 1, len(chosen))
    return in_rows(tiles, min(columns, len(tiles)))


def choose_samples(folder: Path, count: int) -> list[SyntheticSample]:
    """One sample of each of `count` equal stretches of the data set, drawn within its stretch."""
    places: list[tuple[SyntheticDataset, str]] = []
    for split in SPLITS:
        if all(any((folder / SHARDS).glob(f"{split}-*.{name}.json")) for name in PASSES):
            dataset = SyntheticDataset(folder, split, PASSES, unfinished=True)
            places += [(dataset, key) for key in dataset.keys]
    if not places:
        raise HpsError(f"{folder} has no finished images with labels; run humanrig synthesize {folder}")
    bounds = np.linspace(0, len(places), min(count, len(places)) + 1)
    rng = np.random.default_rng(0)
    chosen = [int(rng.integers(np.ceil(a), np.ceil(b))) for a, b in itertools.pairwise(bounds)]
    return [dataset[key] for dataset, key in (places[index] for index in chosen)]


def sample_tile(sample: SyntheticSample, width: int = WIDTH) -> UInt8[np.ndarray, "rows columns 3"]:
    """One sample of the sheet: picture with labels, maps, a line of words."""
    rows = sample.rows["labels"]
    mask = sample.array("mask.png")
    picture = draw_labels(sample.array("color.jpg"), rows, mask)
    maps = [
        parts_in_colors(sample.array("parts.png")),
        depth_in_colors(sample.array("depth.png")),
        normals_in_colors(sample.array("normals.png")),
    ]
    high, wide = mask.shape
    height, third = round(width * high / wide), width // 3
    below = [cv2.resize(m, (third, round(third * high / wide)), interpolation=cv2.INTER_AREA) for m in maps]
    strip = np.zeros((below[0].shape[0], width, 3), np.uint8)
    strip[:, : 3 * third] = np.concatenate(below, 1)
    words = np.full((CAPTION, width, 3), 255, np.uint8)
    cv2.putText(words, _caption(sample, rows), (3, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.36, (0, 0, 0), 1, cv2.LINE_AA)
    return np.concatenate([words, cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), strip])


def _caption(sample: SyntheticSample, rows: list[dict[str, Any]]) -> str:
    found = []
    for row in rows:
        names = [flag_name(text) for text in (*row["actor_flags"], *row["picture_flags"])]
        if names:
            found.append(f"{row['actor']}: {' '.join(names)}")
    words = f"{sample.key}  {', '.join(found)}"
    return words if len(words) <= LONGEST else f"{words[: LONGEST - 3]}..."


def in_rows(tiles: list[np.ndarray], columns: int, gap: int = 6) -> UInt8[np.ndarray, "rows columns 3"]:
    """Tiles side by side and below each other, on white."""
    high, wide = max(len(tile) for tile in tiles), max(tile.shape[1] for tile in tiles)
    rows = -(-len(tiles) // columns)
    sheet = np.full((rows * (high + gap), columns * (wide + gap), 3), 255, np.uint8)
    for number, tile in enumerate(tiles):
        y, x = (high + gap) * (number // columns), (wide + gap) * (number % columns)
        sheet[y : y + len(tile), x : x + tile.shape[1]] = tile
    return sheet
