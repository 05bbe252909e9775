"""What is different in one instant from the sequence's texture, kept only where it is more than noise.

The difference is split in two bands: its mean around each vertex of the mesh (shadows, folds: a centimetre and more),
and what is left at each texel (print that moved, wrinkles). Around each vertex each band is shrunk as Wiener's filter
does: by what its energy exceeds the energy that noise alone has there. Both bands live on the mesh, so that the borders
of charts do not show.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8

from texture.blending import residual_kernels as kernels
from texture.blending.sequence import levels
from texture.layout.atlas import Atlas
from texture.painting.blend import Blend

TRUST_WEIGHT = 0.02
"""A texel seen with this weight (1/m^2: one camera at 2 m, 58 degrees from the normal) counts half."""
EVERY = 3
"""Every third texel is looked at when energies are taken: 60 around a vertex of 20,000 faces at 2048."""
NOISE_TIMES = 1.5
"""A band is kept where its energy is more than this many times the noise's. Held-out cameras of somebody kicking and
of somebody standing still: 32.35 and 33.30 dB; 32.37 and 33.29 with 1, 32.26 and 33.30 with 3; 32.11 and 33.06 with all
that was seen, 30.80 and 33.34 with the sequence alone. Flicker: 0.37, 0.20, 0.08 levels with 1, 1.5 and 3."""
DETAIL_CLASSES, WEIGHT_CLASSES = 6, 3
"""Noise is told apart by how much print the vertex carries (a surface that slides by a fraction of a pixel makes noise
of print) and by how well it is seen."""
FEWEST = 20
"""Vertices that a class must hold; others take the noise of all."""
LEAST_NOISE = 0.25
"""Energy (levels squared) that noise always has: rounding, and JPEG at quality 92."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Bands:
    """A difference to the sequence's texture, around each vertex."""

    coarse: Float32[np.ndarray, "vertices 3"]
    """Its mean, levels."""
    fine: Float32[np.ndarray, "vertices"]
    """Mean square of what is left at the texels, per channel, levels squared."""
    trust: Float32[np.ndarray, "vertices"]
    """Mean of how far the texels around are trusted, 0 … 1."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ResidualNoise:
    """Energy of each band around each vertex where nothing really changes, levels squared per channel."""

    coarse: Float32[np.ndarray, "vertices"]
    fine: Float32[np.ndarray, "vertices"]


def bands(
    atlas: Atlas,
    colors: UInt8[np.ndarray, "texels 3"],
    sequence: UInt8[np.ndarray, "texels 3"],
    weight: Float32[np.ndarray, "texels"],
) -> Bands:
    """The bands of `colors` less `sequence`; texels of weight 0 say nothing."""
    count = int(atlas.faces.max()) + 1
    coarse, share = np.zeros((count, 3), np.float32), np.zeros(count, np.float32)
    places = np.zeros(count, np.float32)
    arguments = (atlas.face, atlas.bary, atlas.faces, colors, sequence, weight, np.float32(TRUST_WEIGHT), EVERY)
    kernels.add_means(*arguments, coarse, share, places)
    coarse /= np.maximum(share, 1e-9)[:, None]
    fine = np.zeros(count, np.float32)
    kernels.add_energies(*arguments, coarse, fine)
    return Bands(coarse=coarse, fine=fine / np.maximum(share, 1e-9), trust=share / np.maximum(places, 1e-9))


def residual_noise(
    atlas: Atlas, sequence: UInt8[np.ndarray, "texels 3"], pairs: Iterable[tuple[Blend, Blend]]
) -> ResidualNoise:
    """The noise from pairs of instants so close to each other that hardly anything changed between them.

    A difference of two has twice the noise of one; its median over all vertices with as much print, seen as well, is
    blind to the few that really changed. Without pairs the noise is `LEAST_NOISE` everywhere.
    """
    count = int(atlas.faces.max()) + 1
    least = np.full(count, LEAST_NOISE, np.float32)
    seen = []
    for first, second in pairs:
        both = np.minimum(first.weight, second.weight)
        seen.append(bands(atlas, levels(first), levels(second), both))
    if not seen:
        return ResidualNoise(coarse=least, fine=least)
    detail = _detail(atlas, sequence)
    trust = np.stack([one.trust for one in seen])
    coarse = np.stack([np.square(one.coarse).mean(-1) for one in seen]) / 2
    fine = np.stack([one.fine for one in seen]) / 2
    row = np.digitize(detail, np.quantile(detail, np.linspace(0, 1, DETAIL_CLASSES + 1)[1:-1]))
    known = trust > 0
    edges = np.quantile(trust[known], np.linspace(0, 1, WEIGHT_CLASSES + 1)[1:-1]) if known.any() else [1.0]
    column = np.digitize(trust, edges)
    usual = np.digitize(np.median(trust, 0), edges)
    return ResidualNoise(
        coarse=_by_class(coarse, known, row, column, usual), fine=_by_class(fine, known, row, column, usual)
    )


def with_residual(
    atlas: Atlas, blend: Blend, sequence: UInt8[np.ndarray, "texels 3"], noise: ResidualNoise
) -> UInt8[np.ndarray, "texels 3"]:
    """The colours of one instant: the sequence's, and what really is different in the blend."""
    own = levels(blend)
    found = bands(atlas, own, sequence, blend.weight)
    keep_coarse = _kept(np.square(found.coarse).mean(-1), noise.coarse)
    keep_fine = _kept(found.fine, noise.fine)
    result = np.empty_like(sequence)
    kernels.compose(
        atlas.face, atlas.bary, atlas.faces, own, sequence, blend.weight, np.float32(TRUST_WEIGHT),
        found.coarse, keep_coarse, keep_fine, result,
    )  # fmt: skip
    return result


def _kept(energy: Float32[np.ndarray, "vertices"], noise: Float32[np.ndarray, "vertices"]) -> np.ndarray:
    return np.clip(1 - NOISE_TIMES * noise / np.maximum(energy, 1e-9), 0, 1).astype(np.float32)


def _detail(atlas: Atlas, sequence: UInt8[np.ndarray, "texels 3"]) -> Float32[np.ndarray, "vertices"]:
    """How much print each vertex carries: the energy of the sequence's texture about its local mean."""
    nothing, all_seen = np.zeros_like(sequence), np.ones(len(atlas), np.float32)
    return bands(atlas, sequence, nothing, all_seen).fine


def _by_class(energy: np.ndarray, known: np.ndarray, row: np.ndarray, column: np.ndarray, usual: np.ndarray):
    rows = np.broadcast_to(row, energy.shape)
    everywhere = max(float(np.median(energy[known])), LEAST_NOISE) if known.any() else LEAST_NOISE
    table = np.full((DETAIL_CLASSES, WEIGHT_CLASSES), everywhere, np.float32)
    for i in range(DETAIL_CLASSES):
        for j in range(WEIGHT_CLASSES):
            some = energy[known & (rows == i) & (column == j)]
            if len(some) >= FEWEST:
                table[i, j] = max(float(np.median(some)), LEAST_NOISE)
    return table[row, usual]
