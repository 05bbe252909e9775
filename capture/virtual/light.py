"""Soft light of the virtual room: its lamps, what falls on a surface, and the curve between light and 8-bit sRGB."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Real

# Directions towards the lamps (unit after normalisation) and their linear RGB power; fixed, so takes are comparable.
LAMPS = (
    (np.array([0.35, -0.5, 0.8]), np.array([0.48, 0.465, 0.435])),
    (np.array([-0.7, 0.4, 0.5]), np.array([0.24, 0.255, 0.285])),
    (np.array([0.45, 0.75, 0.75]), np.array([0.16, 0.155, 0.145])),
)
SKY, GROUND = np.array([0.42, 0.43, 0.45]), np.array([0.24, 0.22, 0.2])
WRAP = 0.4
"""How far a lamp's light reaches round a surface: a large lamp has no hard terminator."""
SUBJECT = np.array([0.0, 0.0, 0.9])
"""Where the lamps have exactly their power: the middle of the ring."""
CEILING_M, WALL_M = 2.88, 3.4
"""Lamps hang at this height or, where that is farther, this far from the middle."""
NEAREST_M = 1.3
"""Light does not grow on surfaces nearer to a lamp than this: lamps are large."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Lights:
    """The lamps of a room and the light from all around, linear RGB."""

    directions: Float32[np.ndarray, "lamps 3"]
    """Unit vectors from the middle of the room towards the lamps, world."""
    powers: Float32[np.ndarray, "lamps 3"]
    sky: Float32[np.ndarray, "3"]
    """On a surface that faces up."""
    ground: Float32[np.ndarray, "3"]
    """On a surface that faces down."""

    @classmethod
    def standard(cls) -> Lights:
        """LAMPS, SKY and GROUND."""
        return cls(
            directions=np.array([d / np.linalg.norm(d) for d, _ in LAMPS], np.float32),
            powers=np.array([power for _, power in LAMPS], np.float32),
            sky=SKY.astype(np.float32),
            ground=GROUND.astype(np.float32),
        )

    @property
    def positions(self) -> Float32[np.ndarray, "lamps 3"]:
        """Where the lamps hang in the room, world, metres."""
        up = (CEILING_M - SUBJECT[2]) / np.maximum(self.directions[:, 2], 1e-3)
        out = WALL_M / np.maximum(np.abs(self.directions[:, :2]).max(1), 1e-3)
        return (SUBJECT + self.directions * np.minimum(up, out)[:, None]).astype(np.float32)

    def ambient(self, normals: Float[np.ndarray, "*points 3"]) -> Float32[np.ndarray, "*points 3"]:
        """Light from all around on unshadowed surfaces with these unit normals."""
        up = (np.asarray(normals, np.float32)[..., 2:] + 1) / 2
        return self.ground + (self.sky - self.ground) * up

    def direct(
        self, points: Float[np.ndarray, "*points 3"], normals: Float[np.ndarray, "*points 3"]
    ) -> Float32[np.ndarray, "*points 3"]:
        """Light of the lamps, as lamps that hang at `positions`, on points of the room with unit normals."""
        light = np.zeros(np.broadcast_shapes(points.shape, normals.shape), np.float32)
        for position, power in zip(self.positions, self.powers):
            way = position - np.asarray(points, np.float32)
            squared = np.einsum("...c,...c->...", way, way)
            cosine = np.einsum("...c,...c->...", way, normals) / np.sqrt(np.maximum(squared, 1e-6))
            reach = np.maximum((cosine + np.float32(WRAP)) / np.float32(1 + WRAP), 0)
            falloff = np.float32(np.square(position - SUBJECT).sum()) / np.maximum(squared, np.float32(NEAREST_M**2))
            light += (reach * np.minimum(falloff, 2.5))[..., None].astype(np.float32) * power
        return light


def irradiance(normals: Float[np.ndarray, "*points 3"]) -> Float[np.ndarray, "*points 3"]:
    """Linear RGB light of the standard lamps on surfaces in the middle of the room; unit normals, no shadows."""
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
