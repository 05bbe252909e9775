"""A shaded figure laid over the picture of the empty room, and light turned into 8-bit sRGB by table (numba)."""

from __future__ import annotations

import numba as nb
import numpy as np
from jaxtyping import Float32, UInt8

from capture.virtual.light import linear_from_srgb, srgb_from_linear
from capture.virtual.shading import Echo, Shaded

STEPS = 16384
"""Entries of the table from light to sRGB: at its steepest, 3295 levels per unit, an entry is 0.2 levels wide."""

_LINEAR = linear_from_srgb(np.arange(256)).astype(np.float32)
_SRGB = np.rint(srgb_from_linear(np.arange(STEPS) / (STEPS - 1.0))).astype(np.uint8)


def over_linear(
    shaded: Shaded, backdrop: Float32[np.ndarray, "height width 3"]
) -> Float32[np.ndarray, "height width 3"]:
    """A copy of a linear RGB picture with the figure over it."""
    picture = np.array(backdrop)
    part = picture[shaded.window]
    part *= 1 - shaded.alpha[..., None]
    part += shaded.linear
    return picture


def over_srgb(shaded: Shaded, backdrop: UInt8[np.ndarray, "height width 3"]) -> UInt8[np.ndarray, "height width 3"]:
    """A copy of an sRGB picture with the figure over it, mixed as light."""
    picture = np.array(backdrop)
    _mix(shaded.linear, shaded.alpha, _LINEAR, _SRGB, picture[shaded.window])
    return picture


def over_echo(
    echo: Echo,
    z_fine: Float32[np.ndarray, "sample_rows sample_columns"],
    amplitude_fine: Float32[np.ndarray, "sample_rows sample_columns"],
) -> tuple[Float32[np.ndarray, "sample_rows sample_columns"], Float32[np.ndarray, "sample_rows sample_columns"]]:
    """Copies of the empty room's depth (metres) and infrared amplitude with the figure where it is in front.

    A room sample without depth (NaN) gives way to the figure.
    """
    depth, amplitude = np.array(z_fine), np.array(amplitude_fine)
    samples = echo.depth.shape[0] // (echo.window[0].stop - echo.window[0].start)
    rows, columns = (slice(samples * part.start, samples * part.stop) for part in echo.window)
    _keep_nearer(echo.depth, echo.amplitude, depth[rows, columns], amplitude[rows, columns])
    return depth, amplitude


def encode_srgb(linear: Float32[np.ndarray, "height width 3"]) -> UInt8[np.ndarray, "height width 3"]:
    """8-bit sRGB of linear light, within one level of srgb_from_linear."""
    srgb = np.empty(linear.shape, np.uint8)
    _encode(np.ascontiguousarray(linear).reshape(-1), _SRGB, srgb.reshape(-1))
    return srgb


@nb.njit(cache=True)
def _mix(linear, alpha, to_linear, to_srgb, picture):
    top = np.float32(len(to_srgb) - 1)
    for row in range(alpha.shape[0]):
        for column in range(alpha.shape[1]):
            covered = alpha[row, column]
            if covered <= 0:
                continue
            for channel in range(3):
                light = linear[row, column, channel]
                if covered < 1:
                    light += (1 - covered) * to_linear[picture[row, column, channel]]
                picture[row, column, channel] = to_srgb[int(min(max(light, 0), 1) * top + np.float32(0.5))]


@nb.njit(cache=True)
def _encode(linear, to_srgb, srgb):
    top = np.float32(len(to_srgb) - 1)
    for n in range(len(linear)):
        srgb[n] = to_srgb[int(min(max(linear[n], np.float32(0)), np.float32(1)) * top + np.float32(0.5))]


@nb.njit(cache=True)
def _keep_nearer(figure_depth, figure_amplitude, depth, amplitude):
    for row in range(depth.shape[0]):
        for column in range(depth.shape[1]):
            near, room = figure_depth[row, column], depth[row, column]
            if near < room or (np.isnan(room) and near < np.inf):
                depth[row, column] = near
                amplitude[row, column] = figure_amplitude[row, column]
