"""Memory and processor time of every stage along a take, as one picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from scripts.endurance.flatness import StageRecord

SMOOTH = 25
"""Steps over which time is averaged."""
WIDTH, PANEL, LEFT, RIGHT, TOP, GAP = 1100, 300, 80, 150, 40, 60
INK, PALE = (40, 40, 40), (228, 228, 228)
COLORS = (
    (180, 119, 31), (14, 127, 255), (44, 160, 44), (40, 39, 214), (189, 103, 148), (75, 86, 140), (194, 119, 227),
    (127, 127, 127), (34, 189, 188), (207, 190, 23),
)  # fmt: skip
"""Blue, green, red."""


def draw(records: Sequence[StageRecord], path: Path) -> None:
    """Writes a PNG: above the memory held, below the processor time of a step, against the share of the stage."""
    shown = [record for record in records if len(record.done) > 2 * SMOOTH]
    image = np.full((2 * PANEL + TOP + 2 * GAP, WIDTH, 3), 255, np.uint8)
    memory = [np.array(record.rss_mb) for record in shown]
    times = [_each_ms(record) for record in shown]
    most_mb = 1.1 * max(series.max() for series in memory)
    most_ms = 1.1 * max(float(np.percentile(series, 99)) for series in times)
    _panel(image, TOP, memory, most_mb, "memory held, MB", shown)
    _panel(image, TOP + PANEL + GAP, times, most_ms, f"processor time of a step, ms (mean of {SMOOTH})", shown)
    _text(image, "share of the stage, %", (LEFT, 2 * PANEL + TOP + GAP + 40))
    if not cv2.imwrite(str(path), image):
        raise OSError(f"{path} cannot be written; is the disk full?")


def _each_ms(record: StageRecord) -> np.ndarray:
    """Smoothed; a step that tells of many instants at once counts as that many."""
    cpu, done = np.array(record.cpu_s), np.array(record.done)
    steps = np.diff(done)
    each = 1000 * np.diff(cpu)[steps > 0] / steps[steps > 0]
    return np.convolve(each, np.ones(SMOOTH) / SMOOTH, "valid") if len(each) >= SMOOTH else each


def _panel(
    image: np.ndarray, top: int, series: Sequence[np.ndarray], most: float, title: str, shown: Sequence[StageRecord]
) -> None:
    right, bottom = WIDTH - RIGHT, top + PANEL
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        y, x = round(bottom - share * PANEL), round(LEFT + share * (right - LEFT))
        cv2.line(image, (LEFT, y), (right, y), PALE, 1)
        cv2.line(image, (x, top), (x, bottom), PALE, 1)
        _text(image, f"{share * most:.0f}", (LEFT - 48, y + 4))
        _text(image, f"{100 * share:.0f}", (x - 8, bottom + 18))
    _text(image, title, (LEFT, top - 10))
    for number, (values, record) in enumerate(zip(series, shown, strict=True)):
        color = COLORS[number % len(COLORS)]
        x = np.linspace(LEFT, right, len(values))
        y = bottom - np.clip(values / most, 0, 1) * PANEL
        cv2.polylines(image, [np.rint(np.stack([x, y], 1)).astype(np.int32)], False, color, 2, cv2.LINE_AA)
        cv2.line(image, (right + 14, top + 12 + 22 * number), (right + 36, top + 12 + 22 * number), color, 3)
        _text(image, record.stage, (right + 42, top + 16 + 22 * number))


def _text(image: np.ndarray, text: str, at: tuple[int, int]) -> None:
    cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, INK, 1, cv2.LINE_AA)
