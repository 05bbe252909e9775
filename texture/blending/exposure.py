"""Brightness and white balance of each camera against the others, from the surface that several of them see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from texture.painting.projection import Blend

DARK, BRIGHT = 16.0, 240.0
"""Levels outside are noise or clipped, and carry no ratio."""
MIN_SHARED = 500
"""Texels (of about 600,000) that two cameras must share before their ratio is believed."""
LIMIT = 2.0
"""No camera is brightened or darkened by more than this factor."""
PRIOR = 0.02
"""Pull of each camera toward no change, against one for a pair with many shared texels."""

Gains = dict[str, Float[np.ndarray, "3"]]
"""Factor of red, green and blue by stream."""


def balance_cameras(instants: Sequence[Mapping[str, Blend]]) -> Gains:
    """Factors that bring the cameras' colours together; their geometric mean over the cameras is 1.

    Each instant gives, for each colour stream, the colours of all texels from this stream alone. A matte surface sends
    the same light to all cameras, so the median ratio of two cameras over the texels that both see is the ratio of
    their gains; the factors solve all pairs at once (least squares of logarithms). A camera that shares no texels with
    others keeps its colours.
    """
    streams = list(dict.fromkeys(stream for views in instants for stream in views))
    number = {stream: i for i, stream in enumerate(streams)}
    rows, ratios, weights = [], [], []
    for views in instants:
        seen = {stream: _usable(blend) for stream, blend in views.items()}
        for first in views:
            for second in views:
                if number[first] >= number[second]:
                    continue
                both = seen[first] & seen[second]
                if both.sum() < MIN_SHARED:
                    continue
                ratio = np.log(views[first].colors[both]) - np.log(views[second].colors[both])
                rows.append((number[first], number[second]))
                ratios.append(np.median(ratio, 0))
                weights.append(both.sum() / (both.sum() + 10 * MIN_SHARED))
    logs = _solve(len(streams), rows, ratios, weights)
    return {stream: np.exp(np.clip(logs[i], -np.log(LIMIT), np.log(LIMIT))) for stream, i in number.items()}


def apply_gain(
    image: UInt8[np.ndarray, "rows columns 3"], gain: Float[np.ndarray, "3"]
) -> UInt8[np.ndarray, "rows columns 3"]:
    """The image with each channel multiplied, clipped at 255."""
    table = np.clip(np.rint(np.arange(256)[:, None] * gain), 0, 255).astype(np.uint8)
    return cv2.LUT(image, table[None])


def _usable(blend: Blend) -> np.ndarray:
    return (blend.weight > 0) & (blend.colors > DARK).all(-1) & (blend.colors < BRIGHT).all(-1)


def _solve(count: int, rows: list[tuple[int, int]], ratios: list[np.ndarray], weights: list[float]) -> np.ndarray:
    """Logarithms g with g_first - g_second = -ratio for each pair, and zero mean."""
    system, target = np.eye(count) * PRIOR, np.zeros((count, 3))
    for (first, second), ratio, weight in zip(rows, ratios, weights):
        system[[first, second], [first, second]] += weight
        system[[first, second], [second, first]] -= weight
        target[first] -= weight * ratio
        target[second] += weight * ratio
    logs = np.linalg.solve(system, target) if count else target
    return logs - logs.mean(0) if count else logs
