"""A skirt: a tube lofted around hips and both legs, that falls from the widest place."""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.spatial import KDTree

from body.garments.draping import CONTACT_M
from body.garments.form import Form
from body.garments.limbs import LEFT_LEG, RIGHT_LEG, TRUNK
from body.garments.piece import Piece
from body.joints import JOINT_INDEX

_AROUND: Final = 144
_LEVEL_M: Final = 0.009


def skirt(
    form: Form, top: float, length: float, flare: float, name: str, rng: np.random.Generator, tight_m: float = 0.006
) -> Piece:
    """A skirt from height `top` (rest frame, metres) down by `length`; `flare`: metres of radius per metre."""
    s = form.scale
    levels = max(int(length / (_LEVEL_M * max(s, 0.6))), 8)
    y = np.linspace(top, top - length, levels)
    theta = np.linspace(-np.pi, np.pi, _AROUND, endpoint=False)
    centre = form.joint("pelvis") * [0, 1, 1]
    hull = _hull_radii(form, y, theta, centre)
    down = (top - y)[:, None]
    opening = np.clip(down / (0.10 * s), 0, 1)
    radius = np.maximum.accumulate(hull, 0) + tight_m + (0.006 * s) * opening + flare * down
    count = int(rng.integers(7, 12))
    phase = rng.uniform(0, 2 * np.pi, 3)
    wave = np.sin(count * theta + phase[0] + 0.5 * np.sin(2 * theta + phase[1])) + 0.4 * np.sin(3 * theta + phase[2])
    depth = np.clip(down / length, 0, 1) ** 1.3 * (0.006 + 0.05 * flare) * s
    radius = radius + depth * (wave + 0.6)
    points = np.stack(
        [
            radius * np.sin(theta),
            np.broadcast_to(y[:, None], radius.shape),
            centre[2] + radius * np.cos(theta),
        ],
        -1,
    ).reshape(-1, 3)
    faces = _grid_faces(levels)
    weights = _weights(form, points)
    tree = KDTree(form.surface.vertices)
    shares = np.asarray(form.model.weights)
    legs = [np.flatnonzero(shares[:, [JOINT_INDEX[f"{side}_{j}"] for j in ("hip", "knee", "ankle")]].sum(1) > 0.5)
            for side in ("left", "right")]  # fmt: skip
    left, right = (leg[KDTree(form.surface.vertices[leg]).query(points)[1]] for leg in legs)
    mine = np.where(points[:, 0] > 0, left, right)
    nearest = tree.query(points)[1]
    below = points[:, 1] < form.joint("left_hip")[1]
    near = np.stack([np.where(below, mine, nearest), np.where(points[:, 0] > 0, right, left)], 1).astype(np.int32)
    form.surface.push_out(points, np.full(len(points), CONTACT_M), np.full(len(points), np.inf), near.copy())
    u = np.linspace(0, 1, _AROUND + 1) * 2 * np.pi * float(radius.mean())
    uv = np.stack(np.meshgrid(u, top - y, indexing="xy"), -1).reshape(-1, 2) * [1, -1]
    return Piece(
        name=name,
        faces=faces,
        rest=points,
        weights=weights,
        near=near,
        clearance=np.full(len(points), CONTACT_M),
        hem=np.minimum((y - y[-1])[:, None], 10.0).repeat(_AROUND, 1).ravel(),
        part=np.full(len(points), TRUNK),
        along=-points[:, 1],
        angle=np.broadcast_to(theta, radius.shape).ravel().copy(),
        cover=_cover(form, top),
        rows=(levels, _AROUND),
        uv=uv,
        uv_faces=_grid_faces(levels, wrap=False),
    )


def _hull_radii(form: Form, y: np.ndarray, theta: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """(levels, around): radius of the convex hull of trunk and legs at each height."""
    body = form.points[np.isin(form.limbs.part, (TRUNK, LEFT_LEG, RIGHT_LEG)) & (form.arm < 0.2)] - centre
    ray = np.stack([np.sin(theta), np.cos(theta)], -1)
    cosine = np.cos(theta[:, None] - theta)
    radii = np.empty((len(y), len(theta)))
    band = 0.012
    for i, height in enumerate(y - centre[1]):
        near = body[np.abs(body[:, 1] - height) < band][:, [0, 2]]
        support = (near @ ray.T).max(0) if len(near) else np.full(len(theta), 0.05)
        with np.errstate(divide="ignore"):
            bound = np.where(cosine > 0.05, np.maximum(support, 0.01)[None, :] / np.maximum(cosine, 0.05), np.inf)
        radii[i] = bound.min(1)
    kernel = np.array([1, 2, 3, 2, 1]) / 9
    padded = np.pad(radii, ((2, 2), (0, 0)), "edge")
    return sum(kernel[k] * padded[k : k + len(y)] for k in range(5))  # type: ignore[return-value]


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
    columns = _AROUND if wrap else _AROUND + 1
    i, j = np.meshgrid(np.arange(levels - 1), np.arange(_AROUND), indexing="ij")
    k = (j + 1) % _AROUND if wrap else j + 1
    a, b, c, d = i * columns + j, i * columns + k, (i + 1) * columns + k, (i + 1) * columns + j
    return np.concatenate([np.stack([a, d, b], -1).reshape(-1, 3), np.stack([b, d, c], -1).reshape(-1, 3)])


def _smoothstep(t: np.ndarray) -> np.ndarray:
    t = np.clip(t, 0, 1)
    return t * t * (3 - 2 * t)
