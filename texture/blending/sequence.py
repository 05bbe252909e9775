"""One texture for a sequence: the robust mean of what single instants say of each texel (numba)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numba as nb
import numpy as np
from jaxtyping import Float32, UInt8

from texture.errors import TextureError
from texture.painting.blend import Blend

UNIT_WEIGHT = 0.25
"""Weight of one camera that faces the surface at 2 m (cos^4 / z^2, 1/m^2): the unit of confidence."""
OUTLIER_LEVELS = 20.0
"""Colours (0 to 255) this far from the sequence's mean count half: shadows that pass, a hand over the texel, a bad
pose."""
ROUNDS = 4
"""Rounds of reweighting; the fifth changes no texel by a level."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SequenceTexture:
    """What a sequence's instants together say of each covered texel, in the atlas's order."""

    colors: UInt8[np.ndarray, "texels 3"]
    """RGB; zero where unseen."""
    weight: Float32[np.ndarray, "texels"]
    """Mean over the instants of their weights, 1/m^2; zero where unseen."""
    source: UInt8[np.ndarray, "texels"]
    """The source of the instant that counted most; 0 where unseen."""

    @property
    def seen(self) -> float:
        """Share of the texels that any camera saw at any instant."""
        return float((self.weight > 0).mean())

    def confidence(self) -> UInt8[np.ndarray, "texels"]:
        """255 (1 - exp(-w)), w in units of one camera facing the surface at 2 m: 0 unseen, 161 one such camera.

        At least 1 where a texel was seen, so that 0 always means made up.
        """
        values = np.rint(255 * (1 - np.exp(-self.weight / np.float32(UNIT_WEIGHT))))
        return np.where(self.weight > 0, np.maximum(values, 1), 0).astype(np.uint8)


def sequence_texture(blends: Iterable[Blend], count: int | None = None) -> SequenceTexture:
    """The robust weighted mean of the blends of some instants (iteratively reweighted, Cauchy).

    count: how many there are, where `blends` makes them one by one. Raises TextureError without blends, and when no
    camera saw any texel.
    """
    blends = list(blends) if count is None else blends
    count = len(blends) if count is None and isinstance(blends, list) else count
    if not count:
        raise TextureError(
            "no instant of the sequence could be painted, so that it has no texture; look at its cameras and surfaces"
        )
    colors, weights, sources = None, None, None
    for i, blend in enumerate(blends):
        if colors is None or weights is None or sources is None:
            colors = np.zeros((count, len(blend.weight), 3), np.uint8)
            weights = np.zeros((count, len(blend.weight)), np.float32)
            sources = np.zeros((count, len(blend.weight)), np.uint8)
        colors[i], weights[i] = levels(blend), blend.weight
        if blend.source is not None:
            sources[i] = blend.source
    if colors is None or weights is None or sources is None or not weights.any():
        raise TextureError(
            "no camera sees the body's surface; check the calibration and the body with: humanrig report SESSION"
        )
    mean, best = robust_mean(colors, weights, sources, ROUNDS if count > 2 else 0)
    return SequenceTexture(colors=mean, weight=weights.mean(0), source=best)


def levels(blend: Blend) -> UInt8[np.ndarray, "texels 3"]:
    """The blend's colours as whole levels."""
    result = np.empty(blend.colors.shape, np.uint8)
    _rounded(blend.colors.reshape(-1), result.reshape(-1))
    return result


@nb.njit(cache=True, nogil=True)
def _rounded(values, result):
    for i in range(len(values)):
        result[i] = int(min(max(values[i], np.float32(0)), np.float32(255)) + np.float32(0.5))


@nb.njit(cache=True, nogil=True)
def robust_mean(colors, weights, sources, rounds):
    """Weighted mean over the first axis, reweighted by distance, and the source of the greatest weight;
    `tests/texture/test_blending.py` has it in numpy."""
    instants, texels = weights.shape
    mean, best = np.zeros((texels, 3), np.uint8), np.zeros(texels, np.uint8)
    limit = np.float32(3 * OUTLIER_LEVELS * OUTLIER_LEVELS)
    for i in range(texels):
        greatest = np.float32(0)
        for t in range(instants):
            if weights[t, i] > greatest:
                greatest, best[i] = weights[t, i], sources[t, i]
        a, b, c = np.float32(0), np.float32(0), np.float32(0)
        for turn in range(rounds + 1):
            total, x, y, z = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
            for t in range(instants):
                w = weights[t, i]
                if w <= 0:
                    continue
                r, g, s = np.float32(colors[t, i, 0]), np.float32(colors[t, i, 1]), np.float32(colors[t, i, 2])
                if turn > 0:
                    apart = (r - a) ** 2 + (g - b) ** 2 + (s - c) ** 2
                    w /= 1 + apart / limit
                total += w
                x += w * r
                y += w * g
                z += w * s
            if total == 0:
                break
            a, b, c = x / total, y / total, z / total
        mean[i, 0], mean[i, 1], mean[i, 2] = int(a + 0.5), int(b + 0.5), int(c + 0.5)
    return mean, best
