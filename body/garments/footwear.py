"""Shoes: level rings around the whole foot, so that toes close into one shape, over a flat sole."""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.spatial import ConvexHull, KDTree

from body.garments.form import Diffusion, Form
from body.garments.limbs import LEFT_LEG, RIGHT_LEG
from body.garments.piece import Piece

_AROUND: Final = 56
_LEVELS: Final = 26
_SOLE_RINGS: Final = 5
_UNDER_M: Final = 0.003
"""The sole's underside lies this far below the bare sole, so that the body still stands on the floor."""
_TOE_ROOM_M: Final = 0.014
"""Over the toes."""
SOLE_M: Final = 0.020
"""Height of the rim of the sole."""


def shoes(form: Form, high: float) -> list[Piece]:
    """The left and the right shoe; `high` in 0..1, from slippers to boots."""
    return [_shoe(form, side, high) for side in ("left", "right")]


def _shoe(form: Form, side: str, high: float) -> Piece:
    s, part = max(form.scale, 0.5), LEFT_LEG if side == "left" else RIGHT_LEG
    p = form.points
    floor, collar = float(p[:, 1].min()), _collar(form, high)
    foot = p[(form.limbs.part == part) & (p[:, 1] < collar + 0.02 * s)]
    rise = np.linspace(0, 1, _LEVELS)
    y = floor - _UNDER_M + (collar - floor + _UNDER_M) * rise**1.2
    over = (_TOE_ROOM_M * np.clip(1.3 - (y - floor) / (0.08 * s), 0, 1) + 0.003) * s
    rings = np.stack([_ring(foot[foot[:, 1] > min(h, collar - 0.01 * s)][:, [0, 2]]) for h in y - over])
    room = 0.003 + 0.005 * s * np.clip(rise / 0.1, 0.5, 1) * np.clip((1 - rise) / 0.15, 0.35, 1)
    middle = rings.mean(1, keepdims=True)
    outward = _outward(rings)
    rings = rings + room[:, None, None] * outward
    rings = _smoothed(rings)
    inner = np.linspace(0.0, 0.96, _SOLE_RINGS)[:, None, None]
    rings = np.concatenate([middle[:1] + inner * (rings[:1] - middle[:1]), rings])
    heights = np.concatenate([np.full(_SOLE_RINGS, y[0]), y])
    points = np.stack([rings[..., 0], np.broadcast_to(heights[:, None], rings.shape[:2]), rings[..., 1]], -1)
    levels = len(points)
    flat = points.reshape(-1, 3)
    faces = _tube(levels, wrap=True)
    distance, near = KDTree(form.points).query(flat, k=4)
    share = 1 / (distance + 0.002)
    weights = ((share / share.sum(1, keepdims=True))[..., None] * form.weights[near]).sum(1)
    weights = Diffusion.on(faces, len(flat))(weights, 8)
    near_vertex = np.asarray(KDTree(form.surface.vertices).query(flat)[1], np.int32)
    theta = np.broadcast_to(np.arange(_AROUND + 1) / _AROUND * 0.6 * s, (levels, _AROUND + 1))
    down = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=-1).mean(1))])
    uv = np.stack([theta, np.broadcast_to(down[:, None], theta.shape)], -1).reshape(-1, 2)
    return Piece(
        name=f"{side} shoe",
        faces=faces,
        rest=flat,
        weights=weights,
        near=np.stack([near_vertex, np.full_like(near_vertex, -1)], 1),
        clearance=np.full(len(flat), -1.0),
        hem=collar - flat[:, 1],
        part=np.full(len(flat), part),
        along=-flat[:, 1],
        angle=np.broadcast_to(np.arange(_AROUND) * 2 * np.pi / _AROUND, points.shape[:2]).ravel().copy(),
        uv=uv,
        uv_faces=_tube(levels, wrap=False),
        cover=_cover(form, part, collar),
        soft=0.0,
    )


def _collar(form: Form, high: float) -> float:
    """Height of the opening in the rest frame."""
    return float(form.joint("left_ankle")[1]) + (-0.012 + 0.06 * high) * form.scale


def _cover(form: Form, part: int, collar: float) -> np.ndarray:
    count = form.model.vertex_count
    depth = 6 * (collar - form.points[:count, 1])  # a shoe fits closely: all but its rim hides the skin
    return np.where(form.limbs.part[:count] == part, depth, -1.0)


def _ring(points: np.ndarray) -> np.ndarray:
    """(around, 2): the convex outline of points (left, front), evenly spaced from its front."""
    outline = points[ConvexHull(points).vertices]
    outline = outline[::-1] if _area(outline) > 0 else outline
    middle = (points.max(0) + points.min(0)) / 2
    start = np.abs(np.arctan2(outline[:, 0] - middle[0], outline[:, 1] - middle[1])).argmin()
    outline = np.roll(outline, -start, 0)
    closed = np.concatenate([outline, outline[:1]])
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    at = np.arange(_AROUND) / _AROUND * along[-1]
    return np.stack([np.interp(at, along, closed[:, i]) for i in range(2)], -1)


def _area(outline: np.ndarray) -> float:
    """Positive when it turns from front to right."""
    x, z = outline.T
    return float((x * np.roll(z, -1) - z * np.roll(x, -1)).sum())


def _outward(rings: np.ndarray) -> np.ndarray:
    tangent = np.roll(rings, -1, 1) - np.roll(rings, 1, 1)
    normal = np.stack([-tangent[..., 1], tangent[..., 0]], -1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-12
    inwards = ((rings - rings.mean(1, keepdims=True)) * normal).sum(-1, keepdims=True).mean(1, keepdims=True) < 0
    return np.where(inwards, -normal, normal)


def _smoothed(rings: np.ndarray) -> np.ndarray:
    """Corners of the outlines rounded, and steps from level to level evened."""
    for _ in range(3):
        rings = 0.25 * np.roll(rings, 1, 1) + 0.5 * rings + 0.25 * np.roll(rings, -1, 1)
    for _ in range(2):
        padded = np.concatenate([rings[:1], rings, rings[-1:]])
        rings = 0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:]
    return rings


def _tube(levels: int, wrap: bool) -> np.ndarray:
    columns = _AROUND if wrap else _AROUND + 1
    i, j = np.meshgrid(np.arange(levels - 1), np.arange(_AROUND), indexing="ij")
    k = (j + 1) % _AROUND if wrap else j + 1
    a, b, c, d = i * columns + j, i * columns + k, (i + 1) * columns + k, (i + 1) * columns + j
    return np.concatenate([np.stack([a, b, d], -1).reshape(-1, 3), np.stack([b, c, d], -1).reshape(-1, 3)])
