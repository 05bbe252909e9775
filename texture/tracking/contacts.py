"""Where limbs touch: instants at which a surface made of depth joins parts that are apart in others."""

from __future__ import annotations

import numpy as np
from scipy.spatial import KDTree

from texture.tracking.body_clip import BodyClip

TOUCH_M = 0.03
"""Skin nearer than this may be joined by a surface made of depth: some 25 mm of clothes and truncation."""
APART_M = 0.12
"""Skin that is farther apart at rest (arms stretched out) belongs to different limbs, or to two sides of a joint."""
STRIDE = 3
"""Each third vertex is looked at: 20 mm apart on an adult, which `TOUCH_M` does not slip through."""


def touching(clip: BodyClip, row: int) -> float:
    """Share of the body's vertices near another limb at an instant; rest poses have none, folded arms some 0.2."""
    posed, rest = clip.vertices[row, ::STRIDE], clip.rest[::STRIDE]
    pairs = KDTree(posed).query_pairs(TOUCH_M, output_type="ndarray")
    apart = np.linalg.norm(rest[pairs[:, 0]] - rest[pairs[:, 1]], axis=1) > APART_M
    return len(np.unique(pairs[apart])) / len(posed)


def by_contact(clip: BodyClip, rows: list[int], looked_at: int = 60) -> list[int]:
    """Rows in the order in which they suit a template: limbs apart first, and of equals the one nearest the middle.

    Of many rows, `looked_at` that are evenly spread are compared and returned.
    """
    some = [rows[i] for i in np.unique(np.linspace(0, len(rows) - 1, min(looked_at, len(rows))).round().astype(int))]
    middle = (rows[0] + rows[-1]) / 2
    # shares are compared to a hundredth: less is the noise of the fit
    keys: dict[int, tuple[float, float]] = {row: (round(touching(clip, row), 2), abs(row - middle)) for row in some}
    return sorted(some, key=keys.__getitem__)
