"""Levenberg–Marquardt over a whole clip."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from scipy.linalg import LinAlgError

from registration.fit.state import FitState
from registration.fit.system import NormalEquations

FIRST_DAMPING, LEAST_DAMPING, MOST_DAMPING = 1e-2, 1e-6, 1e4
MAX_TURN, MAX_MOVE_M, MAX_BETA = 0.6, 0.3, 1.5
"""Largest step of one rotation, of the translation and of a beta: beyond, the linearisation means nothing."""
SLACK = 1e-3
"""A step may raise the cost by this part: closest points are chosen anew, which lets the cost of a good step rise."""


def minimise(
    state: FitState,
    evaluate: Callable[[FitState], NormalEquations],
    iterations: int,
    tolerance: float,
    *,
    fixed_shared: bool = False,
    on_iteration: Callable[[int], None] | None = None,
) -> tuple[FitState, NormalEquations]:
    """The state of least cost that is found in at most `iterations` evaluations, and the equations there."""
    system, damping = evaluate(state), FIRST_DAMPING
    for iteration in range(iterations):
        if on_iteration is not None:
            on_iteration(iteration + 1)
        try:
            step, shared = system.solve(damping, fixed_shared)
        except LinAlgError:
            damping *= 10
            continue
        candidate = state.stepped(_limited(step), np.clip(shared, -MAX_BETA, MAX_BETA))
        proposed = evaluate(candidate)
        gain = system.cost - proposed.cost
        size = max(abs(system.cost), len(state))  # log-densities may make a cost negative
        if gain < -SLACK * size:
            damping = min(damping * 10, MOST_DAMPING)
            continue
        state, system = candidate, proposed
        damping = max(damping / 5, LEAST_DAMPING)
        if abs(gain) < tolerance * size:
            break
    return state, system


def _limited(step: Float[np.ndarray, "frames 75"]) -> Float[np.ndarray, "frames 75"]:
    turn = step[:, :-3].reshape(len(step), -1, 3)
    turn = turn * (MAX_TURN / np.maximum(np.linalg.norm(turn, axis=-1, keepdims=True), MAX_TURN))
    move = step[:, -3:]
    move = move * (MAX_MOVE_M / np.maximum(np.linalg.norm(move, axis=-1, keepdims=True), MAX_MOVE_M))
    return np.concatenate([turn.reshape(len(step), -1), move], 1)
