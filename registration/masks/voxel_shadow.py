"""Where people are in a colour image by the voxels that other depth cameras fill, outside this one's own field of view.

The depth image of a device covers less than its colour image: a person at its border is cut by the depth camera's
hexagon, and one who is too far has no depth at all. Other cameras see that person's surface.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numba as nb
import numpy as np
from jaxtyping import Bool, Float, Int8

from geometry.camera import Camera
from geometry.rays import ray_table
from geometry.rigid import transform
from registration.masks.label_warp import UNSEEN

SMALLEST_VOXELS = 0.7
"""What is narrower than this many voxels is left alone: the rim of somebody whom the depth camera does see."""
USUAL_M = 2.3
"""Distance at which the size of a voxel in the image is taken: that of a usual ring."""


def people_by_voxels(
    voxels: Sequence[Float[np.ndarray, "_ 3"]], voxel_m: float, camera: Camera
) -> Int8[np.ndarray, "rows columns"]:
    """Whose voxels cover each pixel, the nearest one's; -1 nobody's. voxels: centres by person, world metres.

    Each voxel is a square of its own size, drawn from the farthest to the nearest.
    """
    whose = np.full((camera.height, camera.width), -1, np.int8)
    points = np.concatenate([np.zeros((0, 3)), *voxels])
    person = np.repeat(np.arange(len(voxels)), [len(some) for some in voxels])
    z = points @ camera.T_camera_world[2, :3] + camera.T_camera_world[2, 3]
    q = camera.project(points)
    order = np.argsort(-z)
    order = order[np.isfinite(q[order]).all(-1) & (z[order] > voxel_m)]
    _draw_squares(q[order], 0.5 * voxel_m * camera.K[0, 0] / z[order], person[order].astype(np.int8), whose)
    return whose


def looked_at(
    depth_m: Float[np.ndarray, "height width"], depth_camera: Camera, color_camera: Camera
) -> Bool[np.ndarray, "rows columns"]:
    """The colour pixels that lie in the convex hull of the depth camera's measurements, at the usual distance.

    The field of view of a time-of-flight camera is convex, a hexagon or a disc; within it a pixel without depth is dark
    or far, and says nothing about being cut off.
    """
    region = np.zeros((color_camera.height, color_camera.width), np.uint8)
    rows = np.flatnonzero(np.isfinite(depth_m).any(1))
    if len(rows) < 3:
        return region > 0
    finite = np.isfinite(depth_m[rows])
    first, last = finite.argmax(1), depth_m.shape[1] - 1 - finite[:, ::-1].argmax(1)
    q = np.concatenate([np.stack([first, rows], -1), np.stack([last, rows], -1)])
    hull = cv2.convexHull(q.astype(np.float32))[:, 0]
    xy = ray_table(depth_camera)[hull[:, 1].astype(int), hull[:, 0].astype(int)]
    p_camera = USUAL_M * np.concatenate([xy, np.ones((len(xy), 1))], -1)
    seen = color_camera.project(transform(depth_camera.T_world_camera, p_camera))
    seen = seen[np.isfinite(seen).all(-1)]
    if len(seen) >= 3:
        cv2.fillConvexPoly(region, cv2.convexHull(seen.astype(np.float32)).round().astype(np.int32), 1)
    return region > 0


def fill_unseen(
    person: Int8[np.ndarray, "rows columns"],
    shadow: Int8[np.ndarray, "rows columns"],
    inside: Bool[np.ndarray, "rows columns"],
    voxel_px: float,
) -> Int8[np.ndarray, "rows columns"]:
    """A warped mask, with the people of `shadow` outside of what the depth camera looks at (`inside`).

    voxel_px: size of a voxel in pixels. The shadow is made most of a voxel smaller, as surface lies inside of voxels
    and the rim is found by colour; what is then narrower than `SMALLEST_VOXELS` is left alone. Two simulated people at
    the border of a ring of eight: mean IoU of their colour masks 0.90 without this, 0.95 with it, of the worst image
    0.47 and 0.81. Masks of people whom the depth camera sees whole stay as they are.
    """
    reach = max(round(0.7 * voxel_px), 1)
    around_one = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    closed = cv2.morphologyEx((shadow >= 0).astype(np.uint8), cv2.MORPH_CLOSE, around_one)
    cover = cv2.erode(closed, around_one)
    inside = cv2.erode(inside.astype(np.uint8), around_one) > 0
    open_ = ((person == UNSEEN) & (cover > 0) & ~inside).astype(np.uint8)
    side = max(round(SMALLEST_VOXELS * voxel_px), 3)
    wide = cv2.morphologyEx(open_, cv2.MORPH_OPEN, np.ones((side, side), np.uint8)) > 0
    if not wide.any():
        return person
    # what is wide is joined to the people beside it
    around = cv2.dilate(wide.astype(np.uint8), np.ones((side, side), np.uint8)) > 0
    return np.where((wide | (around & (open_ > 0))) & (shadow >= 0), shadow, person)


@nb.njit(cache=True, nogil=True)
def _draw_squares(q, half, person, whose):
    """Draws a square of `2 half` pixels around each q, over the ones before."""
    rows, columns = whose.shape
    for n in range(len(q)):
        for i in range(max(round(q[n, 1] - half[n]), 0), min(round(q[n, 1] + half[n]) + 1, rows)):
            for j in range(max(round(q[n, 0] - half[n]), 0), min(round(q[n, 0] + half[n]) + 1, columns)):
                whose[i, j] = person[n]
