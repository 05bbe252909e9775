"""Damped Gauss-Newton on a batch of bodies, each with its own damping (Levenberg 1944, Marquardt 1963)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from hps.points.fitting.equations import Equations
from hps.points.fitting.state import BodyStates
from hps.points.unknowns import TURNS

Linearise = Callable[[BodyStates], Equations]
FIRST_DAMPING: Final = 1e-4
"""Times the diagonal: the closed-form start is near."""
LESS: Final = 0.2
MORE: Final = 30.0


def minimised(
    states: BodyStates, linearise: Linearise, steps: int, greatest_turn: float
) -> tuple[BodyStates, Equations]:
    """The states after so many tried steps, and the energy about them. A step that raises the energy is not taken."""
    equations = linearise(states)
    damping = np.full(len(states), FIRST_DAMPING)
    for _ in range(steps):
        trial = states.stepped(_step(equations, damping, greatest_turn))
        after = linearise(trial)
        better = after.cost < equations.cost
        states, equations = states.chosen(trial, better), equations.chosen(after, better)
        damping = damping * np.where(better, LESS, MORE)
    return states, equations


def _step(equations: Equations, damping: np.ndarray, greatest_turn: float) -> np.ndarray:
    """Steps of all bodies; the whole step is shortened where a joint would turn too far."""
    A = equations.A.copy()
    diagonal = np.arange(A.shape[1])
    A[:, diagonal, diagonal] *= 1 + damping[:, None]
    step = np.linalg.solve(A, equations.b[..., None])[..., 0]
    turn = np.linalg.norm(step[:, :TURNS].reshape(len(step), -1, 3), axis=-1).max(1)
    return step * np.minimum(1.0, greatest_turn / np.maximum(turn, 1e-9))[:, None]
