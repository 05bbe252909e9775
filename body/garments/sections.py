"""Level cuts through trunk and legs of a rest body, as points that move with its skin: what a skirt goes around."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float, Int32

from body.garments.form import Form

_BINS: Final = 16
_ARM: Final = 0.2
"""Skin with more of the arms' weights is no part of a cut."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Sections:
    """Outermost points of each cut, around its left and its right half: on edges of the body's mesh."""

    ends: Int32[np.ndarray, "cuts 2 points 2"]
    """Body vertices at both ends of each edge."""
    share: Float[np.ndarray, "cuts 2 points"]
    """Of the second end."""

    @classmethod
    def of(cls, form: Form, heights: Float[np.ndarray, "cuts"]) -> Sections:
        """The cuts of a rest body at heights in its frame, metres."""
        count = form.model.vertex_count
        v = np.asarray(form.points[:count], np.float64)
        faces = np.asarray(form.model.faces, np.int64)
        edges = np.unique(np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), 1), axis=0)
        edges = edges[(form.arm[:count][edges] < _ARM).all(1)]
        low, high = v[edges, 1].min(1), v[edges, 1].max(1)
        ends = np.zeros((len(heights), 2, _BINS, 2), np.int32)
        share = np.zeros((len(heights), 2, _BINS))
        for i, height in enumerate(heights):
            crossed = edges[(low < height) & (high >= height)]
            a, b = v[crossed[:, 0]], v[crossed[:, 1]]
            t = (height - a[:, 1]) / (b[:, 1] - a[:, 1])
            p = a + t[:, None] * (b - a)
            for half, mine in enumerate((np.flatnonzero(p[:, 0] > 0), np.flatnonzero(p[:, 0] <= 0))):
                outer = mine[_outermost(p[mine][:, [0, 2]])]
                ends[i, half], share[i, half] = crossed[outer], t[outer]
        return cls(ends=ends, share=share)


def _outermost(points: np.ndarray) -> np.ndarray:
    """(16,): in each direction the point that lies farthest along it."""
    angle = 2 * np.pi * np.arange(_BINS) / _BINS
    return (points @ np.stack([np.cos(angle), np.sin(angle)])).argmax(0)
