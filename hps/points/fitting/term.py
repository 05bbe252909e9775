"""What any evidence of bodies is to a fit, and the energy that several of them make together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from hps.points.fitting.body import FitBody
from hps.points.fitting.equations import Equations
from hps.points.fitting.prior_term import PriorTerm
from hps.points.fitting.state import BodyStates, frames_of
from registration.fit.posing import Frames


@runtime_checkable
class Term(Protocol):
    """A part of the negative log-likelihood of a batch of bodies."""

    def add(self, equations: Equations, states: BodyStates, frames: Frames) -> None:
        """Adds the term of every body, linearised about the states."""
        ...

    def rows(self, which: np.ndarray) -> Term:
        """Of some of the bodies."""
        ...


def linearised(body: FitBody, terms: Sequence[Term], prior: PriorTerm, states: BodyStates) -> Equations:
    """The energy about these states."""
    equations = Equations.zeros(len(states), states.unknowns)
    frames = frames_of(states, body.points)
    for term in terms:
        term.add(equations, states, frames)
    prior.add(equations, states)
    return equations
