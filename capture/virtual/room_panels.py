"""Flat things on walls and floor: posters, doors, windows, whiteboards, shelves of books, rugs, as small pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Float32

TEXELS_PER_M = 160
TRIES = 12


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Panel:
    """A picture on one side of the room."""

    side: int
    center: tuple[float, float]
    """Along the side's two axes, metres; on walls the second is the height."""
    half: tuple[float, float]
    picture: Float32[np.ndarray, "rows columns 3"]
    """Linear RGB albedo; row 0 is the top."""

    def sample(
        self, a: Float[np.ndarray, "points"], b: Float[np.ndarray, "points"]
    ) -> tuple[np.ndarray, Float32[np.ndarray, "inside 3"]]:
        """Which points lie in it, and its colour there (bilinear)."""
        across, up = a - self.center[0], b - self.center[1]
        inside = np.flatnonzero((np.abs(across) < self.half[0]) & (np.abs(up) < self.half[1]))
        rows, columns = self.picture.shape[:2]
        x = (across[inside] / self.half[0] + 1) / 2 * columns - 0.5
        y = (1 - up[inside] / self.half[1]) / 2 * rows - 0.5
        x, y = np.clip(x, 0, columns - 1.001), np.clip(y, 0, rows - 1.001)
        left, top = x.astype(np.int64), y.astype(np.int64)
        right, down = (x - left)[:, None], (y - top)[:, None]
        p = self.picture
        upper = p[top, left] * (1 - right) + p[top, left + 1] * right
        lower = p[top + 1, left] * (1 - right) + p[top + 1, left + 1] * right
        return inside, (upper * (1 - down) + lower * down).astype(np.float32)


def draw_panels(rng: np.random.Generator, half_width_m: float) -> tuple[Panel, ...]:
    """What hangs on four walls without overlapping, and perhaps a rug."""
    panels: list[Panel] = []
    if rng.uniform() < 0.35:
        half = (float(rng.uniform(0.6, 1.5)), float(rng.uniform(0.5, 1.2)))
        at = (float(rng.uniform(-0.5, 0.5)), float(rng.uniform(-0.5, 0.5)))
        panels.append(Panel(side=4, center=at, half=half, picture=_rug(rng, *_size(half))))
    big = [str(kind) for kind in rng.permutation(["door", "window", "window", "whiteboard", "books", "curtain"])]
    for side in range(4):
        taken: list[tuple[float, float]] = []
        kinds = [big[side], *(["poster"] * int(rng.integers(1, 5)))]
        for kind in kinds:
            (low_w, high_w), (low_h, high_h), bottom = _SIZES[kind]
            half = (float(rng.uniform(low_w, high_w)) / 2, float(rng.uniform(low_h, high_h)) / 2)
            height = half[1] + (bottom if bottom is not None else float(rng.uniform(1.0, 1.5)))
            for _ in range(TRIES):
                along = float(rng.uniform(half[0] + 0.1 - half_width_m, half_width_m - half[0] - 0.1))
                if all(along + half[0] + 0.08 < low or along - half[0] - 0.08 > high for low, high in taken):
                    taken.append((along - half[0], along + half[0]))
                    picture = np.clip(_PICTURES[kind](rng, *_size(half)), 0.02, 0.9).astype(np.float32)
                    panels.append(Panel(side=side, center=(along, height), half=half, picture=picture))
                    break
    return tuple(panels)


def _size(half: tuple[float, float]) -> tuple[int, int]:
    return max(8, round(2 * half[1] * TEXELS_PER_M)), max(8, round(2 * half[0] * TEXELS_PER_M))


def _color(rng: np.random.Generator) -> np.ndarray:
    hsv = np.array([[[rng.uniform(0, 360), rng.uniform(0.1, 0.8), rng.uniform(0.1, 0.75)]]], np.float32)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0]


def _poster(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    first, second = _color(rng), _color(rng)
    if rng.uniform() < 0.5:  # a landscape: sky, hills
        image = first + (second - first) * (y / rows)[..., None]
        for level in np.sort(rng.uniform(0.4, 0.9, 3)):
            wave = np.sin(x / columns * rng.uniform(4, 14) + rng.uniform(0, 6)) * rng.uniform(0.03, 0.1)
            image[y / rows > level + wave] = _color(rng) * 0.6
    else:
        image = np.broadcast_to(first, (rows, columns, 3)).copy()
        for _ in range(int(rng.integers(3, 10))):
            at, color = (int(rng.integers(columns)), int(rng.integers(rows))), [float(c) for c in _color(rng)]
            if rng.uniform() < 0.5:
                cv2.circle(image, at, int(rng.integers(4, max(6, columns // 3))), color, -1, cv2.LINE_AA)
            else:
                cv2.line(
                    image, at, (int(rng.integers(columns)), int(rng.integers(rows))), color, int(rng.integers(2, 14))
                )
    frame = max(2, round(0.025 * TEXELS_PER_M))
    if rng.uniform() < 0.4:
        image[: 3 * frame], image[-3 * frame :], image[:, : 3 * frame], image[:, -3 * frame :] = (0.75,) * 4
    edge = float(rng.choice([0.05, 0.3, 0.7]))
    image[:frame], image[-frame:], image[:, :frame], image[:, -frame:] = (edge,) * 4
    return image


def _door(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    color = np.array([0.62, 0.6, 0.56]) if rng.uniform() < 0.5 else np.array([0.3, 0.17, 0.08]) * rng.uniform(0.7, 1.4)
    image = np.broadcast_to(color, (rows, columns, 3)).astype(np.float32).copy()
    trim = round(0.07 * TEXELS_PER_M)
    for top, bottom in ((0.1, 0.45), (0.52, 0.92)):
        box = (slice(int(top * rows), int(bottom * rows)), slice(2 * trim, columns - 2 * trim))
        image[box] *= 0.8
        image[box][2:-2, 2:-2] = color * 0.95
    image[:, trim : trim + 1] = image[:, -trim - 1 : -trim] = image[trim : trim + 1] = 0.08
    image[int(0.52 * rows) : int(0.54 * rows), columns - 2 * trim : columns - trim - 3] = 0.25
    return image


def _window(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    t = np.linspace(0, 1, rows, dtype=np.float32)[:, None, None]
    image = np.array([0.7, 0.8, 0.9]) * (1 - t) + np.array([0.85, 0.87, 0.86]) * t
    image = np.broadcast_to(image, (rows, columns, 3)).astype(np.float32).copy()
    skyline = (0.55 + 0.12 * np.sin(np.linspace(0, rng.uniform(6, 20), columns))) * rows
    image[np.arange(rows)[:, None] > skyline] = [0.2, 0.3, 0.16]
    bar = round(0.05 * TEXELS_PER_M)
    for x in np.linspace(0, columns - bar, 2 + int(rng.integers(1, 3))).astype(int):
        image[:, x : x + bar] = 0.75
    image[:bar] = image[-bar:] = 0.75
    return image


def _whiteboard(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    image = np.full((rows, columns, 3), 0.8, np.float32)
    for _ in range(int(rng.integers(4, 16))):
        ink = [float(c) for c in rng.choice(np.array([[0.03, 0.03, 0.05], [0.05, 0.1, 0.5], [0.55, 0.05, 0.05]]))]
        start = rng.uniform([0.1, 0.1], [0.7, 0.9]) * [columns, rows]
        steps = np.cumsum(rng.normal([3, 0], [2, 4], (30, 2)), 0)
        cv2.polylines(image, [(start + steps).astype(np.int32)], False, ink, 1, cv2.LINE_AA)
    image[:4] = image[-4:] = image[:, :4] = image[:, -4:] = 0.4
    return image


def _books(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    wood = np.array([0.4, 0.26, 0.14]) * rng.uniform(0.4, 1.3)
    image = np.broadcast_to(0.3 * wood, (rows, columns, 3)).astype(np.float32).copy()
    shelf, board = round(0.34 * TEXELS_PER_M), round(0.025 * TEXELS_PER_M)
    for foot in range(rows - board, 0, -shelf):
        x = board
        while x < columns - board:
            wide, tall = int(rng.integers(3, 10)), int(shelf * rng.uniform(0.5, 0.85))
            if rng.uniform() < 0.85:
                image[max(0, foot - tall) : foot, x : min(x + wide - 1, columns - board)] = _color(rng)
            x += wide
        image[foot : foot + board] = wood
    image[:board], image[:, :board], image[:, -board:] = wood, wood, wood
    return image


def _curtain(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    x = np.arange(columns, dtype=np.float32)
    folds = 0.8 + 0.2 * np.sin(x / TEXELS_PER_M * rng.uniform(35, 60) + 2 * np.sin(x / 40))
    return np.broadcast_to((_color(rng) * folds[:, None])[None], (rows, columns, 3)).copy()


def _rug(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    edge = np.minimum(np.minimum(x, columns - 1 - x), np.minimum(y, rows - 1 - y)) / TEXELS_PER_M
    colors = np.stack([_color(rng) * 0.7 for _ in range(3)])
    ring = (edge / rng.uniform(0.08, 0.25)).astype(np.int64) % 3
    diamonds = (np.floor((x + y) / 24) + np.floor((x - y) / 24)) % 2
    image = colors[ring] * (0.85 + 0.15 * diamonds)[..., None]
    return (image * rng.uniform(0.92, 1.08, (rows, columns, 1))).astype(np.float32)


_SIZES: dict[str, tuple[tuple[float, float], tuple[float, float], float | None]] = {
    "poster": ((0.3, 0.95), (0.35, 0.9), None),
    "door": ((0.85, 1.0), (2.0, 2.1), 0.0),
    "window": ((1.0, 1.9), (1.1, 1.4), 0.95),
    "whiteboard": ((1.2, 2.0), (0.9, 1.2), 0.85),
    "books": ((0.9, 2.2), (1.6, 2.2), 0.0),
    "curtain": ((0.9, 2.0), (2.4, 2.6), 0.1),
}
"""Width, height and height above the floor, metres."""

_PICTURES: dict[str, Callable[[np.random.Generator, int, int], np.ndarray]] = {
    "poster": _poster,
    "door": _door,
    "window": _window,
    "whiteboard": _whiteboard,
    "books": _books,
    "curtain": _curtain,
}
