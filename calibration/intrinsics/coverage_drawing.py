"""The coverage of a camera as a picture: cells of the image, tilts of the board, its distances."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import UInt8

from calibration.intrinsics.coverage import SEEN, TILTED_DEG, Coverage

HEIGHT = 260
"""Of the picture, pixels."""
MARGIN, TEXT = 12, 26
PAPER, INK, PALE, DOT = (255, 255, 255), (40, 40, 40), (205, 205, 205), (24, 90, 157)
MISSING = (244, 226, 220)
LOW, HIGH = np.array([198.0, 219.0, 239.0]), np.array([8.0, 81.0, 156.0])
"""Colours of a cell just seen and of one with `FULL` corners or more."""
FULL = 60
FONT = cv2.FONT_HERSHEY_SIMPLEX


def draw_coverage(coverage: Coverage) -> UInt8[np.ndarray, "height width 3"]:
    """Three panels, RGB: the image's cells (blue seen, reddish empty), the board's tilts (the ring is the least that
    shows perspective), its distances."""
    panels = [_cells(coverage), _tilts(coverage), _distances(coverage)]
    title = np.full((TEXT, sum(panel.shape[1] for panel in panels), 3), PAPER, np.uint8)
    _write(title, f"{coverage.camera}: {len(coverage.instants)} views", (MARGIN, 18))
    return np.concatenate([title, np.concatenate(panels, 1)])


def _cells(coverage: Coverage) -> UInt8[np.ndarray, "height width 3"]:
    inner = HEIGHT - TEXT - MARGIN
    width = round(inner * coverage.width / coverage.height)
    panel = _panel(width, f"image: {coverage.covered:.0%} of the cells")
    rows, columns = coverage.corners.shape
    for r in range(rows):
        for c in range(columns):
            count = int(coverage.corners[r, c])
            part = min(count / FULL, 1.0)
            color = LOW + part * (HIGH - LOW) if count >= SEEN else np.array(MISSING)
            low = (MARGIN + c * width // columns, TEXT + r * inner // rows)
            high = (MARGIN + (c + 1) * width // columns - 2, TEXT + (r + 1) * inner // rows - 2)
            cv2.rectangle(panel, low, high, color.tolist(), -1)
            if count:
                ink = PAPER if part > 0.5 else INK
                _write(panel, str(count), (low[0] + 3, high[1] - 4), ink, 0.32)
    return panel


def _tilts(coverage: Coverage) -> UInt8[np.ndarray, "height width 3"]:
    inner = HEIGHT - TEXT - MARGIN
    panel = _panel(inner, f"tilt: {coverage.tilted} of {len(coverage.instants)} over {TILTED_DEG:.0f} deg")
    middle, radius = (MARGIN + inner // 2, TEXT + inner // 2), inner / 2
    cv2.circle(panel, middle, int(radius), PALE, 1, cv2.LINE_AA)
    cv2.circle(panel, middle, int(radius * np.sin(np.radians(TILTED_DEG))), INK, 1, cv2.LINE_AA)
    for x, y in coverage.tilt:
        spot = (round(middle[0] + radius * x), round(middle[1] + radius * y))
        cv2.circle(panel, spot, 3, DOT, -1, cv2.LINE_AA)
    return panel


def _distances(coverage: Coverage) -> UInt8[np.ndarray, "height width 3"]:
    inner = HEIGHT - TEXT - MARGIN
    panel = _panel(inner, "distance")
    base = TEXT + inner - 18
    cv2.line(panel, (MARGIN, base), (MARGIN + inner, base), INK, 1)
    if not len(coverage.distance_m):
        return panel
    counts, edges = np.histogram(coverage.distance_m, 12, (0.0, 1.05 * float(coverage.distance_m.max())))
    for n, count in enumerate(counts):
        left, right = (MARGIN + round(inner * x) for x in (n / 12, (n + 1) / 12))
        top = base - round((base - TEXT) * count / counts.max())
        if count:
            cv2.rectangle(panel, (left, top), (right - 2, base), DOT, -1)
    _write(panel, "0", (MARGIN, base + 15), scale=0.36)
    _write(panel, f"{edges[-1]:.2f} m", (MARGIN + inner - 48, base + 15), scale=0.36)
    return panel


def _panel(inner_width: int, title: str) -> UInt8[np.ndarray, "height width 3"]:
    panel = np.full((HEIGHT, inner_width + 2 * MARGIN, 3), PAPER, np.uint8)
    _write(panel, title, (MARGIN, 17), scale=0.42)
    return panel


def _write(
    image: UInt8[np.ndarray, "height width 3"],
    text: str,
    at: tuple[int, int],
    color: tuple[int, int, int] = INK,
    scale: float = 0.5,
) -> None:
    cv2.putText(image, text, at, FONT, scale, color, 1, cv2.LINE_AA)
