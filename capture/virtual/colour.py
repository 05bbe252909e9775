"""Colour images of the virtual rig: the figure over the room, a floor shadow, sensor noise."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from capture.virtual.backdrop import Backdrop
from capture.virtual.compositing import over_srgb
from capture.virtual.drawable import Drawable
from capture.virtual.light import LAMPS
from capture.virtual.rig import VirtualDevice
from capture.virtual.view import View

READ_NOISE, SHOT_NOISE = 0.8, 0.09
"""Noise in grey levels of 255: sqrt(READ_NOISE² + SHOT_NOISE² · value), before JPEG."""

SHADOW_CELLS, SHADOW_M = 256, 5.12
"""The floor's shadow map: cells on a side, metres on a side, centred on the ring."""
SHADOW_BLUR_CELLS = 4.0
SHADOW_DARKNESS = 0.42
"""Part of the floor's light that the first lamp gives."""


def shadow_map(drawable: Drawable) -> Float[np.ndarray, "cells cells"]:
    """Light left on the floor, 1 to 1 - SHADOW_DARKNESS: the body's outline along the first lamp, blurred."""
    direction = LAMPS[0][0]
    vertices = drawable.vertices
    ground = vertices[:, :2] - vertices[:, 2:] * direction[:2] / direction[2]
    cells = (ground / SHADOW_M + 0.5) * SHADOW_CELLS
    outline = np.zeros((SHADOW_CELLS, SHADOW_CELLS), np.float32)
    for triangle in np.round(cells[drawable.faces]).astype(np.int32):
        cv2.fillConvexPoly(outline, triangle, 1.0)
    return 1 - SHADOW_DARKNESS * cv2.GaussianBlur(outline, (0, 0), SHADOW_BLUR_CELLS)


def render_color(
    device: VirtualDevice,
    backdrop: Backdrop,
    drawable: Drawable | None,
    shadow: Float[np.ndarray, "cells cells"] | None,
    rng: np.random.Generator | None,
) -> UInt8[np.ndarray, "height width 3"]:
    """The device's colour image, RGB; without a figure the empty room; without `rng` no noise."""
    srgb = np.array(backdrop.srgb)
    if drawable is not None:
        if shadow is not None:
            _darken_floor(srgb, device, backdrop, shadow)
        shaded = drawable.shaded(device.color, backdrop.color_rays)
        if shaded is not None:
            srgb = over_srgb(shaded, np.rint(srgb).astype(np.uint8)).astype(np.float32)
    srgb *= (device.color_gain ** (1 / 2.2)).astype(np.float32)
    if rng is not None:
        noise = rng.standard_normal(srgb.shape, np.float32)
        srgb += noise * np.sqrt(READ_NOISE**2 + SHOT_NOISE**2 * srgb)
    np.rint(srgb, out=srgb)
    return np.clip(srgb, 0, 255, out=srgb).astype(np.uint8)


def _darken_floor(srgb: np.ndarray, device: VirtualDevice, backdrop: Backdrop, shadow: np.ndarray) -> None:
    dark = np.argwhere(shadow < 0.995)
    if not len(dark):
        return
    p_floor = np.zeros((len(dark), 3))
    p_floor[:, :2] = (dark[:, ::-1] / SHADOW_CELLS - 0.5) * SHADOW_M
    view = View(camera=device.color, rays=backdrop.color_rays)
    window = view.window(p_floor, margin=8)
    if window is None:
        return
    cells = (backdrop.floor[window.rows, window.columns] / SHADOW_M + 0.5) * SHADOW_CELLS
    light = cv2.remap(shadow, cells[..., 0], cells[..., 1], cv2.INTER_LINEAR, borderValue=1.0)
    srgb[window.rows, window.columns] *= np.power(light, 1 / 2.2)[..., None]
