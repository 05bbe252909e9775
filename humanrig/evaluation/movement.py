"""Errors that only show in movement: feet that slide while they stand, and a still person who trembles."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from body.joints import JOINT_INDEX
from humanrig.evaluation.summary import summary

FEET = ("left_foot", "right_foot")
SOLE_M = 0.015
"""True skin of a foot that is this near to the floor touches it: soles are up to 10 mm from flat."""
RESTING_M = 0.003
"""How far it may truly move from one instant to the next and still stand: 0.1 m/s at 30 Hz."""
LEAST_VERTICES = 5
"""Fewer vertices on the floor are a toe that swings by."""
STILL_M = 0.002
"""A true person all of whose joints stay this near to their mean place stands still."""


def foot_skate(
    weights: Float[np.ndarray, "vertices 24"],
    fitted: Float[np.ndarray, "frames vertices 3"],
    true: Float[np.ndarray, "frames vertices 3"],
) -> dict[str, Any] | None:
    """How far the fitted soles slide from one instant to the next while the true ones stand, in the floor's plane.

    `weights`: of the body model's skinning. Millimetres; what the true sole itself moves is no error. `contacts` counts
    feet that stand from one instant to the next. None where no foot stands.
    """
    on_floor = true[..., 2] < SOLE_M
    rests = on_floor[1:] & on_floor[:-1] & (np.linalg.norm(np.diff(true, axis=0), axis=-1) < RESTING_M)
    slide = 1e3 * np.linalg.norm(np.diff(fitted - true, axis=0)[..., :2], axis=-1)
    slides = []
    for sole in _feet(weights):
        standing = rests[:, sole].sum(1) >= LEAST_VERTICES
        slides += [slide[t, sole][rests[t, sole]].mean() for t in np.flatnonzero(standing)]
    return {**summary(np.array(slides), "mean", "max"), "contacts": len(slides)} if slides else None


def still_jitter(
    fitted: Float[np.ndarray, "frames joints 3"], true: Float[np.ndarray, "frames joints 3"]
) -> dict[str, Any] | None:
    """How much the joints of somebody who stands still move about their mean place: the root mean square, mm.

    None for a person who moves, and for fewer than three instants.
    """
    if len(true) < 3 or np.linalg.norm(true - true.mean(0), axis=-1).max() > STILL_M:
        return None
    error = fitted - true
    moved = 1e3 * np.linalg.norm(error - error.mean(0), axis=-1)
    return {"rms": round(float(np.sqrt((moved**2).mean())), 3), "max": round(float(moved.max()), 3)}


def _feet(weights: Float[np.ndarray, "vertices 24"]) -> list[Bool[np.ndarray, "vertices"]]:
    """The skin that each foot moves, with its ankle's."""
    mover = weights.argmax(1)
    return [np.isin(mover, [JOINT_INDEX[foot], JOINT_INDEX[foot.replace("foot", "ankle")]]) for foot in FEET]
