"""What moves in a simulated room, as one textured triangle soup: people and things, their topology and their motion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Integer, UInt8

from capture.errors import CaptureError

MAX_ATLAS_WIDTH = 4096
BORDER_TEXELS = 2
"""Edge texels are repeated this often around each texture of an atlas, so that bilinear samples stay in it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Figure:
    """What stays the same over a take: topology, texture and whose each face is."""

    faces: Integer[np.ndarray, "faces 3"]
    """Counter-clockwise seen from outside."""
    uv: Float[np.ndarray, "uvs 2"]
    """In 0 … 1; (0, 0) is the bottom-left corner of the texture."""
    uv_faces: Integer[np.ndarray, "same_faces 3"]
    texture: UInt8[np.ndarray, "rows columns 3"]
    """sRGB; row 0 has v = 1."""
    infrared: Float[np.ndarray, "faces"] | None = None
    """Factor of each face on the near-infrared reflectance that its colour suggests; None: 1 everywhere."""
    owner: Integer[np.ndarray, "faces"] | None = None
    """Number of the figure that each face came from, in the order of `merge_figures`; None: all are figure 0."""

    def __post_init__(self) -> None:
        """Raises CaptureError when the faces disagree."""
        if len(self.faces) != len(self.uv_faces):
            raise CaptureError(f"figure: {len(self.faces)} faces have {len(self.uv_faces)} texture faces; give equal")

    @property
    def owners(self) -> Integer[np.ndarray, "faces"]:
        """`owner`, zeros where it is None."""
        return np.zeros(len(self.faces), np.int16) if self.owner is None else self.owner


@dataclass(frozen=True, kw_only=True, eq=False)
class FigureMotion:
    """A figure at one instant."""

    vertices: Float[np.ndarray, "vertices 3"]
    """World, metres, float32."""
    velocity: Float[np.ndarray, "vertices 3"]
    """Metres a second; 0 for what stands still."""

    def at(self, seconds: float) -> Float[np.ndarray, "vertices 3"]:
        """The vertices a little later (or earlier), along straight lines."""
        return self.vertices if seconds == 0 else self.vertices + np.float32(seconds) * self.velocity


def motion_at(vertices: Float[np.ndarray, "frames vertices 3"], frame: int, rate_hz: float) -> FigureMotion:
    """The motion at one frame of a sequence: velocity by central differences, one-sided at the ends."""
    before, after = max(frame - 1, 0), min(frame + 1, len(vertices) - 1)
    here = np.asarray(vertices[frame], np.float32)
    if before == after:
        return FigureMotion(vertices=here, velocity=np.zeros_like(here))
    velocity = (np.asarray(vertices[after]) - np.asarray(vertices[before])) * (rate_hz / (after - before))
    return FigureMotion(vertices=here, velocity=velocity.astype(np.float32))


def merge_figures(figures: Sequence[Figure], counts: Sequence[int]) -> Figure:
    """One figure of several, whose vertices are concatenated in this order; `counts` are their numbers of vertices.

    Textures are packed into one atlas; `owner` tells the figures apart. Raises CaptureError without any figure.
    """
    if not figures:
        raise CaptureError("nothing to merge: give at least one figure")
    texture, corners = _pack([figure.texture for figure in figures])
    rows, columns = texture.shape[:2]
    first_vertex, first_uv = np.cumsum([0, *counts]), np.cumsum([0, *(len(figure.uv) for figure in figures)])
    uv = []
    for figure, (top, left) in zip(figures, corners):
        height, width = figure.texture.shape[:2]
        x = left + figure.uv[:, 0] * width
        y = top + (1 - figure.uv[:, 1]) * height
        uv.append(np.stack([x / columns, 1 - y / rows], -1))
    infrared = None
    if any(figure.infrared is not None for figure in figures):
        infrared = np.concatenate(
            [np.ones(len(f.faces), np.float32) if f.infrared is None else f.infrared for f in figures]
        ).astype(np.float32)
    return Figure(
        faces=np.concatenate([f.faces + n for f, n in zip(figures, first_vertex)]).astype(np.int32),
        uv=np.concatenate(uv).astype(np.float32),
        uv_faces=np.concatenate([f.uv_faces + n for f, n in zip(figures, first_uv)]).astype(np.int32),
        texture=texture,
        infrared=infrared,
        owner=np.repeat(np.arange(len(figures)), [len(f.faces) for f in figures]).astype(np.int16),
    )


def _pack(textures: list[np.ndarray]) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """An atlas of textures on shelves, and the top-left corner (row, column) of each."""
    widest = max(t.shape[1] for t in textures) + 2 * BORDER_TEXELS
    limit = max(MAX_ATLAS_WIDTH, widest)
    corners: list[tuple[int, int]] = [(0, 0)] * len(textures)
    top = left = shelf = width = 0
    for index in sorted(range(len(textures)), key=lambda i: -textures[i].shape[0]):
        rows, columns = (size + 2 * BORDER_TEXELS for size in textures[index].shape[:2])
        if left + columns > limit:
            top, left, shelf = top + shelf, 0, 0
        corners[index] = (top + BORDER_TEXELS, left + BORDER_TEXELS)
        left, shelf = left + columns, max(shelf, rows)
        width = max(width, left)
    atlas = np.zeros((top + shelf, width, 3), np.uint8)
    for texture, (row, column) in zip(textures, corners):
        padded = cv2.copyMakeBorder(
            texture, BORDER_TEXELS, BORDER_TEXELS, BORDER_TEXELS, BORDER_TEXELS, cv2.BORDER_REPLICATE
        )
        row, column = row - BORDER_TEXELS, column - BORDER_TEXELS
        atlas[row : row + padded.shape[0], column : column + padded.shape[1]] = padded
    return atlas, corners
