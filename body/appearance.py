"""Dress a body: a painted texture for its UVs and the thickness of its clothes.

All is painted by rules on the rest body (regions by joints and keypoint vertices, noise in space, so that UV seams do
not show); no photograph or file of others is used.
"""

from __future__ import annotations

import numpy as np

from body.appearance_atlas import Surface, atlas_of, surface_of
from body.appearance_garments import coverage, thickness
from body.appearance_paint import paint_garment, paint_skin
from body.model import BodyModel
from body.outfit import Kind, Outfit, Style, choose_style, describe

TEXTURE_SIZE = 1024
_GARMENT_EDGE_M = 0.0015
"""Hems are this soft, so that they do not alias."""


def dress(model: BodyModel, rng: np.random.Generator, kind: Kind = "casual", size: int = TEXTURE_SIZE) -> Outfit:
    """A random look: "minimal" (tight clothes, 1-3 mm) or "casual" (loose shirt, trousers or shorts, socks).

    Raises BodyError when the model has no UVs or lacks the face's keypoint vertices.
    """
    return paint(model, choose_style(rng, kind), size)


def paint(model: BodyModel, style: Style, size: int = TEXTURE_SIZE) -> Outfit:
    """The outfit of chosen colours and cuts; the same style gives the same outfit. Raises as `dress` does."""
    atlas = atlas_of(model, size)
    texels, vertices = atlas.surface, surface_of(model)
    rng = np.random.default_rng(style.seed)
    colour = paint_skin(texels, style, rng)
    offsets = np.zeros(model.vertex_count)
    for garment in style.garments:
        cover = _step(coverage(garment.cut, texels), _GARMENT_EDGE_M)[:, None]
        folds = np.random.default_rng(rng.integers(2**31))
        colour = (1 - cover) * colour + cover * paint_garment(texels, garment, folds)
        offsets = np.maximum(offsets, thickness(garment, vertices, model.faces))
    image = np.empty((size, size, 3), np.uint8)
    image[:] = np.round(255 * np.asarray(style.skin))
    image[atlas.covered] = np.round(255 * np.clip(colour, 0, 1))
    return Outfit(texture=image, offsets=offsets, description=describe(style))


def _step(distance: np.ndarray, width: float) -> np.ndarray:
    """0 outside, 1 inside, linear over `width` about a signed distance of zero."""
    return np.clip(0.5 + distance / width, 0, 1)


__all__ = ["TEXTURE_SIZE", "Outfit", "Style", "Surface", "choose_style", "dress", "paint"]
