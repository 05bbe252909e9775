"""What furniture is made of: procedural textures and how each material answers near-infrared light."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from capture.virtual.light import srgb_from_linear

TEXELS_PER_M = 320


@dataclass(frozen=True, kw_only=True, slots=True)
class Material:
    """A surface: what it is, its linear RGB albedo, and its near-infrared factor (see `Figure.infrared`)."""

    kind: str
    color: tuple[float, float, float]
    infrared: float = 1.0
    second: tuple[float, float, float] | None = None
    """Colour of stripes, checks or print."""

    def texture(self, rng: np.random.Generator, size_m: tuple[float, float]) -> UInt8[np.ndarray, "rows columns 3"]:
        """sRGB of a piece of this size (metres along u and along v)."""
        columns, rows = (max(8, int(np.ceil(size * TEXELS_PER_M))) for size in size_m)
        light = np.broadcast_to(np.asarray(self.color, np.float32), (rows, columns, 3)).copy()
        light = _FINISHES[self.kind](light, self.second, rng)
        return np.rint(srgb_from_linear(np.clip(light, 0.006, 0.92))).astype(np.uint8)


def draw_material(kind: str, rng: np.random.Generator) -> Material:
    """A material of one kind: wood, paint, fabric, leather, metal, plastic, cardboard, foliage, clay, soil or paper."""
    if kind == "wood":
        shade = rng.choice(np.array([[0.42, 0.26, 0.13], [0.2, 0.1, 0.05], [0.55, 0.4, 0.24], [0.09, 0.05, 0.03]]))
        return Material(kind=kind, color=_vary(shade, rng), infrared=1.25)
    if kind == "paint":
        shade = rng.choice(np.array([[0.75, 0.74, 0.7], [0.06, 0.06, 0.07], [0.3, 0.36, 0.38], [0.5, 0.2, 0.1]]))
        return Material(kind=kind, color=_vary(shade, rng))
    if kind in ("fabric", "paper"):
        second = _hue(rng) if rng.uniform() < 0.4 else None
        return Material(kind=kind, color=_hue(rng), infrared=1.35 if kind == "fabric" else 1.0, second=second)
    if kind == "leather":
        shade = rng.choice(np.array([[0.03, 0.028, 0.028], [0.18, 0.08, 0.04], [0.45, 0.38, 0.3]]))
        return Material(kind=kind, color=_vary(shade, rng), infrared=1.1)
    if kind == "foliage":
        return Material(kind=kind, color=_vary(np.array([0.07, 0.2, 0.05]), rng), infrared=1.8)
    plain = {
        "metal": ((0.35, 0.35, 0.36), 0.5),  # mirrors the light away from the camera
        "plastic": ((0.03, 0.03, 0.03), 0.75),  # carbon black stays dark
        "cardboard": ((0.42, 0.28, 0.16), 1.15),
        "clay": ((0.42, 0.17, 0.09), 1.2),
        "soil": ((0.03, 0.02, 0.015), 0.9),
    }
    shade, infrared = plain[kind]
    return Material(kind=kind, color=_vary(np.array(shade), rng), infrared=infrared)


def smooth_noise(
    rng: np.random.Generator, rows: int, columns: int, along: int, across: int
) -> Float[np.ndarray, "rows columns"]:
    """Noise of mean 0 and deviation 1 whose grains are `along` texels wide and `across` high."""
    small = rng.standard_normal((max(3, int(np.ceil(rows / across)) + 2), max(3, int(np.ceil(columns / along)) + 2)))
    grown = cv2.resize(small.astype(np.float32), None, fx=along, fy=across, interpolation=cv2.INTER_CUBIC)
    noise = grown[:rows, :columns]
    if noise.shape != (rows, columns):
        noise = cv2.resize(noise, (columns, rows))
    return (noise - noise.mean()) / (noise.std() + 1e-6)


def _vary(color: np.ndarray, rng: np.random.Generator) -> tuple[float, float, float]:
    r, g, b = np.clip(color * rng.uniform(0.75, 1.3) * (1 + rng.normal(0, 0.05, 3)), 0.01, 0.85)
    return float(r), float(g), float(b)


def _hue(rng: np.random.Generator) -> tuple[float, float, float]:
    hue, saturation, value = rng.uniform(0, 360), rng.uniform(0.05, 0.75), rng.uniform(0.05, 0.7)
    rgb = cv2.cvtColor(np.array([[[hue, saturation, value]]], np.float32), cv2.COLOR_HSV2RGB)[0, 0]
    return float(rgb[0]), float(rgb[1]), float(rgb[2])


def _wood(light: np.ndarray, second: object, rng: np.random.Generator) -> np.ndarray:
    rows, columns = light.shape[:2]
    y = np.arange(rows, dtype=np.float32)[:, None] / TEXELS_PER_M
    wave = 0.02 * smooth_noise(rng, rows, columns, 160, 30)
    rings = np.sin(2 * np.pi * (y + wave) * rng.uniform(25, 60))
    grain = 0.09 * rings + 0.1 * smooth_noise(rng, rows, columns, 90, 2) + 0.05 * smooth_noise(rng, rows, columns, 9, 1)
    return light * (1 + grain[..., None])


def _paint(light: np.ndarray, second: object, rng: np.random.Generator) -> np.ndarray:
    rows, columns = light.shape[:2]
    return light * (1 + 0.025 * smooth_noise(rng, rows, columns, 40, 40)[..., None])


def _fabric(light: np.ndarray, second: tuple | None, rng: np.random.Generator) -> np.ndarray:
    rows, columns = light.shape[:2]
    y, x = np.mgrid[:rows, :columns]
    if second is not None:
        period = rng.integers(16, 50)
        band = (x % period) < period * rng.uniform(0.2, 0.5)
        if rng.uniform() < 0.5:
            band = band ^ ((y % period) < period / 2)
        light[band] = second
    weave = np.where((x + y) % 2 == 0, 1.08, 0.92) * (1 + 0.07 * smooth_noise(rng, rows, columns, 1, 1))
    return light * (weave * (1 + 0.07 * smooth_noise(rng, rows, columns, 30, 30)))[..., None]


def _leather(light: np.ndarray, second: object, rng: np.random.Generator) -> np.ndarray:
    rows, columns = light.shape[:2]
    grain = 0.1 * smooth_noise(rng, rows, columns, 3, 3) + 0.14 * smooth_noise(rng, rows, columns, 50, 50)
    return light * (1 + grain[..., None])


def _metal(light: np.ndarray, second: object, rng: np.random.Generator) -> np.ndarray:
    rows, columns = light.shape[:2]
    return light * (1 + 0.12 * smooth_noise(rng, rows, columns, 200, 1)[..., None])


def _cardboard(light: np.ndarray, second: object, rng: np.random.Generator) -> np.ndarray:
    rows, columns = light.shape[:2]
    ribs = 0.03 * np.sin(2 * np.pi * np.arange(columns, dtype=np.float32) / 2.6)
    light = light * (1 + (ribs + 0.05 * smooth_noise(rng, rows, columns, 60, 60))[..., None])
    tape = int(0.025 * TEXELS_PER_M)
    light[rows // 2 - tape : rows // 2 + tape] = light[rows // 2 - tape : rows // 2 + tape] * 0.75 + 0.06
    for _ in range(3):  # labels and print
        top, left = rng.integers(0, max(1, rows - 40)), rng.integers(0, max(1, columns - 60))
        label = light[top : top + rng.integers(8, 24), left : left + rng.integers(16, 40)]
        if rng.uniform() < 0.5:
            label[:] = 0.75
        label[2:-2:3, 3:-3] *= 0.3
    return light


def _foliage(light: np.ndarray, second: object, rng: np.random.Generator) -> np.ndarray:
    rows, columns = light.shape[:2]
    rib = np.exp(-np.square((np.arange(rows) - rows / 2) / 1.5))[:, None]
    veins = 0.12 * np.sin((np.arange(columns)[None] - np.abs(np.arange(rows)[:, None] - rows / 2)) * 0.7)
    return light * (1 + veins + 0.1 * smooth_noise(rng, rows, columns, 8, 8) + 0.9 * rib)[..., None]


def _paper(light: np.ndarray, second: tuple | None, rng: np.random.Generator) -> np.ndarray:
    rows, columns = light.shape[:2]
    if second is not None:
        light[:, columns // 5 : columns // 3] = second
    light[rows // 3 : rows // 3 + 2] = 0.6
    return light * (1 + 0.03 * smooth_noise(rng, rows, columns, 4, 4)[..., None])


_FINISHES = {
    "wood": _wood,
    "paint": _paint,
    "fabric": _fabric,
    "leather": _leather,
    "metal": _metal,
    "plastic": _paint,
    "cardboard": _cardboard,
    "foliage": _foliage,
    "clay": _paint,
    "soil": _leather,
    "paper": _paper,
}
