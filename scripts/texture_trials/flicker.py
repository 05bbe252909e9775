"""How much the textures of single instants tremble on somebody who stands still."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, UInt8


@dataclass(frozen=True, kw_only=True, slots=True)
class Flicker:
    """Standard deviations of texels over the instants, levels of 255, mean of the channels."""

    mean: float
    p95: float
    instants: int


def flicker(textures: Iterable[UInt8[np.ndarray, "size size 3"]], seen: Bool[np.ndarray, "size size"]) -> Flicker:
    """Over the texels that cameras saw. Raises ValueError for fewer than two textures: they cannot differ."""
    total = np.zeros((int(seen.sum()), 3))
    squares, count = np.zeros_like(total), 0
    for texture in textures:
        values = texture[seen].astype(np.float64)
        total += values
        squares += values * values
        count += 1
    if count < 2:
        raise ValueError(f"{count} textures cannot flicker; give those of two instants or more")
    deviation = np.sqrt(np.maximum(squares / count - (total / count) ** 2, 0) * count / (count - 1)).mean(-1)
    return Flicker(mean=float(deviation.mean()), p95=float(np.percentile(deviation, 95)), instants=count)
