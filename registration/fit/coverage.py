"""Which patches of a posed body cameras see, and which of them have points: the share of a part that was measured."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int64

from body.model import BodyModel
from geometry.camera import Camera
from geometry.mesh import TriangleMesh
from geometry.rasterizer import rasterize_camera
from geometry.rigid import transform
from registration.fit.parts import PART_NAMES, Patches

IMAGE_ROWS = 144
"""Height of the images in which hidden vertices are found: a pixel is 20 mm wide at 2.5 m, a patch 67 mm."""
HIDDEN_M = 0.03
"""A vertex this far behind the nearest surface of its pixel is hidden: what a slanted pixel spans."""
MIN_COSINE = 0.25
"""Surfaces seen at a flatter angle (75°) are not expected to give points: a depth camera loses them."""


def seen_vertices(
    model: BodyModel, vertices: Float[np.ndarray, "vertices 3"], cameras: Sequence[Camera]
) -> Bool[np.ndarray, "vertices"]:
    """Whether any of the cameras sees each vertex of a posed body, other people and things left out."""
    mesh = TriangleMesh(vertices=np.asarray(vertices, np.float64), faces=model.faces)
    normals = mesh.vertex_normals()
    seen = np.zeros(len(vertices), bool)
    for camera in cameras:
        small = camera.resized(max(1, round(camera.width * IMAGE_ROWS / camera.height)), IMAGE_ROWS)
        depth = rasterize_camera(mesh, small).depth
        p = transform(small.T_camera_world, mesh.vertices)
        away = mesh.vertices - small.center
        cosine = -(normals * away).sum(1) / np.linalg.norm(away, axis=1)
        with np.errstate(invalid="ignore"):
            q = np.round(small.project_camera(p))
            inside = np.isfinite(q).all(1) & (q >= 0).all(1) & (q < [small.width, small.height]).all(1)
        inside &= (cosine > MIN_COSINE) & (p[:, 2] > 0)
        at = np.flatnonzero(inside)
        column, row = q[at].astype(int).T
        nearest = depth[row, column]
        seen[at] |= ~(p[at, 2] > nearest + HIDDEN_M)
    return seen


def seen_patches(patches: Patches, seen: Bool[np.ndarray, "vertices"]) -> Bool[np.ndarray, "patches"]:
    """Patches of which at least half of the vertices are seen."""
    count = np.bincount(patches.of_vertex, minlength=len(patches.center))
    return np.bincount(patches.of_vertex, seen, minlength=len(patches.center)) >= 0.5 * count


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
