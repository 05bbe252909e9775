"""A figure's texture prepared for shading: a pyramid of sizes in one array, and how finely each face is painted."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, Int32, Int64, UInt8

from capture.virtual.figure import Figure
from capture.virtual.light import linear_from_srgb, srgb_from_linear

LEVELS = 4
"""The texture itself and three halvings: from 2 m on, a texel of 1 mm is smaller than a pixel."""
SMALLEST = 16
"""Textures are not halved below this many texels."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Paint:
    """What shading reads of a figure; made once for a take."""

    faces: Int32[np.ndarray, "faces 3"]
    uv: Float32[np.ndarray, "uvs 2"]
    uv_faces: Int32[np.ndarray, "faces 3"]
    texels: UInt8[np.ndarray, "texels 4"]
    """sRGB of all levels, row by row, the finest first; the fourth number only aligns them."""
    levels: Int64[np.ndarray, "levels 3"]
    """First texel, rows and columns of each level."""
    texel_area: Float32[np.ndarray, "faces"]
    """Texels of the finest level that each face covers."""
    infrared: Float32[np.ndarray, "faces"]
    """Factor on the near-infrared reflectance that the colour suggests."""

    @classmethod
    def of(cls, figure: Figure) -> Paint:
        """The paint of a figure."""
        images = _pyramid(figure.texture)
        sizes = np.array([image.shape[:2] for image in images], np.int64)
        texels = np.zeros((int(sizes.prod(1).sum()), 4), np.uint8)
        texels[:, :3] = np.concatenate([image.reshape(-1, 3) for image in images])
        uv = np.ascontiguousarray(figure.uv, np.float32)
        a, b, c = (uv[figure.uv_faces[:, corner]].astype(np.float64) for corner in range(3))
        doubled = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
        infrared = np.ones(len(figure.faces)) if figure.infrared is None else figure.infrared
        return cls(
            faces=np.ascontiguousarray(figure.faces, np.int32),
            uv=uv,
            uv_faces=np.ascontiguousarray(figure.uv_faces, np.int32),
            texels=texels,
            levels=np.concatenate([np.cumsum([0, *sizes.prod(1)[:-1]])[:, None], sizes], 1),
            texel_area=(np.abs(doubled) / 2 * sizes[0].prod()).astype(np.float32),
            infrared=np.ascontiguousarray(infrared, np.float32),
        )


def _pyramid(texture: np.ndarray) -> list[np.ndarray]:
    """The texture and its halvings, averaged as light."""
    images = [texture]
    linear = linear_from_srgb(np.arange(256))[texture]
    while len(images) < LEVELS and min(images[-1].shape[:2]) >= 2 * SMALLEST:
        linear = cv2.resize(linear, (linear.shape[1] // 2, linear.shape[0] // 2), interpolation=cv2.INTER_AREA)
        images.append(np.rint(srgb_from_linear(linear)).astype(np.uint8))
    return images
