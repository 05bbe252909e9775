"""How much of the room's light a figure leaves itself: limbs, clothes and furniture in each other's way (numba).

Orthographic height maps of the surface's samples along some directions tell which samples see out in that direction: a
sample is hidden when something lies higher in its cell. Twenty directions stand for the light from all around, one
more for each lamp.
"""

from __future__ import annotations

from functools import lru_cache

import numba as nb
import numpy as np
from jaxtyping import Float32, Real

from capture.virtual.light import WRAP, Lights
from capture.virtual.surface_samples import SurfaceSamples

CELL_M = 0.04
BIAS_M, SOFT_M = 0.03, 0.06
"""A sample is looked up this far above its surface, and hidden fully when something lies this much higher."""
AXES = 10
"""Of the directions from all around; each is used both ways."""
GIVEN_BACK = 0.2
"""Part of the hidden light from all around that the hiding surfaces reflect, as they have an albedo about this."""
LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)


def figure_light(
    vertices: Real[np.ndarray, "vertices 3"],
    normals: Real[np.ndarray, "vertices 3"],
    samples: SurfaceSamples,
    lights: Lights | None = None,
) -> Float32[np.ndarray, "vertices"]:
    """Part of the light that is left at each vertex, 0 … 1: `light_left` of `shading.shade`.

    Vertices (world, metres) and unit normals of one frame; `samples` were made once for the take; `lights` None: the
    standard lamps. Light from all around and the lamps are weighed as `shade` weighs them. The floor hides nothing.
    """
    lights = Lights.standard() if lights is None else lights
    p, n = samples.at(vertices), samples.at(normals)
    left = np.empty(len(p), np.float32)
    _light_left(
        p,
        n,
        _frames(AXES, lights.directions.tobytes()),
        AXES,
        lights.powers @ LUMINANCE,
        np.float32(lights.sky @ LUMINANCE),
        np.float32(lights.ground @ LUMINANCE),
        np.float32(WRAP),
        left,
    )
    return samples.spread(left)


@lru_cache(maxsize=16)
def _frames(axes: int, lamps: bytes) -> np.ndarray:
    """(axes + lamps, 3, 3): two directions across and the direction itself, of axes spread over the upper half."""
    z = (np.arange(axes) + 0.5) / axes
    turn = np.arange(axes) * np.pi * (3 - np.sqrt(5))
    radius = np.sqrt(1 - z * z)
    spread = np.stack([radius * np.cos(turn), radius * np.sin(turn), z], -1)
    along = np.concatenate([spread, np.frombuffer(lamps, np.float32).reshape(-1, 3)])
    helper = np.where(np.abs(along[:, 2:]) < 0.9, [[0, 0, 1.0]], [[1.0, 0, 0]])
    across = np.cross(helper, along)
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    return np.stack([across, np.cross(along, across), along], 1).astype(np.float32)


@nb.njit(cache=True, fastmath=True, error_model="numpy")
def _light_left(p, n, frames, axes, powers, sky, ground, wrap, left):
    count = len(p)
    cell, bias, soft = np.float32(1 / CELL_M), np.float32(BIAS_M), np.float32(1 / SOFT_M)
    zero, one = np.float32(0), np.float32(1)
    seen, whole = np.zeros(count, np.float32), np.full(count, np.float32(1e-6))
    direct, direct_whole = np.zeros(count, np.float32), np.zeros(count, np.float32)
    a, b, height = np.empty(count, np.float32), np.empty(count, np.float32), np.empty(count, np.float32)
    for k in range(len(frames)):
        f = frames[k]
        low_a, low_b, high_a, high_b = np.float32(1e9), np.float32(1e9), np.float32(-1e9), np.float32(-1e9)
        for i in range(count):
            x, y, z = p[i, 0], p[i, 1], p[i, 2]
            a[i] = (x * f[0, 0] + y * f[0, 1] + z * f[0, 2]) * cell
            b[i] = (x * f[1, 0] + y * f[1, 1] + z * f[1, 2]) * cell
            height[i] = x * f[2, 0] + y * f[2, 1] + z * f[2, 2]
            low_a, high_a = min(low_a, a[i]), max(high_a, a[i])
            low_b, high_b = min(low_b, b[i]), max(high_b, b[i])
        low_a, low_b = low_a - 2, low_b - 2
        rows, columns = int(high_b - low_b) + 4, int(high_a - low_a) + 4
        top = np.full((rows, columns), np.float32(-1e9))
        bottom = np.full((rows, columns), np.float32(1e9))
        for i in range(count):
            row, column = int(b[i] - low_b), int(a[i] - low_a)
            top[row, column] = max(top[row, column], height[i])
            bottom[row, column] = min(bottom[row, column], height[i])
        for i in range(count):
            nx, ny, nz = n[i, 0], n[i, 1], n[i, 2]
            shift_a = (nx * f[0, 0] + ny * f[0, 1] + nz * f[0, 2]) * bias * cell
            shift_b = (nx * f[1, 0] + ny * f[1, 1] + nz * f[1, 2]) * bias * cell
            cosine = nx * f[2, 0] + ny * f[2, 1] + nz * f[2, 2]
            row, column = int(b[i] + shift_b - low_b), int(a[i] + shift_a - low_a)
            here = height[i] + cosine * bias
            if k < axes:
                above = (top[row, column] - here) if cosine > 0 else (here - bottom[row, column])
                hidden = min(max(above * soft - np.float32(0.25), zero), one)
                weight = abs(cosine)
                whole[i] += weight
                seen[i] += weight * (one - hidden)
            else:
                hidden = min(max((top[row, column] - here) * soft - np.float32(0.25), zero), one)
                reach = powers[k - axes] * max((cosine + wrap) / (one + wrap), zero)
                # light that wraps round a surface comes from the part of a large lamp that is not hidden
                hidden *= min(max(cosine * np.float32(3), zero), one)
                direct_whole[i] += reach
                direct[i] += reach * (one - hidden)
    back = np.float32(GIVEN_BACK)
    for i in range(count):
        around = ground + (sky - ground) * (n[i, 2] + one) * np.float32(0.5)
        open_part = seen[i] / whole[i]
        open_part += back * (one - open_part)
        left[i] = (around * open_part + direct[i]) / max(around + direct_whole[i], np.float32(1e-6))
