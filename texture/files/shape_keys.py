"""Moving vertices as one mesh and a few shapes that are added to it: morph targets in glTF, blend shapes in USD.

The shapes are principal components of the motion, as many as keep every vertex within a distance of where it belongs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32

from texture.errors import TextureError

TOLERANCE_M = 0.0005
"""Half the surfaces' own error against the true person (0.9 mm for the clouds they are made from)."""
_MOST_FRAMES = 600
"""Frames, evenly spread, that longer clips take their shapes from: 20 s at 30 Hz, 0.4 s for their eigenvectors."""
_BLOCK = 4096
"""Coordinates that are held in float64 at a time."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ShapeKeys:
    """Frame f is `base + sum over k of weights[f, k] * shapes[k]`."""

    base: Float32[np.ndarray, "vertices 3"]
    """Metres."""
    shapes: Float32[np.ndarray, "shapes vertices 3"]
    """Metres; none for a surface that does not move."""
    weights: Float32[np.ndarray, "frames shapes"]
    """The largest of each shape is 1 or -1."""

    def __len__(self) -> int:
        """Number of shapes."""
        return len(self.shapes)

    def frame(self, frame: int) -> Float[np.ndarray, "vertices 3"]:
        """Vertices of one frame."""
        return self.base.astype(np.float64) + np.tensordot(self.weights[frame].astype(np.float64), self.shapes, 1)


def shape_keys(
    vertices: Float[np.ndarray, "frames vertices 3"],
    base: Float[np.ndarray, "vertices 3"] | None = None,
    *,
    tolerance_m: float = TOLERANCE_M,
    most: int | None = None,
) -> ShapeKeys:
    """The fewest shapes, but never more than `most`, that leave no vertex farther than `tolerance_m` from its place.

    `base` is the mean by default. Of a clip of more than 600 frames, 600, evenly spread, are sure to be that near.
    Raises TextureError for vertices that are not finite.
    """
    frames, count = vertices.shape[:2]
    if not np.isfinite(vertices).all():
        frame = int(np.argmin(np.isfinite(vertices).all((1, 2))))
        raise TextureError(f"the surface of frame {frame} has vertices that are not finite; run the stage mesh again")
    start = np.asarray(vertices.mean(0, dtype=np.float64) if base is None else base, np.float32)
    moved = (vertices - start).reshape(frames, -1).astype(np.float32)
    chosen = moved[np.unique(np.linspace(0, frames - 1, min(_MOST_FRAMES, frames)).astype(int))]
    modes = np.linalg.eigh(_products(chosen, chosen))[1][:, ::-1].astype(np.float32)
    shapes = modes.T @ chosen
    kept = _fewest(chosen, modes, shapes, len(modes) if most is None else min(most, len(modes)), tolerance_m)
    shapes, weights = shapes[:kept], modes[:, :kept]
    if len(chosen) < frames:
        weights = np.linalg.solve(_products(shapes, shapes), _products(shapes, moved)).T.astype(np.float32)
    scale = np.maximum(np.abs(weights).max(0), np.float32(1e-12)) if kept else np.ones(0, np.float32)
    return ShapeKeys(
        base=start,
        shapes=np.ascontiguousarray(shapes * scale[:, None]).reshape(kept, count, 3),
        weights=np.ascontiguousarray(weights / scale),
    )


def _products(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Inner products of all rows, in float64: small motions beside large ones would drown in float32."""
    sums = np.zeros((len(a), len(b)))
    for first in range(0, a.shape[1], _BLOCK):
        part = slice(first, first + _BLOCK)
        sums += a[:, part].astype(np.float64) @ b[:, part].astype(np.float64).T
    return sums


def _fewest(moved: np.ndarray, modes: np.ndarray, shapes: np.ndarray, allowed: int, tolerance_m: float) -> int:
    """By bisection: the distance that is left falls with each shape."""
    low, high = 0, allowed
    while low < high:
        middle = (low + high) // 2
        left = moved - modes[:, :middle] @ shapes[:middle]
        if np.square(left.reshape(len(moved), -1, 3)).sum(-1).max(initial=0) <= tolerance_m**2:
            high = middle
        else:
            low = middle + 1
    return low
