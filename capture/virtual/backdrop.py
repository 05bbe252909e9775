"""What a device sees of the empty room: traced once for each camera and reused in every frame."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from capture.virtual.light import srgb_from_linear
from capture.virtual.rig import VirtualDevice
from capture.virtual.room import FLOOR, NORMALS, Room
from capture.virtual.view import CENTER, SUBPIXELS, View, Window

INFRARED = np.array([0.25, 0.25, 0.25], np.float32)
INFRARED_FLOOR = 0.2
"""Near-infrared reflectance is guessed from colour: most cloth is brighter there than it looks."""

FULL_ROWS = 1080
"""Beyond this many rows a pixel is finer than what hangs in the room."""
BAND_ROWS = 128


@dataclass(frozen=True, kw_only=True, eq=False)
class Backdrop:
    """The empty room as one device sees it."""

    color_rays: Float[np.ndarray, "color_rows color_columns 2"]
    depth_rays: Float[np.ndarray, "depth_rows depth_columns 2"]
    srgb: UInt8[np.ndarray, "color_rows color_columns 3"]
    """Colour image, sRGB, without noise."""
    floor: Float[np.ndarray, "color_rows color_columns 2"]
    """World x, y of the floor in each colour pixel; far away where it shows no floor."""
    z: Float[np.ndarray, "depth_rows depth_columns"]
    """Depth at pixel centres, metres."""
    z_fine: Float[np.ndarray, "fine_rows fine_columns"]
    """Depth of four rays in each pixel, metres."""
    amplitude_fine: Float[np.ndarray, "fine_rows fine_columns"]
    """Relative strength of the infrared echo of those rays."""

    def save(self, folder: Path) -> None:
        """Writes one .npy file for each array."""
        folder.mkdir(parents=True)
        for field in fields(self):
            np.save(folder / f"{field.name}.npy", getattr(self, field.name))

    @classmethod
    def load(cls, folder: Path) -> Backdrop:
        """The arrays of a saved backdrop, mapped from disk: processes share them."""
        return cls(**{field.name: np.load(folder / f"{field.name}.npy", mmap_mode="r") for field in fields(cls)})


def infrared_echo(albedo: Float[np.ndarray, "*rays 3"], cosine: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Relative amplitude of the echo: reflectance times cosine over squared distance."""
    reflectance = INFRARED_FLOOR + albedo @ INFRARED
    return (reflectance * np.clip(cosine, 0.02, 1) / np.square(z)).astype(np.float32)


def trace_backdrop(device: VirtualDevice, room: Room) -> Backdrop:
    """Traces the room: four rays a pixel in depth and in colour, one in colour images of more than FULL_ROWS rows."""
    color, depth = View.of(device.color), View.of(device.depth)
    offsets = SUBPIXELS if device.color.height <= FULL_ROWS else CENTER
    srgb, floor = np.empty((*color.rays.shape[:2], 3), np.uint8), np.empty(color.rays.shape, np.float32)
    for window in _bands(color):
        linear, ground = np.zeros((*window.shape, 3), np.float32), np.full((*window.shape, 2), 1e3, np.float32)
        for offset in offsets:
            hits = room.hit(device.color.center, color.directions(window, offset[None])[0])
            linear += room.radiance(hits) / len(offsets)
            ground = np.where((hits.side == FLOOR)[..., None], hits.point[..., :2], ground)
        srgb[window.rows], floor[window.rows] = np.rint(srgb_from_linear(linear)), ground
    fine = (2 * device.depth.height, 2 * device.depth.width)
    z_fine, amplitude_fine = np.zeros(fine, np.float32), np.zeros(fine, np.float32)
    for number, offset in enumerate(SUBPIXELS):
        directions = depth.directions(depth.whole, offset[None])[0]
        hits = room.hit(device.depth.center, directions)
        cosine = -np.einsum("hwc,hwc->hw", NORMALS[hits.side], directions) / np.linalg.norm(directions, axis=-1)
        place = (slice(number // 2, None, 2), slice(number % 2, None, 2))
        z_fine[place] = hits.t
        amplitude_fine[place] = infrared_echo(room.albedo(hits), cosine, hits.t)
    z = room.hit(device.depth.center, depth.directions(depth.whole)[0]).t
    return Backdrop(
        color_rays=color.rays,
        depth_rays=depth.rays,
        srgb=srgb,
        floor=floor,
        z=z.astype(np.float32),
        z_fine=z_fine,
        amplitude_fine=amplitude_fine,
    )


def _bands(view: View) -> list[Window]:
    """The image in bands of rows, so that large images need little memory."""
    height, width = view.camera.height, view.camera.width
    tops = range(0, height, BAND_ROWS)
    return [Window(rows=slice(top, min(top + BAND_ROWS, height)), columns=slice(0, width)) for top in tops]
