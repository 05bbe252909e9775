"""What every term of the fit is tested with: small states, and derivatives of the cost by finite differences."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from simulated_scene import open_body

from registration.fit.posing import PosedClip
from registration.fit.rest import RestBody
from registration.fit.state import FRAME_SIZE, FitState
from registration.fit.system import NormalEquations

SHAPES = 4


@cache
def rest_body() -> RestBody:
    return RestBody.of(open_body(), SHAPES)


def random_state(frames: int, rng: np.random.Generator, spread: float = 0.3) -> FitState:
    from registration.fit.rotations import exponential

    turns = spread * rng.standard_normal((frames, 24, 3))
    turns[:, 0] = [np.pi / 2, 0.0, 0.0]
    return FitState(
        rotations=exponential(turns),
        transl=0.1 * rng.standard_normal((frames, 3)),
        betas=0.5 * rng.standard_normal(SHAPES),
        offsets=np.zeros((0, 3)),
    )


def equations(add: Callable[[NormalEquations, PosedClip], None], state: FitState) -> NormalEquations:
    system = NormalEquations.zeros(len(state), SHAPES)
    add(system, PosedClip(state, rest_body()))
    return system


def gradient_error(
    add: Callable[[NormalEquations, PosedClip], None], state: FitState, rng: np.random.Generator, step: float = 1e-5
) -> float:
    """Largest difference between b and the cost's fall along random directions, relative to the largest of them."""
    system = equations(add, state)
    found = []
    for _ in range(6):
        frames = rng.standard_normal((len(state), FRAME_SIZE))
        shared = rng.standard_normal(SHAPES)
        ahead = equations(add, state.stepped(step * frames, step * shared)).cost
        behind = equations(add, state.stepped(-step * frames, -step * shared)).cost
        found.append(((system.b * frames).sum() + system.b_shared @ shared, (behind - ahead) / (2 * step)))
    predicted, measured = np.array(found).T
    return float(np.abs(predicted - measured).max() / np.abs(measured).max())


def positive(system: NormalEquations) -> bool:
    """Whether the frames' blocks can be a matrix of information."""
    return bool(np.linalg.eigvalsh(system.A).min() > -1e-6 * np.abs(system.A).max())
