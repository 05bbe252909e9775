"""Hair as a volume: a shell over the scalp, short or long, with a bun or without."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
from scipy.spatial import KDTree

from body.appearance_paint import noise
from body.garments.draping import Hem, Pattern, drape
from body.garments.form import Form
from body.garments.limbs import TRUNK
from body.garments.piece import Piece
from body.joints import JOINT_INDEX

HairStyle = Literal["bald", "short", "full", "long", "bun"]
_EYES_APART_M: Final = 0.056
"""Of the face for which sizes below are drawn."""


def hair(form: Form, style: HairStyle, rng: np.random.Generator) -> list[Piece]:
    """The pieces of one hair style."""
    if style == "bald":
        return []
    left, right, ear = form.landmark("leye"), form.landmark("reye"), form.landmark("lear")
    s = float(left[0] - right[0]) / _EYES_APART_M
    p = form.points
    line = _hairline(form, style, s) + 0.004 * s * noise(p, 0.007 * s, rng)
    on_ear = np.linalg.norm((np.abs(p[:, :1]) * [1, 0, 0] + p * [0, 1, 1] - np.abs(ear)[0] * np.array([1, 0, 0])
                             - ear * [0, 1, 1]) * [0.7, 1, 1], axis=1) - 0.034 * s  # fmt: skip
    thick = {"short": 0.016, "full": 0.027, "long": 0.022, "bun": 0.013}[style] * s
    up = np.clip((p[:, 1] - left[1]) / (0.10 * s), 0, 1)
    ease = thick * (0.75 + 0.5 * up)
    ease = ease * (1 + 0.12 * noise(p, 0.03, rng))
    hems = [Hem(distance=line, tight_m=0.004, over_m=0.02 * s / form.scale)]
    hems.append(Hem(distance=on_ear, tight_m=0.0035, over_m=0.014 * s / form.scale))
    pattern = Pattern(
        name="hair",
        hems=tuple(hems),
        inside=np.array([0, p[:, 1].max(), form.joint("head")[2]]),
        ease=ease,
        bridging=12 if style == "long" else 5,
        clearance_m=0.003,
        soft=0.0,
    )
    pieces = [drape(form, pattern, rng)]
    if style == "bun":
        pieces.append(_bun(form, s))
    return pieces


def _hairline(form: Form, style: HairStyle, s: float) -> np.ndarray:
    """Positive on the scalp: over the forehead in front, down to the neck (long: the shoulders) behind."""
    eye, ear, p = form.landmark("leye"), form.landmark("lear"), form.points
    forward = np.clip((p[:, 2] - ear[2]) / (0.055 * s), -1.2, 1)
    back = {"short": 0.10, "full": 0.12, "bun": 0.09, "long": 0.33}[style]
    lowest = {"short": 0.070, "full": 0.085, "bun": 0.065, "long": 0.19}[style]
    smooth = forward * np.abs(forward)
    line = eye[1] + s * np.where(forward > 0, 0.010 + 0.060 * smooth, 0.010 + 3 * back * smooth)
    line = np.maximum(line, eye[1] - lowest * s)
    above = p[:, 1] - line
    trunk_side = 0.078 * s - np.abs(p[:, 0]) if style == "long" else np.full(len(p), 0.2)
    behind = np.where(p[:, 1] < eye[1] - 0.09 * s, (ear[2] - 0.01 * s - p[:, 2]), 0.2)
    return np.minimum.reduce([above, np.where(p[:, 1] < eye[1] - 0.09 * s, trunk_side, 0.2), behind])


def _bun(form: Form, s: float) -> Piece:
    """A ball at the back of the head."""
    head = form.points[form.weights[:, JOINT_INDEX["head"]] > 0.9]
    back = head[head[:, 2].argmin()]
    centre = np.array([0.0, back[1] + 0.035 * s, back[2] + 0.002 * s])
    rows, columns = 14, 24
    polar, around = np.meshgrid(np.linspace(0, np.pi, rows), np.linspace(-np.pi, np.pi, columns + 1), indexing="ij")
    ball = np.stack([np.sin(polar) * np.sin(around), np.cos(polar), np.sin(polar) * np.cos(around)], -1)
    points = centre + ball.reshape(-1, 3) * np.array([0.036, 0.033, 0.030]) * s
    i, j = np.meshgrid(np.arange(rows - 1), np.arange(columns), indexing="ij")
    a = i * (columns + 1) + j
    b, d = a + 1, a + columns + 1
    faces = np.concatenate([np.stack([a, d, b], -1).reshape(-1, 3), np.stack([b, d, d + 1], -1).reshape(-1, 3)])
    near = KDTree(form.surface.vertices).query(points)[1].astype(np.int32)
    weights = np.zeros((len(points), 24))
    weights[:, JOINT_INDEX["head"]] = 1
    return Piece(
        name="bun",
        faces=faces,
        rest=points,
        weights=weights,
        near=np.stack([near, np.full_like(near, -1)], 1),
        clearance=np.full(len(points), -1.0),
        hem=np.full(len(points), 1.0),
        part=np.full(len(points), TRUNK),
        along=-points[:, 1],
        angle=around.ravel(),
        uv=np.stack([around, -polar], -1).reshape(-1, 2) * 0.03,
        uv_faces=faces,
        cover=np.full(form.model.vertex_count, -1.0),
        soft=0.0,
    )
