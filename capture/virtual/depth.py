"""Depth images of the virtual rig: exact depth, then what an Azure Kinect would make of it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt16

from capture.virtual.backdrop import Backdrop
from capture.virtual.drawable import Centers, Drawable
from capture.virtual.rig import VirtualDevice

RANGE_M = (0.5, 3.86)
"""Working range of the narrow unbinned mode (vendor's hardware specification)."""
MODULATION_HZ = 200e6  # assumed: one frequency stands for the sensor's several
PHASE_PER_M = 4 * np.pi * MODULATION_HZ / 299792458.0
POINT_SPREAD_PX = 0.55
MIN_COHERENCE = 0.35
"""Below this a pixel mixes two surfaces whose echoes cancel: the sensor reports nothing."""
MIN_AMPLITUDE = 0.01
SOFTNESS = 0.3
"""Relative spread of the two limits from pixel to pixel."""
SIGMA_FLOOR_M, SIGMA_SLOPE, SIGMA_MAX_M = 0.5e-3, 1e-3, 17e-3
"""Axial noise 0.5 mm + 1 mm/m beyond 0.5 m, at most the vendor's 17 mm (BlenderProc's Azure Kinect model)."""
HEXAGON_PX = 345.0
"""Distance of the sides of the illuminated hexagon from the image's centre, pixels (by eye, from real frames)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class DepthImage:
    """One depth image and what was really there."""

    depth_mm: UInt16[np.ndarray, "height width"]
    """As the device sends it; 0 is missing."""
    clean_m: Float[np.ndarray, "height width"]
    """Exact depth of the surface at each pixel's centre, metres."""
    centers: Centers | None
    """What pixel centres see of the figure."""


def render_depth(
    device: VirtualDevice, backdrop: Backdrop, drawable: Drawable | None, rng: np.random.Generator | None
) -> DepthImage:
    """The device's depth image; without a figure the empty room; without `rng` no noise, no bias, no mixed pixels."""
    clean = np.array(backdrop.z)
    centers = None if drawable is None else drawable.centers(device.depth, backdrop.depth_rays)
    if centers is not None:
        clean[centers.window] = np.fmin(clean[centers.window], centers.depth)
    if rng is None:
        measured = np.where((clean >= RANGE_M[0]) & (clean <= RANGE_M[1]), clean, 0)
    else:
        z, amplitude = backdrop.z_fine, backdrop.amplitude_fine
        if drawable is not None:
            z, amplitude = _insert(z, amplitude, device, backdrop, drawable)
        measured = sense(z, amplitude, device.depth_bias_m, rng)
        measured[~hexagon(measured.shape)] = 0
    depth_mm = np.rint(1000 * measured).astype(np.uint16)
    return DepthImage(depth_mm=depth_mm, clean_m=clean.astype(np.float32), centers=centers)


def sense(
    z_fine: Float[np.ndarray, "fine_rows fine_columns"],
    amplitude_fine: Float[np.ndarray, "fine_rows fine_columns"],
    bias_m: float,
    rng: np.random.Generator,
) -> Float[np.ndarray, "rows columns"]:
    """Depth in metres that a time-of-flight sensor reports, 0 where it reports nothing.

    z_fine and amplitude_fine have 2x2 rays a pixel. The echoes of a pixel add as phasors, which gives flying pixels
    between a body and what is behind it; noise grows with distance and falls with the root of the echo's strength.
    """
    phase = PHASE_PER_M * z_fine
    amplitude, moment = _to_pixels(amplitude_fine), _to_pixels(amplitude_fine * z_fine)
    real, imaginary = _to_pixels(amplitude_fine * np.cos(phase)), _to_pixels(amplitude_fine * np.sin(phase))
    mean = moment / amplitude
    turn = np.arctan2(imaginary, real) - PHASE_PER_M * mean
    z = mean + ((turn + np.pi) % (2 * np.pi) - np.pi) / PHASE_PER_M
    coherence = np.hypot(real, imaginary) / amplitude
    strength = np.clip(amplitude * np.square(mean) / 0.4, 0.1, 1)
    sigma = np.minimum((SIGMA_FLOOR_M + SIGMA_SLOPE * np.maximum(z - 0.5, 0)) / np.sqrt(strength), SIGMA_MAX_M)
    noise, chance = rng.standard_normal(z.shape, np.float32), rng.random((2, *z.shape), np.float32)
    limit = 1 + SOFTNESS * (2 * chance - 1)
    measured = z + bias_m + sigma * noise
    lost = (coherence < MIN_COHERENCE * limit[0]) | (amplitude < MIN_AMPLITUDE * limit[1])
    return np.where(lost | ~((measured >= RANGE_M[0]) & (measured <= RANGE_M[1])), 0, measured)


def hexagon(shape: tuple[int, int]) -> Bool[np.ndarray, "rows columns"]:
    """Pixels that the narrow mode's infrared light reaches: a hexagon, cut off by the image's top and bottom."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    x, y = x - (shape[1] - 1) / 2, y - (shape[0] - 1) / 2
    angles = np.deg2rad([0.0, 60.0, 120.0])
    return np.max([np.abs(np.cos(a) * x + np.sin(a) * y) for a in angles], 0) <= HEXAGON_PX


def _insert(
    z_fine: np.ndarray, amplitude_fine: np.ndarray, device: VirtualDevice, backdrop: Backdrop, drawable: Drawable
) -> tuple[np.ndarray, np.ndarray]:
    """The room's fine depth and echo, or copies with the figure in front."""
    echo = drawable.echo(device.depth, backdrop.depth_rays)
    if echo is None:
        return z_fine, amplitude_fine
    z_fine, amplitude_fine = np.array(z_fine), np.array(amplitude_fine)
    rows, columns = (slice(2 * part.start, 2 * part.stop) for part in echo.window)
    front = echo.depth < z_fine[rows, columns]
    z_fine[rows, columns][front] = echo.depth[front]
    amplitude_fine[rows, columns][front] = echo.amplitude[front]
    return z_fine, amplitude_fine


def _to_pixels(fine: np.ndarray) -> np.ndarray:
    blurred = cv2.GaussianBlur(fine.astype(np.float32), (0, 0), 2 * POINT_SPREAD_PX)
    return cv2.resize(blurred, (fine.shape[1] // 2, fine.shape[0] // 2), interpolation=cv2.INTER_AREA)
