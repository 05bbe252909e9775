"""Cuts of shirts and trousers on any body: where their hems lie and how loose they are."""

from __future__ import annotations

from typing import Final

import numpy as np

from body.garments.draping import Hem, Pattern, hang
from body.garments.form import Form
from body.garments.limbs import LEFT_ARM, LEFT_LEG, RIGHT_ARM, RIGHT_LEG, TRUNK
from body.joints import JOINT_INDEX

_OFF_LIMB: Final = 0.05
"""Metres; a hem of one limb counts points off that limb as at least this far inside."""


def waist_height(form: Form) -> float:
    """Height of a waistband on the rest body."""
    pelvis, spine = form.joint("pelvis")[1], form.joint("spine1")[1]
    return float(pelvis + 0.45 * (spine - pelvis))


def crotch_height(form: Form) -> float:
    """Height of the lowest point of the trunk between the legs."""
    middle = (np.abs(form.points[:, 0]) < 0.012) & (form.points[:, 1] < form.joint("spine1")[1])
    return float(form.points[middle, 1].min())


def shirt(form: Form, cut: str, loose: float, tucked: bool = False) -> Pattern:
    """A "tank", "t-shirt", "long sleeves" or the "bodice" of a dress; `loose` in 0..1."""
    s, x, y = form.scale, np.abs(form.points[:, 0]), form.points[:, 1]
    shoulder, elbow, wrist = (float(form.joint(f"left_{name}")[0]) for name in ("shoulder", "elbow", "wrist"))
    hip, waist = float(form.joint("left_hip")[1]), waist_height(form)
    bottom = waist - 0.05 * s if cut == "bodice" or tucked else hip - (0.02 + 0.07 * loose) * s
    bottom = max(bottom, crotch_height(form) + 0.06 * s)
    end = {
        "tank": shoulder - 0.002 * s,
        "bodice": shoulder + 0.08 * (elbow - shoulder),
        "t-shirt": shoulder + (0.62 + 0.25 * loose) * (elbow - shoulder),
        "long sleeves": wrist - 0.01 * s,
    }[cut]
    sleeve = np.where(form.arm > 0.5, end - x, np.maximum(end - x, _OFF_LIMB))
    if cut in ("tank", "bodice"):
        sleeve = np.where(y > form.joint("left_shoulder")[1] - 0.22 * s, end - x, np.maximum(end - x, _OFF_LIMB))
    ease = np.full(len(y), (0.012 + 0.010 * loose) * s)
    armpit = -float(form.joint("left_shoulder")[1]) + 0.08 * s
    ease += (0.55 + 0.45 * loose) * hang(form, TRUNK, armpit, -bottom, 0.0, 0.055 * s)
    for arm in (LEFT_ARM, RIGHT_ARM):
        slope = 0.02 if cut == "t-shirt" else 0.10
        ease += (0.4 + 0.6 * loose) * hang(form, arm, shoulder + 0.06 * s, end, slope, 0.03 * s)
    ease = np.where(form.arm > 0.5, ease + (0.004 + 0.006 * loose) * s, ease)
    long = cut == "long sleeves"
    return Pattern(
        name=cut if cut != "bodice" else "dress top",
        hems=(
            Hem(distance=y - bottom, tight_m=0.006 if cut == "bodice" or tucked else None),
            Hem(distance=sleeve, tight_m=0.005 if long else 0.006 if cut in ("tank", "bodice") else None, over_m=0.05),
            Hem(distance=_neckline(form, 0.03 if cut in ("tank", "bodice") else 0.0), tight_m=0.005),
        ),
        inside=form.joint("spine2") + [0, 0, 0.12 * s],
        ease=np.minimum(ease, 0.058),
        bridging=14,
        folds_m=0.006 * s,
        clearance_m=0.007 if not tucked else 0.003,
        level_below_m=waist,
        sleeveless=cut in ("tank", "bodice"),
    )


def trousers(form: Form, cut: str, loose: float) -> Pattern:
    """ "trousers", "shorts" or "tights"; `loose` in 0..1."""
    s, y = form.scale, form.points[:, 1]
    knee, ankle, waist = float(form.joint("left_knee")[1]), float(form.joint("left_ankle")[1]), waist_height(form)
    end = knee + 0.04 * s if cut == "shorts" else ankle + (0.005 if cut == "trousers" else 0.03) * s
    hip = float(form.joint("left_hip")[1])
    tight = cut == "tights"
    ease = np.full(len(y), 0.003 if tight else (0.013 + 0.010 * loose) * s)
    if not tight:
        slope = 0.05 if cut == "shorts" else 0.13 - 0.08 * loose
        for leg in (LEFT_LEG, RIGHT_LEG):
            ease += (0.5 + 0.5 * loose) * hang(form, leg, -hip + 0.10 * s, -end, slope, 0.045 * s)
    crotch = np.clip(0.3 + np.abs(form.points[:, 0]) / (0.05 * s), 0, 1)
    return Pattern(
        name=cut,
        hems=(
            Hem(distance=waist - y, tight_m=0.003, over_m=0.10),
            Hem(distance=y - end, tight_m=0.003 if tight else None),
        ),
        inside=form.joint("pelvis") + [0, 0, 0.12 * s],
        ease=ease * np.where(y < hip + 0.05, crotch, 1.0),
        bridging=4 if tight else 12,
        folds_m=0.0 if tight else 0.005 * s,
        clearance_m=0.0025 if tight else 0.005,
    )


def _neckline(form: Form, wider_m: float) -> np.ndarray:
    """Distance to a ball around the neck: it meets the shoulders in one smooth curve, lower in front."""
    s, neck, head = form.scale, form.joint("neck"), form.joint("head")
    around = form.points[form.weights[:, JOINT_INDEX["neck"]] > 0.55]
    up = (head - neck) / np.linalg.norm(head - neck)
    offset = around - neck
    thick = float(np.median(np.linalg.norm(offset - np.outer(offset @ up, up), axis=1))) if len(around) else 0.06 * s
    centre = neck + np.array([0, 0.015, 0.025]) * s
    radius = thick + (0.035 + wider_m) * s
    return np.linalg.norm((form.points - centre) * [1.0, 0.9, 1.0], axis=1) - radius
