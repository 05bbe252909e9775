"""Exposure and white balance of each camera against the others, in linear light, from the surface that several see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float, Float32

from texture.blending.color_transfer import ColorTransfer, table_of_light
from texture.painting.blend import Blend

DARK, BRIGHT = 16.0, 240.0
"""Levels outside are noise or clipped, and carry no ratio."""
SQUARELY = 0.25
"""Texels with less than this part of a camera's median weight are seen flatly: shine and bled outlines."""
MIN_SHARED = 300
"""Texels that two cameras must share before their ratio is believed."""
LIMIT = 4.0
"""No camera's light is multiplied or divided by more than this: two stops."""
PRIOR = 0.02
"""Pull of each camera toward no change, against one for a pair with many shared texels."""

LightGains = dict[str, Float[np.ndarray, "3"]]
"""Factors on linear red, green and blue by stream."""


def balance_cameras(
    instants: Sequence[Mapping[str, Blend]], transfers: Mapping[str, ColorTransfer] | None = None
) -> LightGains:
    """Factors that bring the cameras' light together, after their `transfers`; their geometric mean is 1.

    Each instant gives, for each colour stream, the colours of all texels from this stream alone, as recorded: clipped
    values are recognised before any transfer. A matt surface sends the same light to all cameras, so the median ratio
    of two cameras over the texels that both see is the ratio of their gains; the factors solve all pairs at once (least
    squares of logarithms). A camera that shares no texels with others keeps its colours.
    """
    streams = list(dict.fromkeys(stream for views in instants for stream in views))
    number = {stream: i for i, stream in enumerate(streams)}
    rows, ratios, weights = [], [], []
    for views in instants:
        logs = {stream: _log_light(blend, (transfers or {}).get(stream)) for stream, blend in views.items()}
        seen = {stream: _usable(blend) & np.isfinite(logs[stream]).all(-1) for stream, blend in views.items()}
        for first in views:
            for second in views:
                if number[first] >= number[second]:
                    continue
                both = seen[first] & seen[second]
                if both.sum() < MIN_SHARED:
                    continue
                rows.append((number[first], number[second]))
                ratios.append(np.median(logs[first][both] - logs[second][both], 0))
                weights.append(both.sum() / (both.sum() + 10 * MIN_SHARED))
    logs = _solve(len(streams), rows, ratios, weights)
    return {stream: np.exp(np.clip(logs[i], -np.log(LIMIT), np.log(LIMIT))) for stream, i in number.items()}


def _log_light(blend: Blend, transfer: ColorTransfer | None) -> Float32[np.ndarray, "texels 3"]:
    """Of the nearest whole levels; minus infinity for black."""
    codes = np.clip(np.rint(blend.colors), 0, 255).astype(np.uint8)
    with np.errstate(divide="ignore", invalid="ignore"):
        if transfer is None or transfer.is_diagonal:
            gain = np.ones(3) if transfer is None else np.diag(transfer.matrix)
            return np.log(table_of_light())[codes] + np.log(gain).astype(np.float32)
        return np.log(table_of_light()[codes] @ transfer.matrix.T.astype(np.float32))


def _usable(blend: Blend) -> Bool[np.ndarray, "texels"]:
    seen = blend.weight > 0
    if not seen.any():
        return seen
    squarely = blend.weight > SQUARELY * np.median(blend.weight[seen])
    return squarely & (blend.colors > DARK).all(-1) & (blend.colors < BRIGHT).all(-1)


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
