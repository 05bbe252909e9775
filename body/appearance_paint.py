"""Colours of skin, hair, faces and fabrics on the rest body's surface."""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import Float
from scipy.ndimage import map_coordinates

from body.appearance_atlas import Surface
from body.appearance_garments import coverage
from body.joints import JOINT_INDEX
from body.outfit import RGB, Garment, Style

_LATTICE: Final = 32
_EYES_APART_M: Final = 0.056
"""Of the face for which the sizes below were drawn."""
_LIPS: Final = (0.74, 0.42, 0.40)


def noise(
    points: Float[np.ndarray, "points 3"], size_m: float, rng: np.random.Generator
) -> Float[np.ndarray, "points"]:
    """Smooth noise in space with spots of `size_m`, about -1 to 1: the same on both sides of a UV seam."""
    lattice = rng.uniform(-1, 1, (_LATTICE,) * 3)
    return map_coordinates(lattice, points.T / size_m, order=1, mode="grid-wrap")


def paint_skin(on: Surface, style: Style, rng: np.random.Generator) -> Float[np.ndarray, "points 3"]:
    """sRGB of bare skin, face and hair."""
    p = on.points
    tone = np.asarray(style.skin)
    shade = 0.030 * noise(p, 0.003, rng) + 0.035 * noise(p, 0.012, rng) + 0.05 * noise(p, 0.06, rng)
    colour = tone * (1 + shade[:, None])
    red = np.clip(noise(p, 0.04, rng), 0, 1) * 0.10
    colour = colour * (1 - red[:, None] * np.array([0.0, 0.5, 0.5]))
    colour = _blend(colour, tone * np.array([1.08, 0.98, 0.95]), 0.6 * _palms(on))
    colour = _face(colour, on, style)
    strands = 1 + 0.35 * noise(p * np.array([1.0, 0.25, 0.25]), 0.002, rng) + 0.2 * noise(p, 0.02, rng)
    return _blend(colour, np.asarray(style.hair) * strands[:, None], _hair(on, rng))


def paint_garment(on: Surface, garment: Garment, rng: np.random.Generator) -> Float[np.ndarray, "points 3"]:
    """sRGB of a fabric everywhere on the body; the caller masks it."""
    p = on.points
    colour = np.broadcast_to(np.asarray(garment.colour), p.shape)
    colour = _blend(colour, np.asarray(garment.second_colour), _pattern(on, garment, rng))
    weave = 0.05 * noise(p, 0.002, rng) + 0.04 * noise(p, 0.010, rng)
    folds = 0.10 * noise(p * np.array([1.0, 0.45, 1.0]), 0.05, rng)
    hem = coverage(garment.cut, on)
    seam = np.exp(-(((hem - 0.012) / 0.0015) ** 2))  # the stitches of a turned hem
    return colour * (1 + weave + folds - 0.25 * seam)[:, None]


def _pattern(on: Surface, garment: Garment, rng: np.random.Generator) -> np.ndarray:
    """Share of the second colour."""
    p = on.points
    sleeve = np.abs(p[:, 0]) > on.joint("left_shoulder")[0] + 0.02
    along = np.where(sleeve & (p[:, 1] > on.joint("pelvis")[1]), np.abs(p[:, 0]), p[:, 1])
    around = np.where(sleeve & (p[:, 1] > on.joint("pelvis")[1]), p[:, 2] + p[:, 1], p[:, 0])
    if garment.fabric == "stripes":
        return _band(along, rng.uniform(0.04, 0.08), 0.45)
    if garment.fabric == "checks":
        period = rng.uniform(0.05, 0.08)
        return 0.5 * _band(along, period, 0.5) + 0.5 * _band(around, period, 0.5)
    if garment.fabric == "print":
        return np.clip((noise(p, rng.uniform(0.02, 0.04), rng) - 0.25) / 0.04, 0, 1)
    return np.zeros(len(p))


def _band(s: np.ndarray, period: float, share: float) -> np.ndarray:
    """Soft-edged stripes along s."""
    phase = np.abs((s / period) % 1 - 0.5) * 2
    return np.clip((share - phase) * period / 0.002 + 0.5, 0, 1)


def _blend(base: np.ndarray, over: np.ndarray | RGB, amount: np.ndarray) -> np.ndarray:
    return base + (np.asarray(over) - base) * amount[:, None]


def _blob(
    x: np.ndarray, y: np.ndarray, half_width: float, half_height: float | np.ndarray, edge: float = 0.25
) -> np.ndarray:
    """1 inside an ellipse, 0 outside."""
    return np.clip((1 - np.hypot(x / half_width, y / half_height)) / edge + 0.5, 0, 1)


def _palms(on: Surface) -> np.ndarray:
    hands = on.weights[:, [JOINT_INDEX[f"{side}_{part}"] for side in ("left", "right") for part in ("wrist", "hand")]]
    soles = np.clip((on.landmarks["floor"][1] + 0.012 - on.points[:, 1]) / 0.005, 0, 1)
    return np.clip(np.maximum(hands.sum(1) * np.clip(-2 * on.normals[:, 1], 0, 1), soles), 0, 1)


def _face(colour: np.ndarray, on: Surface, style: Style) -> np.ndarray:
    """Cheeks, lips, eyes and brows, placed by the keypoint vertices."""
    nose, left, right = (on.landmarks[name] for name in ("nose", "leye", "reye"))
    s = (left[0] - right[0]) / _EYES_APART_M
    middle = (left + right) / 2
    front = (on.points[:, 2] > middle[2] - 0.035 * s) & (on.normals[:, 2] > 0)
    x, y = (on.points[:, 0] - middle[0]) / s, (on.points[:, 1] - middle[1]) / s
    mouth = (nose[1] - middle[1]) / s - 0.042
    eye_x = np.abs(x) - (left[0] - middle[0]) / s
    skin, hair = np.asarray(style.skin), np.asarray(style.hair)
    lips = 0.62 * skin * np.array([0.97, 0.72, 0.69]) + 0.38 * skin.mean() * np.asarray(_LIPS) * 1.45
    smile = 2.5 * x**2  # the corners a little higher than the middle
    layers = (
        (skin * np.array([1.02, 0.84, 0.82]), 0.45 * _blob(np.abs(x) - 0.042, y + 0.038, 0.024, 0.020, 1.5)),
        (skin * np.array([0.80, 0.72, 0.70]), 0.5 * _blob(eye_x, y - 0.001, 0.026, 0.017, 1.0)),
        (lips, _blob(x, y - mouth - smile, 0.0245, 0.0115 * (1 - 0.25 * np.abs(x) / 0.026), 0.5)),
        (lips * 0.45, _blob(x, y - mouth - smile - 0.0005, 0.0235, 0.0014, 0.6)),
        (hair * 0.8, 0.85 * _blob(eye_x - 0.002, y - 0.0215 + 6 * (eye_x - 0.002) ** 2, 0.022, 0.0042, 0.4)),
        ((0.10, 0.07, 0.06), _blob(eye_x, y - 0.0008, 0.0170, 0.0070, 0.3)),
        ((0.80, 0.77, 0.75), _blob(eye_x, y - 0.0010, 0.0140, 0.0044, 0.3)),
        (style.iris, _blob(eye_x, y - 0.0012, 0.0056, 0.0050, 0.3)),
        ((0.03, 0.03, 0.03), _blob(eye_x, y - 0.0012, 0.0026, 0.0026, 0.4)),
        ((0.30 * skin), 0.8 * _blob(np.abs(x) - 0.007, y - mouth - 0.0265, 0.0045, 0.0022, 0.5)),
    )
    for over, amount in layers:
        colour = _blend(colour, over, amount * front)
    return colour


def beard_area(on: Surface) -> Float[np.ndarray, "points"]:
    """Where a beard grows, 0 to 1: jaw, chin and upper lip, not the lips."""
    nose, left, right, ear = (on.landmarks[name] for name in ("nose", "leye", "reye", "lear"))
    s = (left[0] - right[0]) / _EYES_APART_M
    middle = (left + right) / 2
    x, y = (on.points[:, 0] - middle[0]) / s, (on.points[:, 1] - middle[1]) / s
    mouth = (nose[1] - middle[1]) / s - 0.042
    cheek = np.clip((np.abs(x) - 0.024) / 0.010, 0, 1)
    line = mouth + 0.013 - 0.022 * cheek + 0.9 * np.clip(np.abs(x) - 0.042, 0, 0.03)
    below = np.clip((line - y) / 0.012 + 0.5, 0, 1) * np.clip((y - mouth + 0.065) / 0.025, 0, 1)
    forward = np.clip((on.points[:, 2] - ear[2]) / (0.02 * s), 0, 1)
    lips = _blob(x, y - mouth, 0.026, 0.0125, 0.5)
    head = np.clip(on.weights[:, JOINT_INDEX["head"]] * 2, 0, 1)
    return below * forward * (1 - lips) * head


def _hair(on: Surface, rng: np.random.Generator) -> np.ndarray:
    """Short hair: over the forehead in front, down to the neck behind, not on the ears."""
    eye, ear = on.landmarks["leye"], on.landmarks["lear"]
    s = (on.landmarks["leye"][0] - on.landmarks["reye"][0]) / _EYES_APART_M
    p = on.points + 0.003 * noise(on.points, 0.008, rng)[:, None]
    forward = np.clip((p[:, 2] - ear[2]) / (0.055 * s), -0.4, 1)
    smooth = forward * np.abs(forward)
    line = eye[1] + s * np.where(forward > 0, 0.008 + 0.062 * smooth, 0.008 + 0.55 * smooth)
    line = np.maximum(line, eye[1] - 0.075 * s)
    on_ear = np.hypot(p[:, 1] - ear[1], p[:, 2] - ear[2]) < 0.036 * s
    on_ear &= np.abs(p[:, 0]) > np.abs(ear[0]) - 0.008 * s
    head = on.weights[:, JOINT_INDEX["head"]] + on.weights[:, JOINT_INDEX["neck"]] > 0.5
    return np.clip((p[:, 1] - line) / 0.004 + 0.5, 0, 1) * head * ~on_ear
