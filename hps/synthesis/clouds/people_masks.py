"""Which pixels a cloud takes: people's true masks, or masks that are off by some pixels as real ones are."""

from __future__ import annotations

import cv2
import numba as nb
import numpy as np
from jaxtyping import Int, Int32, UInt8


def owners_at(
    face: Int32[np.ndarray, "rows columns"], owner_of_face: UInt8[np.ndarray, "faces_plus_one"]
) -> UInt8[np.ndarray, "rows columns"]:
    """Whose each face is; the last owner is that of no face (-1)."""
    out = np.empty(face.shape, np.uint8)
    _look_up(face, owner_of_face, out)
    return out


@nb.njit(cache=True)
def _look_up(face, owner_of_face, out):
    for r in range(out.shape[0]):
        for c in range(out.shape[1]):
            out[r, c] = owner_of_face[face[r, c]]


def people_masks(
    owner: UInt8[np.ndarray, "rows columns"], off_px: Int[np.ndarray, "actors"]
) -> UInt8[np.ndarray, "rows columns"]:
    """1 + the actor whose mask each pixel lies in, 0 for none.

    `owner` is whose each pixel truly is: 0 nobody's, else 1 + actor. Each actor's mask is dilated by a disc of
    `off_px` pixels, or eroded where that is negative. Where masks overlap, a pixel is its true owner's, else the first
    actor's.
    """
    actors = len(off_px)
    if not off_px.any():
        return np.where(owner <= actors, owner, 0).astype(np.uint8)
    out = np.zeros(owner.shape, np.uint8)
    for actor, off in enumerate(off_px):
        own = (owner == actor + 1).astype(np.uint8)
        size = 2 * abs(int(off)) + 1
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
        if off < 0:
            own = cv2.erode(own, disc, borderType=cv2.BORDER_CONSTANT, borderValue=1)  # the frame is no outline
        elif off > 0:
            own = cv2.dilate(own, disc)
        truly = own.astype(bool) & (owner == actor + 1)
        out[(own > 0) & (out == 0)] = actor + 1
        out[truly] = actor + 1
    return out


def around_people(
    owner: UInt8[np.ndarray, "rows columns"], actors: int, reach_px: int
) -> UInt8[np.ndarray, "rows columns"]:
    """1 at people's pixels and within so many rows and columns of them, else 0."""
    people = ((owner > 0) & (owner <= actors)).astype(np.uint8)
    return cv2.dilate(people, np.ones((2 * reach_px + 1, 2 * reach_px + 1), np.uint8))  # type: ignore[return-value]
