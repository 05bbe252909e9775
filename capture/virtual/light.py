"""Soft light of the virtual room, and the curve between linear light and 8-bit sRGB."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Real

# Directions towards the lamps (unit after normalisation) and their linear RGB power; fixed, so takes are comparable.
LAMPS = (
    (np.array([0.35, -0.5, 0.8]), np.array([0.62, 0.6, 0.56])),
    (np.array([-0.7, 0.4, 0.5]), np.array([0.26, 0.28, 0.32])),
)
SKY, GROUND = np.array([0.42, 0.43, 0.45]), np.array([0.24, 0.22, 0.2])
WRAP = 0.4
"""How far a lamp's light reaches round a surface: a large lamp has no hard terminator."""


def irradiance(normals: Float[np.ndarray, "*points 3"]) -> Float[np.ndarray, "*points 3"]:
    """Linear RGB light that falls on surfaces with these unit normals; no shadows."""
    normals = np.asarray(normals, np.float32)
    up = (normals[..., 2:] + 1) / 2
    light = (GROUND + (SKY - GROUND) * up).astype(np.float32)
    for direction, power in LAMPS:
        cosine = normals @ (direction / np.linalg.norm(direction)).astype(np.float32)
        light += np.maximum((cosine + WRAP) / (1 + WRAP), 0)[..., None] * power.astype(np.float32)
    return light


def srgb_from_linear(linear: Float[np.ndarray, "*pixels"]) -> Float[np.ndarray, "*pixels"]:
    """sRGB values 0 … 255, not rounded (IEC 61966-2-1)."""
    linear = np.clip(linear, 0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.power(linear, 1 / 2.4) - 0.055)


def linear_from_srgb(srgb: Real[np.ndarray, "*pixels"]) -> Float[np.ndarray, "*pixels"]:
    """Linear light 0 … 1 of sRGB values 0 … 255 (IEC 61966-2-1)."""
    value = np.asarray(srgb, np.float32) / 255
    return np.where(value <= 0.04045, value / 12.92, np.power((value + 0.055) / 1.055, 2.4)).astype(np.float32)
