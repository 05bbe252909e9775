"""Where garments lie on the rest body and how far off the skin they are."""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import Float, Integer

from body.appearance_atlas import Surface
from body.joints import JOINT_INDEX
from body.outfit import Garment

_HEM_M: Final = 0.035
"""Over this length a garment's thickness grows from its hem."""
_SMOOTHING_STEPS: Final = 6
_CROTCH_M: Final = 0.045
"""Trousers lie closer within this distance of the middle, where the legs would push into each other."""


def coverage(cut: str, on: Surface) -> Float[np.ndarray, "points"]:
    """Signed distance to a garment's hem, metres, roughly: positive where it covers the skin."""
    x, y = np.abs(on.points[:, 0]), on.points[:, 1]
    pelvis, hip, knee = (float(on.joint(name)[1]) for name in ("pelvis", "left_hip", "left_knee"))
    ankle, shoulder = float(on.joint("left_ankle")[1]), float(on.joint("left_shoulder")[0])
    elbow, wrist = float(on.joint("left_elbow")[0]), float(on.joint("left_wrist")[0])
    waist = pelvis + 0.4 * (float(on.joint("spine1")[1]) - pelvis)
    not_arms = shoulder + 0.25 * (elbow - shoulder) - x
    if cut in ("tank", "t-shirt", "long sleeves"):
        sleeve = {
            "tank": shoulder - 0.02,
            "t-shirt": shoulder + 0.72 * (elbow - shoulder),
            "long sleeves": wrist - 0.02,
        }
        hem = {"tank": waist - 0.015, "t-shirt": hip - 0.015, "long sleeves": hip - 0.03}[cut]
        return np.minimum.reduce([sleeve[cut] - x, y - hem, _neckline(on, 0.03 if cut == "tank" else 0.0)])
    if cut == "socks":
        return ankle + 0.01 - y
    waistband = {"briefs": waist - 0.06, "tights": waist - 0.03}.get(cut, waist)
    if cut == "briefs":
        leg = y - (hip - 0.13)
    elif cut == "tights":
        leg = y - (hip - 0.45 * (hip - knee))
    elif cut == "shorts":
        leg = y - (knee + 0.05)
    else:
        leg = y - (ankle + 0.035)
    return np.minimum.reduce([waistband - y, leg, not_arms])


def _neckline(on: Surface, wider_m: float) -> np.ndarray:
    """Positive below a tilted ring around the neck, lower in front; never on the head."""
    offset = on.points - on.joint("neck")
    radius = np.hypot(offset[:, 0], offset[:, 2])
    ring = -0.035 - 0.45 * offset[:, 2] - offset[:, 1]
    below = np.maximum(ring - wider_m, radius - 0.085 - wider_m)
    head = on.weights[:, JOINT_INDEX["head"]] + 0.5 * on.weights[:, JOINT_INDEX["neck"]]
    return np.minimum(below, 0.2 * (0.4 - head))


def thickness(garment: Garment, on: Surface, faces: Integer[np.ndarray, "faces 3"]) -> Float[np.ndarray, "vertices"]:
    """Distance of a garment from each vertex's skin, metres: full inside, smoothly thinner at hems, 0 outside.

    Soles get none, so that the body still stands on the floor.
    """
    inside = np.clip(coverage(garment.cut, on) / _HEM_M, 0, 1)
    grown = inside * inside * (3 - 2 * inside)
    fraction = 0.35 * (inside > 0) + 0.65 * grown if garment.thickness_m > 0.005 else grown
    if garment.cut in ("trousers", "shorts", "tights", "briefs"):
        fraction = fraction * np.clip(0.25 + np.abs(on.points[:, 0]) / _CROTCH_M, 0.25, 1)
    if garment.cut == "socks":
        fraction = fraction * np.clip((on.points[:, 1] - on.landmarks["floor"][1] - 0.02) / 0.02, 0, 1)
    return garment.thickness_m * _smooth(fraction, faces)


def _smooth(values: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Values averaged over neighbours a few times."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).astype(np.int64)
    start, end = np.concatenate([edges, edges[:, ::-1]]).T
    count = np.bincount(start, minlength=len(values)).astype(np.float64)
    outside = values == 0
    for _ in range(_SMOOTHING_STEPS):
        around = np.bincount(start, values[end], minlength=len(values)) / np.maximum(count, 1)
        values = np.where(outside, 0.0, 0.5 * values + 0.5 * around)
    return values
