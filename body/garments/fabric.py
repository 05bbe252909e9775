"""Paint fabrics and hair on the charts of a costume's pieces."""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import Float, UInt8

from body.appearance_paint import noise
from body.garments.charts import PackedCharts
from body.garments.footwear import SOLE_M
from body.garments.limbs import TRUNK, directions
from body.garments.piece import Piece
from body.garments.wardrobe import Fabric
from geometry.rasterizer import rasterize_uv

_GUTTER_TEXELS: Final = 3
_STITCH_M: Final = 0.012
"""Distance of the stitches of a turned hem from its edge."""


def paint_pieces(
    pieces: list[Piece], fabrics: list[Fabric], charts: PackedCharts, size: int, rng: np.random.Generator
) -> UInt8[np.ndarray, "size size 3"]:
    """The texture of all pieces, sRGB; row 0 is v = 1."""
    image = np.full((size, size, 3), 128, np.uint8)
    raster = rasterize_uv(charts.uv, charts.uv_faces, size, _GUTTER_TEXELS)
    first = 0
    for piece, fabric in zip(pieces, fabrics, strict=True):
        chosen = (raster.face >= first) & (raster.face < first + len(piece.faces))
        face, bary = raster.face[chosen] - first, raster.bary[chosen].astype(np.float64)
        colour = _paint(piece, fabric, face, bary, rng)
        image[chosen] = np.round(255 * np.clip(colour, 0, 1))
        first += len(piece.faces)
    return image


def _paint(piece: Piece, fabric: Fabric, face: np.ndarray, bary: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    corners = piece.faces[face]
    p = np.einsum("nk,nkc->nc", bary, piece.rest[corners])
    hem = np.einsum("nk,nk->n", bary, piece.hem[corners])
    base = np.asarray(fabric.colour)
    if fabric.pattern == "hair":
        streak = p * np.array([1.0, 0.18, 0.45])
        shade = 0.30 * noise(streak, 0.0035, rng) + 0.22 * noise(streak, 0.012, rng) + 0.12 * noise(p, 0.04, rng)
        return base * (1 + shade[:, None])
    share = np.clip(_pattern(piece, fabric, p, face, bary, rng), 0, 1)[:, None]
    colour = base + (np.asarray(fabric.second_colour) - base) * share
    weave = 0.04 * noise(p, 0.003, rng) + 0.04 * noise(p, 0.012, rng) + 0.04 * noise(p, 0.06, rng)
    stitches = np.exp(-(((hem - _STITCH_M) / 0.0018) ** 2))
    if piece.name.endswith("shoe"):
        low = float(piece.rest[:, 1].min())
        sole = np.clip((low + SOLE_M - p[:, 1]) / 0.003, 0, 1)[:, None]
        return colour * (1 - sole) * (1 + weave[:, None]) + sole * np.array([0.75, 0.74, 0.72])
    return colour * (1 + weave - 0.28 * stitches)[:, None]


def _pattern(
    piece: Piece, fabric: Fabric, p: np.ndarray, face: np.ndarray, bary: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Share of the second colour."""
    corners = piece.faces[face]
    along = np.einsum("nk,nk->n", bary, piece.along[corners])
    angles = piece.angle[corners]
    angles = angles - 2 * np.pi * np.round((angles - angles[:, :1]) / (2 * np.pi))  # no jump within a face
    part = piece.part[corners[:, 0]]
    radius = np.ones(len(part))
    for which in np.unique(piece.part):
        mine = piece.part == which
        across = (piece.rest[mine] - piece.rest[mine].mean(0)) * (np.abs(directions(piece.part[mine])) < 0.5)
        radius[part == which] = np.linalg.norm(across, axis=1).mean()
    around = np.einsum("nk,nk->n", bary, angles) * radius
    if fabric.pattern == "stripes":
        return _band(along, fabric.period_m, 0.45)
    if fabric.pattern == "checks":
        return 0.5 * _band(along, fabric.period_m, 0.5) + 0.5 * _band(around, fabric.period_m, 0.5)
    if fabric.pattern == "print":
        return (noise(p, fabric.period_m, rng) - 0.25) / 0.06
    if fabric.pattern == "logo":
        return _logo(piece, fabric, p, rng)
    return np.zeros(len(p))


def _logo(piece: Piece, fabric: Fabric, p: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A sign on the chest: a ring, bars or a diamond, with a line of blocks below as of writing."""
    trunk = piece.rest[piece.part == TRUNK]
    if not len(trunk):
        return np.zeros(len(p))
    top = float(np.quantile(trunk[:, 1], 0.75))
    size = fabric.period_m * min(1.0, float(np.ptp(trunk[:, 0])) / 0.35)
    x, y = p[:, 0] / (size / 2), (p[:, 1] - top) / (size / 2)
    front = p[:, 2] > float(np.median(trunk[:, 2]))
    kind = int(rng.integers(3))
    if kind == 0:
        sign = np.abs(np.hypot(x, y) - 0.75) < 0.18
    elif kind == 1:
        sign = (np.abs(x) < 0.9) & (np.abs(((y + 1) * 2.5) % 1 - 0.5) < 0.28) & (np.abs(y) < 0.8)
    else:
        sign = (np.abs(x) + np.abs(y) < 0.9) & (np.abs(x) + np.abs(y) > 0.4)
    letters = rng.random(12) > 0.25
    column = np.clip(((x + 1) * 6).astype(int), 0, 11)
    writing = (np.abs(y + 1.3) < 0.16) & (np.abs(x) < 1) & letters[column] & (((x + 1) * 6) % 1 > 0.25)
    return (front & (sign | writing)).astype(float)


def _band(s: Float[np.ndarray, "points"], period: float, share: float) -> Float[np.ndarray, "points"]:
    """Soft-edged stripes along s."""
    phase = np.abs((s / period) % 1 - 0.5) * 2
    return np.clip((share - phase) * period / 0.003 + 0.5, 0, 1)
