"""A skirt: a tube of rings around hips and both legs."""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.spatial import KDTree

from body.garments.draping import CONTACT_M
from body.garments.form import Form
from body.garments.limbs import TRUNK
from body.garments.lofting import Loft
from body.garments.outlines import AROUND, hull_length
from body.garments.piece import Piece
from body.garments.sections import Sections
from body.joints import JOINT_INDEX

_LEVEL_M: Final = 0.009


def skirt(form: Form, top: float, length: float, flare: float, name: str, rng: np.random.Generator) -> Piece:
    """A skirt from height `top` (rest frame, metres) down by `length`; `flare`: metres of radius per metre."""
    s = form.scale
    levels = max(int(length / (_LEVEL_M * max(s, 0.6))), 8)
    y = np.linspace(top, top - length, levels)
    loft = _loft(form, y, flare, rng)
    grid = loft.around(form.surface.vertices, np.array([0.0, 1.0, 0.0]))
    points = grid.reshape(-1, 3)
    weights = _weights(form, points)
    shares = np.asarray(form.model.weights)
    legs = [np.flatnonzero(shares[:, [JOINT_INDEX[f"{side}_{j}"] for j in ("hip", "knee", "ankle")]].sum(1) > 0.5)
            for side in ("left", "right")]  # fmt: skip
    left, right = (leg[KDTree(form.surface.vertices[leg]).query(points)[1]] for leg in legs)
    mine = np.where(points[:, 0] > 0, left, right)
    nearest = KDTree(form.surface.vertices).query(points)[1]
    below = points[:, 1] < form.joint("left_hip")[1]
    near = np.stack([np.where(below, mine, nearest), np.where(points[:, 0] > 0, right, left)], 1).astype(np.int32)
    u = np.linspace(0, 1, AROUND + 1) * float(loft.length.mean())
    uv = np.stack(np.meshgrid(u, top - y, indexing="xy"), -1).reshape(-1, 2) * [1, -1]
    theta = np.arange(AROUND) * 2 * np.pi / AROUND - np.pi
    return Piece(
        name=name,
        faces=_grid_faces(levels),
        rest=points,
        weights=weights,
        near=near,
        clearance=np.full(len(points), CONTACT_M),
        hem=np.minimum((y - y[-1])[:, None], 10.0).repeat(AROUND, 1).ravel(),
        part=np.full(len(points), TRUNK),
        along=-y.repeat(AROUND),
        angle=np.broadcast_to(theta, (levels, AROUND)).ravel().copy(),
        cover=_cover(form, top),
        loft=loft,
        uv=uv,
        uv_faces=_grid_faces(levels, wrap=False),
    )


def _loft(form: Form, y: np.ndarray, flare: float, rng: np.random.Generator) -> Loft:
    s, levels = form.scale, len(y)
    sections = Sections.of(form, y)
    down = y[0] - y
    ease = (0.012 + 0.008 * np.clip(down / 0.10, 0, 1)) * s
    theta = np.arange(AROUND) * 2 * np.pi / AROUND - np.pi
    folds, phase = int(rng.integers(7, 12)), rng.uniform(0, 2 * np.pi, 3)
    drift = 0.6 * np.sin(2 * theta + phase[1]) + 0.3 * (down / (0.4 * s))[:, None] * np.sin(theta + phase[2])
    wave = np.sin(folds * theta + phase[0] + drift) * np.clip(down / (0.25 * s), 0, 1)[:, None]
    tight = hull_length(sections, form.surface.vertices) + 2 * np.pi * ease
    length = np.maximum.accumulate(tight)
    length = length + 2 * np.pi * flare * down + length * (0.01 + 0.07 * np.clip(down / (0.5 * s), 0, 1))
    return Loft(sections=sections, level_m=float(down[-1] / (levels - 1)), ease=ease, flare=flare, length=length,
                wave=wave, folds=float(folds))  # fmt: skip


def _weights(form: Form, points: np.ndarray) -> np.ndarray:
    """Trunk above the hips, then a blend of both thighs that becomes the nearer leg's at the sides."""
    s = form.scale
    hip, knee = float(form.joint("left_hip")[1]), float(form.joint("left_knee")[1])
    trunk = np.zeros((len(points), 24))
    spine = _smoothstep((points[:, 1] - form.joint("pelvis")[1]) / (form.joint("spine1")[1] - form.joint("pelvis")[1]))
    trunk[:, JOINT_INDEX["pelvis"]], trunk[:, JOINT_INDEX["spine1"]] = 1 - spine, spine
    legs = np.zeros((len(points), 24))
    left = _smoothstep(0.5 + points[:, 0] / (0.30 * s))
    low = 0.7 * _smoothstep((knee + 0.10 * s - points[:, 1]) / (0.25 * s))
    for side, share in (("left", left), ("right", 1 - left)):
        legs[:, JOINT_INDEX[f"{side}_hip"]] = share * (1 - low)
        legs[:, JOINT_INDEX[f"{side}_knee"]] = share * low
    down = _smoothstep((hip + 0.04 * s - points[:, 1]) / (0.20 * s))[:, None]
    return (1 - down) * trunk + down * legs


def _cover(form: Form, top: float) -> np.ndarray:
    """The trunk down to the hips: legs may be seen from below."""
    v = form.points[: form.model.vertex_count]
    inside = np.minimum(top - v[:, 1], v[:, 1] - form.joint("left_hip")[1])
    return np.where(form.arm[: len(v)] > 0.2, -1.0, inside)


def _grid_faces(levels: int, wrap: bool = True) -> np.ndarray:
    """Two triangles for each cell; without `wrap` the first column is repeated at the end (texture coordinates)."""
    columns = AROUND if wrap else AROUND + 1
    i, j = np.meshgrid(np.arange(levels - 1), np.arange(AROUND), indexing="ij")
    k = (j + 1) % AROUND if wrap else j + 1
    a, b, c, d = i * columns + j, i * columns + k, (i + 1) * columns + k, (i + 1) * columns + j
    return np.concatenate([np.stack([a, d, b], -1).reshape(-1, 3), np.stack([b, d, c], -1).reshape(-1, 3)])


def _smoothstep(t: np.ndarray) -> np.ndarray:
    t = np.clip(t, 0, 1)
    return t * t * (3 - 2 * t)
