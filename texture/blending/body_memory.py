"""What a sequence showed of a person, kept on the body, for surfaces that show a place at no instant of their own."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, UInt8

from geometry.mesh import TriangleMesh
from geometry.rays import Closest, RayScene
from texture.blending.sequence import SequenceTexture
from texture.layout.atlas import Atlas
from texture.painting.blend import Blend

REACH_M = 0.08
"""A surface further from the body than this is not remembered there: loose cloth swings."""
FACING = 0.3
"""Nor is one whose normal is further than 73 degrees from the body's: an arm beside the chest, the inside of a fold."""
SIZE = 512
"""Rows and columns of the memory: 5 mm of a body, enough for what fills holes; an instant costs 0.4 s."""

BLOCK = 4
"""Texels of a side of the blocks that ask the memory once: its own texels are as large as a block at 2048."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BodyMemory:
    """Colours in the layout of the body's own texture coordinates."""

    image: UInt8[np.ndarray, "size size 3"]
    known: Bool[np.ndarray, "size size"]

    @classmethod
    def of(cls, atlas: Atlas, sequence: SequenceTexture) -> BodyMemory:
        """What instants said of the texels of `carried` atlases; `atlas` is the body's."""
        return cls(image=atlas.image(sequence.colors), known=atlas.image(sequence.weight > 0, False))

    def borrowed(
        self, body: TriangleMesh, points: Float[np.ndarray, "points 3"], normals: Float[np.ndarray, "points 3"]
    ) -> tuple[UInt8[np.ndarray, "points 3"], Bool[np.ndarray, "points"]]:
        """Colours remembered for points on a surface around the posed body, and for which of them there are any."""
        assert body.uv is not None
        assert body.uv_faces is not None
        foot = RayScene.of(body).closest(np.asarray(points, np.float64))
        uv = np.einsum("nk,nkc->nc", foot.bary, body.uv[body.uv_faces[foot.face]])
        size = len(self.image)
        column = np.clip((uv[:, 0] * size).astype(int), 0, size - 1)
        row = np.clip(((1 - uv[:, 1]) * size).astype(int), 0, size - 1)
        near = _near(foot, body, normals)
        return self.image[row, column], self.known[row, column] & near


def lent(
    memory: BodyMemory, body: TriangleMesh, surface: TriangleMesh, atlas: Atlas, missing: Bool[np.ndarray, "texels"]
) -> tuple[UInt8[np.ndarray, "missing 3"], Bool[np.ndarray, "missing"]]:
    """Colours for the missing texels of a surface, in their order, and which of them the memory knows.

    body, surface: of the same instant. One texel in each block of `BLOCK` asks; the others of the block follow it.
    """
    texels = np.flatnonzero(missing)
    row, column = np.divmod(atlas.flat[texels], atlas.size)
    block = (row // BLOCK) * (atlas.size // BLOCK + 1) + column // BLOCK
    first = np.full(int(block.max(initial=0)) + 1, -1, np.int64)
    first[block[::-1]] = texels[::-1]
    asking = first[first >= 0]
    face = atlas.face[asking]
    points = np.einsum("nk,nkc->nc", atlas.bary[asking], surface.vertices[surface.faces[face]])
    colors, known = memory.borrowed(body, points, surface.face_normals()[face])
    place = np.empty(len(first), np.int64)
    place[first >= 0] = np.arange(len(asking))
    return colors[place[block]], known[place[block]]


def carried(atlas: Atlas, body: TriangleMesh, surface: TriangleMesh) -> tuple[Atlas, Bool[np.ndarray, "texels"]]:
    """The body's atlas with its texels on the nearest points of a surface, and which of them lie near enough.

    body, surface: of the same instant, in the world.
    """
    texels = atlas.place(body.vertices)
    foot = RayScene.of(surface).closest(texels.positions.astype(np.float64))
    moved = replace(
        atlas,
        faces=np.ascontiguousarray(surface.faces, np.int32),
        face=foot.face.astype(np.int32),
        bary=foot.bary.astype(np.float32),
    )
    return moved, _near(foot, surface, texels.normals)


def only(blend: Blend, kept: Bool[np.ndarray, "texels"]) -> Blend:
    """The blend with what is not kept unseen."""
    return replace(blend, weight=np.where(kept, blend.weight, 0).astype(np.float32))


def _near(foot: Closest, mesh: TriangleMesh, normals: np.ndarray) -> np.ndarray:
    facing = np.einsum("nk,nk->n", mesh.face_normals()[foot.face], normals)
    return (foot.distance < REACH_M) & (facing > FACING)
