"""Colours for points: from the colour camera of their own device, or from another one that sees them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32, Integer, UInt8

from geometry.camera import Camera
from geometry.rigid import transform

VISIBLE_M = 0.03
"""A point this far behind the surface that the colour camera sees is hidden from it: five times the depth noise."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ColorView:
    """A colour image with the depth that its camera's neighbour gives it."""

    image: UInt8[np.ndarray, "_ _ 3"]
    """RGB."""
    depth_m: Float32[np.ndarray, "_ _"]
    """Depth of each colour pixel (geometry.warp); NaN where unknown."""
    camera: Camera


def color_points(
    p_world: Float[np.ndarray, "points 3"],
    camera: Integer[np.ndarray, "points"],
    names: Sequence[str],
    views: Sequence[ColorView],
) -> tuple[UInt8[np.ndarray, "points 3"], Bool[np.ndarray, "points"]]:
    """RGB of each point, and whether a colour camera saw it; black where none did.

    camera: for each point the index in `names` of the depth stream that saw it. The colour camera of the same device
    comes first, then the others in order; a camera counts where its depth agrees with the point.
    """
    colors, done = np.zeros((len(p_world), 3), np.uint8), np.zeros(len(p_world), bool)
    for view in views:
        own = np.flatnonzero(np.isin(camera, [i for i, name in enumerate(names) if _device(name) == _device(view)]))
        _fill(view, own, p_world, colors, done)
    for view in views:
        _fill(view, np.flatnonzero(~done), p_world, colors, done)
    return colors, done


def _fill(view: ColorView, which: np.ndarray, p_world: np.ndarray, colors: np.ndarray, done: np.ndarray) -> None:
    if not len(which):
        return
    p_camera = transform(view.camera.T_camera_world, p_world[which])
    q = view.camera.project_camera(p_camera)
    inside = (
        np.isfinite(q).all(1) & (q >= -0.5).all(1) & (q < [view.camera.width - 0.5, view.camera.height - 0.5]).all(1)
    )
    which, q, z = which[inside], q[inside], p_camera[inside, 2]
    column, row = np.floor(q + 0.5).astype(np.int64).T
    visible = np.abs(view.depth_m[row, column] - z) <= VISIBLE_M  # False for NaN
    which, q = which[visible], q[visible]
    if len(which):
        maps = q.astype(np.float32)
        sampled = cv2.remap(
            view.image, maps[None, :, 0], maps[None, :, 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        colors[which], done[which] = sampled[0], True


def _device(named: str | ColorView) -> str:
    name = named if isinstance(named, str) else named.camera.name
    return name.partition("/")[0]
