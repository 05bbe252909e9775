"""Levenberg and Marquardt's method on a bundle problem, until the minimum is nearer than its own uncertainty."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from calibration.bundle.layout import Layout
from calibration.bundle.prior_terms import PriorTerms, prior_terms
from calibration.bundle.reduction import NormalEquations, board_steps, eliminate, normal_equations
from calibration.bundle.state import CAMERA_NUMBERS, State, free_numbers
from calibration.bundle.view_terms import ViewTerms, view_terms

NEAR = 1e-6
"""The iteration ends where an undamped step changes the squared distance from the minimum, in units of the estimate's
own variance, by less than this: the camera poses are then within a thousandth of their sigma. A test on the change of
the cost ends too early: SciPy's 1e-8 leaves 13 mm where the minimum has 6."""
FIRST_DAMPING, LEAST_DAMPING, MOST_DAMPING = 1e-4, 1e-12, 1e10
ROUNDING = 1e-13
"""Relative changes of the cost below this are rounding."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Linearised:
    """A state with everything that belongs to it."""

    state: State
    terms: ViewTerms
    priors: PriorTerms
    equations: NormalEquations

    @property
    def cost(self) -> float:
        """Of views and priors."""
        return self.terms.cost + self.priors.cost


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Minimum:
    """Where the iteration ended."""

    at: Linearised
    iterations: int
    converged: bool


def linearise(state: State, layout: Layout, robust_px: float) -> Linearised:
    """All terms of a state."""
    terms = view_terms(state, layout, robust_px)
    return Linearised(
        state=state,
        terms=terms,
        priors=prior_terms(state, layout),
        equations=normal_equations(terms, state, layout),
    )


def minimise(
    state: State,
    layout: Layout,
    robust_px: float,
    max_iterations: int,
    on_iteration: Callable[[int, float], None] | None = None,
) -> Minimum:
    """The minimum next to a state, or what `max_iterations` led to. Calls back with each iteration's cost."""
    now, damping = linearise(state, layout, robust_px), FIRST_DAMPING
    for iteration in range(1, max_iterations + 1):
        if on_iteration is not None:
            on_iteration(iteration, now.cost)
        while True:
            step = _step(now, layout, damping)
            if step is not None:
                camera_step, board_step, gain = step
                if damping <= FIRST_DAMPING and gain < NEAR:
                    return Minimum(at=now, iterations=iteration, converged=True)
                tried = linearise(now.state.moved(layout, camera_step, board_step), layout, robust_px)
                if tried.cost < now.cost:
                    break
                if gain < ROUNDING * now.cost:
                    return Minimum(at=now, iterations=iteration, converged=damping <= FIRST_DAMPING)
            damping *= 10
            if damping > MOST_DAMPING:
                return Minimum(at=now, iterations=iteration, converged=False)
        now, damping = tried, max(damping / 10, LEAST_DAMPING)
    return Minimum(at=now, iterations=max_iterations, converged=False)


def _step(
    now: Linearised, layout: Layout, damping: float
) -> tuple[Float[np.ndarray, "cameras 20"], Float[np.ndarray, "boards 6"], float] | None:
    """Steps of cameras and boards, and the fall of twice the cost that they promise; None where damping is too small
    to make the equations definite."""
    free = free_numbers(now.state, layout)
    boards = eliminate(now.equations, layout, damping)
    whole = free.T @ (now.equations.cameras + now.priors.information) @ free
    matrix = whole - free.T @ boards.matrix @ free
    matrix[np.diag_indices_from(matrix)] += damping * np.diag(whole)
    gradient = free.T @ (now.equations.camera_gradient + now.priors.gradient)
    reduced = gradient - free.T @ boards.gradient
    scale = np.sqrt(np.diag(whole))
    if not (scale > 0).all():
        return None
    try:
        factor = cho_factor(matrix / np.outer(scale, scale))
    except LinAlgError:
        return None
    solved = -cho_solve(factor, reduced / scale) / scale
    camera_step = (free @ solved).reshape(-1, CAMERA_NUMBERS)
    board_step = board_steps(now.equations, layout, boards.inverses, camera_step)
    gain = -float(gradient @ solved + (now.equations.board_gradient * board_step).sum())
    return camera_step, board_step, gain
