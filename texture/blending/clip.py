"""From the blends of single instants to textures: one for the clip, and one for each instant that it completes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8

from texture.blending.inpainting import fill_holes
from texture.errors import TextureError
from texture.layout.atlas import Atlas
from texture.painting.projection import Blend

UNIT_WEIGHT = 0.25
"""Weight of one camera that faces the surface at 2 m (cos^4 / z^2, 1/m^2): the unit of confidence."""
OUTLIER_LEVELS = 20.0
"""Colours (0 to 255) this far from the clip's mean count half: shadows that pass, a hand over the texel, a bad pose."""
ROUNDS = 4
"""Rounds of reweighting; the fifth changes no texel by a level."""
CLIP_WEIGHT = 0.002
"""How much the clip's texture counts in an instant's: as much as one camera at 2 m, 73 degrees from the normal."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ClipTexture:
    """One texture for a whole clip."""

    image: UInt8[np.ndarray, "size size 3"]
    """RGB, complete: unseen texels and the space between charts are filled from their surroundings."""
    confidence: UInt8[np.ndarray, "size size"]
    """255 (1 - exp(-w)), w in units of one camera facing the surface at 2 m: 0 unseen, 161 one such camera."""
    seen: float
    """Share of the covered texels that any camera saw at any instant."""


def clip_texture(atlas: Atlas, blends: Sequence[Blend]) -> ClipTexture:
    """The robust weighted mean of the blends of some instants (iteratively reweighted, Cauchy).

    Raises TextureError when no camera saw any texel.
    """
    colors = np.stack([np.rint(blend.colors).astype(np.uint8) for blend in blends])
    weights = np.stack([blend.weight for blend in blends])
    total = weights.sum(0)
    seen = total > 0
    if not seen.any():
        raise TextureError(
            "no camera sees the body's surface; check the calibration and the body with: humanrig report SESSION"
        )
    mean = _robust_mean(colors, weights)
    known = atlas.image(seen, False)
    image = fill_holes(atlas.image(mean, 0.0), known)
    confidence = 255 * (1 - np.exp(-total / len(blends) / UNIT_WEIGHT))
    return ClipTexture(
        image=np.clip(np.rint(image), 0, 255).astype(np.uint8),
        confidence=atlas.image(np.rint(confidence).astype(np.uint8)),
        seen=float(seen.mean()),
    )


def instant_texture(atlas: Atlas, blend: Blend, clip: ClipTexture) -> UInt8[np.ndarray, "size size 3"]:
    """The texture of one instant: its own colours where cameras saw it well, fading into the clip's elsewhere."""
    own = (blend.weight / (blend.weight + CLIP_WEIGHT))[:, None]
    background = clip.image.reshape(-1, 3)[atlas.flat]
    mixed = own * blend.colors + (1 - own) * background
    return atlas.image(np.rint(np.clip(mixed, 0, 255)).astype(np.uint8), clip.image)


def _robust_mean(
    colors: UInt8[np.ndarray, "instants texels 3"], weights: Float32[np.ndarray, "instants texels"]
) -> Float32[np.ndarray, "texels 3"]:
    mean = _weighted_mean(colors, weights)
    for _ in range(ROUNDS if len(colors) > 2 else 0):
        trusted = np.empty_like(weights)
        for i in range(len(colors)):
            apart = np.square(colors[i] - mean).sum(-1) / 3
            trusted[i] = weights[i] / (1 + apart / OUTLIER_LEVELS**2)
        mean = _weighted_mean(colors, trusted)
    return mean


def _weighted_mean(colors: np.ndarray, weights: np.ndarray) -> Float32[np.ndarray, "texels 3"]:
    total = np.zeros((colors.shape[1], 3), np.float32)
    for color, weight in zip(colors, weights):
        total += weight[:, None] * color
    return total / np.maximum(weights.sum(0), 1e-12)[:, None]
