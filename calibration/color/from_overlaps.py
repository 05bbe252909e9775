"""Exposure and white balance of a rig's cameras from coloured clouds of anything that several see, without a board."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from calibration.color.board_patches import BRIGHTEST, DARKEST, PatchLight
from calibration.color.from_board import ColorSolve, colors_from_board
from calibration.color.srgb import light_of
from calibration.errors import CalibrationError
from geometry.cloud import PointCloud

VOXEL_M = 0.015
"""Two cameras' points in one voxel see the same cloth: a pixel at 2 m is 4 mm wide. On the virtual rig 10 to 20 mm
leave 0.4 to 0.7 % of gains that differ by 3 to 5 %, 30 mm 0.5 to 0.9 %."""
FEWEST_POINTS = 2
"""Of a camera in a voxel."""
FACING = 0.85
"""Cosine between a camera's mean normal in a voxel and that of all: other normals are of another fold."""
SIGMA = 0.05
"""Relative spread of what two cameras see in a voxel: texture, shadows of folds, colour bled over edges."""
SHARED_SIGMA = 0.005
"""Relative error of a camera's gain that no number of voxels takes away: neighbours share light, folds and misfits.
Four instants of two walking people leave 0.0063 and 0.0040 (see docs/intrinsics.md)."""
MOST_VOXELS = 4000
"""Of an instant; more add time."""


def colors_from_overlaps(clouds: Sequence[PointCloud], names: Sequence[str], *, voxel_m: float = VOXEL_M) -> ColorSolve:
    """A factor for each channel of each camera, so that a surface has one colour in all clouds.

    A cloud is of one instant; its `camera` is a place in `names`. Matt surfaces are taken for granted: a highlight is
    an outlier. Raises CalibrationError for clouds without colours or cameras.
    """
    lights = []
    for instant, cloud in enumerate(clouds):
        lights += _voxel_light(cloud, names, instant, voxel_m)
    return colors_from_board(lights, names, shared_sigma=SHARED_SIGMA)


def _voxel_light(cloud: PointCloud, names: Sequence[str], instant: int, voxel_m: float) -> list[PatchLight]:
    if cloud.colors is None or cloud.camera is None:
        raise CalibrationError(
            f"cloud {instant} has no colours or does not say which camera saw a point; make it from colour and depth"
        )
    bright = cloud.colors.max(-1)
    used = (bright <= BRIGHTEST) & (bright >= DARKEST)
    colors, camera = light_of(cloud.colors[used]), cloud.camera[used].astype(np.int64)
    cell = np.floor(cloud.points[used] / voxel_m).astype(np.int64)
    _, voxel = np.unique(cell, axis=0, return_inverse=True)
    key, pair, count = np.unique(voxel.ravel() * len(names) + camera, return_inverse=True, return_counts=True)
    light = _sums(colors, pair, len(key)) / count[:, None]
    good = (count >= FEWEST_POINTS) & (light.min(-1) > 0)
    if cloud.normals is not None:
        normal = _sums(cloud.normals[used].astype(np.float64), pair, len(key))
        normal /= np.linalg.norm(normal, axis=-1, keepdims=True).clip(1e-9)
        whole = _sums(normal, key // len(names), int(key.max(initial=0)) // len(names) + 1)
        whole /= np.linalg.norm(whole, axis=-1, keepdims=True).clip(1e-9)
        good &= np.einsum("nj,nj->n", normal, whole[key // len(names)]) > FACING
    key, light = key[good], light[good]
    seen, by = np.unique(key // len(names), return_counts=True)
    shared = seen[by > 1]
    shared = shared[:: max(1, len(shared) // MOST_VOXELS)]
    kept = np.isin(key // len(names), shared)
    key, light = key[kept], light[kept]
    return [
        PatchLight(
            camera=name,
            instant=instant,
            patch=key[key % len(names) == n] // len(names),
            light=light[key % len(names) == n],
            sigma=np.full(int((key % len(names) == n).sum()), SIGMA),
        )
        for n, name in enumerate(names)
        if (key % len(names) == n).any()
    ]


def _sums(
    values: Float[np.ndarray, "points 3"], where: Int[np.ndarray, "points"], count: int
) -> Float[np.ndarray, "_ 3"]:
    return np.stack([np.bincount(where.ravel(), values[:, k], minlength=count) for k in range(3)], -1)
