"""Which patches of a posed body cameras see, and which of them have points: the share of a part that was measured."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int64, Integer

from geometry.camera import Camera
from geometry.rasterizer import rasterize
from geometry.rigid import transform
from registration.fit.parts import PART_NAMES, Patches

IMAGE_ROWS = 144
"""Height of the images in which hidden patches are found: a pixel is 20 mm wide at 2.5 m, a patch 67 mm."""
HIDDEN_M = 0.03
"""A point this far behind the nearest surface of its pixel is hidden: what a slanted pixel spans."""
MIN_COSINE = 0.25
"""Surfaces seen at a flatter angle (75°) are not expected to give points: a depth camera loses them."""


def seen_patches(
    patches: Patches,
    vertices: Float[np.ndarray, "vertices 3"],
    normals: Float[np.ndarray, "vertices 3"],
    faces: Integer[np.ndarray, "faces 3"],
    cameras: Sequence[Camera],
) -> Bool[np.ndarray, "patches"]:
    """Whether any of the cameras sees the middle of each patch of a posed body, other people and things left out."""
    seen = np.zeros(len(patches.center), bool)
    middle, normal = vertices[patches.center], normals[patches.center]
    for camera in cameras:
        small = camera.resized(max(1, round(camera.width * IMAGE_ROWS / camera.height)), IMAGE_ROWS)
        p = transform(small.T_camera_world, vertices)
        z = np.where(p[:, 2] > 0, p[:, 2], np.nan)
        with np.errstate(invalid="ignore"):
            q = small.project_camera(p)
        depth = rasterize(q, z, faces, small.width, small.height).depth
        away = middle - small.center
        cosine = -(normal * away).sum(1) / np.linalg.norm(away, axis=1)
        pixel, ahead = np.round(q[patches.center]), z[patches.center]
        with np.errstate(invalid="ignore"):
            inside = (pixel >= 0).all(1) & (pixel < [small.width, small.height]).all(1)
        at = np.flatnonzero(inside & (cosine > MIN_COSINE) & np.isfinite(ahead))
        column, row = pixel[at].astype(int).T
        seen[at] |= ~(ahead[at] > depth[row, column] + HIDDEN_M)
    return seen


def part_coverage(
    patches: Patches, seen: Bool[np.ndarray, "patches"], nearest: Int64[np.ndarray, "points"]
) -> Float[np.ndarray, "parts"]:
    """Share of each part's seen area whose patches are nearest to a point; NaN for a part that no camera sees.

    nearest: the patch that is nearest to each point of the cloud.
    """
    hit = np.zeros(len(patches.center), bool)
    hit[nearest] = True
    parts = len(PART_NAMES)
    whole = np.bincount(patches.part, patches.area * seen, minlength=parts)
    with np.errstate(invalid="ignore"):
        return np.bincount(patches.part, patches.area * (seen & hit), minlength=parts) / np.where(
            whole > 0, whole, np.nan
        )
