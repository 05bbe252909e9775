"""Small pictures of bright patches that swing together, seen from any side: for synchronisation by content."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64

SIZE_PX = (160, 90)
FINE_S = 0.005
EARLY_S = 2.0
"""The movement begins this long before 0, and goes on as long after its end."""
PATCHES = 8


@dataclass(frozen=True, kw_only=True, eq=False)
class MovingPatches:
    """One movement: bursts of speed, each rising and falling within 0.1 to 0.4 s, at random moments."""

    phase: Float64[np.ndarray, "moments"]
    """How far the swing has come, every FINE_S from -EARLY_S on."""

    @classmethod
    def of(cls, seed: int, seconds: float) -> MovingPatches:
        """A movement of a length."""
        speed = bursts(seed, seconds, np.arange(-EARLY_S, seconds + EARLY_S, FINE_S))
        return cls(phase=np.cumsum(speed) * FINE_S * 2.5)

    def picture(self, time_s: float, view_rad: float) -> Float32[np.ndarray, "height width"]:
        """Grey levels at a moment, seen from an angle."""
        y, x = np.mgrid[0 : SIZE_PX[1], 0 : SIZE_PX[0]].astype(np.float32)
        phase = np.interp((time_s + EARLY_S) / FINE_S, np.arange(len(self.phase)), self.phase)
        grey = np.full(x.shape, 40, np.float32)
        for patch in range(PATCHES):
            swing = phase * (1 + 0.13 * patch) + 2.4 * patch
            cx = 80 + 55 * np.cos(0.8 * patch) + 14 * np.cos(view_rad + patch) * np.sin(swing)
            cy = 45 + 25 * np.sin(0.8 * patch) + 14 * np.sin(1.7 * patch) * np.cos(swing)
            grey += 120 * np.exp(-(((x - cx) / 6) ** 2 + ((y - cy) / 8) ** 2))
        return grey.clip(0, 255).astype(np.float32)


def bursts(seed: int, seconds: float, time_s: Float64[np.ndarray, "*n"]) -> Float64[np.ndarray, "*n"]:
    """Speed of the movement at some times."""
    rng = np.random.default_rng(seed)
    count = int(1.5 * seconds)
    at, width, size = rng.uniform(0, seconds, count), rng.uniform(0.06, 0.15, count), rng.uniform(0.5, 2, count)
    return (size * np.exp(-0.5 * ((time_s[..., None] - at) / width) ** 2)).sum(-1)
