"""One shape and a pose for each still look at a person: from rough to fine, with the margins of clothes estimated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from body.model import BodyModel
from registration.fit.posing import PosedClip
from registration.fit.rest import RestBody
from registration.fit.solver import minimise
from registration.fit.state import FitState
from registration.fit.system import NormalEquations
from registration.shape.height import Stature
from registration.shape.margins import EXPECTED_M, region_of_vertex
from registration.shape.prior import ShapePrior, coefficients_of_height
from registration.shape.scan_term import ScanSurface
from registration.shape.sources import StaticSource
from registration.shape.standing import StandingPose

ROUGH = ((0.12, 600, 10), (0.06, 600, 10))
"""Kernel in metres, points of each source, iterations: enough to tell one facing from the other."""
FINE = ((0.04, 1500, 12), (0.03, 2500, 12), (0.03, 2500, 10))
TOLERANCE = 1e-4


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class StaticFit:
    """The optimum."""

    state: FitState
    system: NormalEquations
    """Without damping, at the optimum."""
    rest: RestBody
    surface: ScanSurface
    cost: float

    @property
    def posed(self) -> PosedClip:
        """The body in front of each source."""
        return PosedClip(self.state, self.rest)


def first_state(model: BodyModel, betas: int, sources: Sequence[StaticSource]) -> FitState:
    """The sources' own guesses of pose, with the likeliest shape of their height."""
    height = float(np.median([np.ptp(source.points[:, 2]) for source in sources]))
    coefficients = coefficients_of_height(model, betas, height)
    child = model.child_direction is not None
    assert all(source.rotations is not None and source.transl is not None for source in sources)
    return FitState(
        rotations=np.stack([np.asarray(source.rotations) for source in sources]),
        transl=np.stack([np.asarray(source.transl) for source in sources]),
        betas=coefficients[:betas],
        offsets=np.zeros((0, 3)),
        child=float(coefficients[betas]) if child else 0.0,
        fits_child=child,
    )


def fit_static(
    model: BodyModel,
    sources: Sequence[StaticSource],
    state: FitState,
    prior: ShapePrior,
    stages: Sequence[tuple[float, int, int]] = (*ROUGH, *FINE),
    scale: Float[np.ndarray, "regions"] | None = None,
) -> StaticFit:
    """The least energy from a first state on. `scale` starts the margins of clothes, region by region."""
    rest = RestBody.of(model, len(state.betas), fit_child=state.fits_child)
    region = region_of_vertex(model)
    scale = EXPECTED_M if scale is None else scale
    stature = Stature.of(model, sources)
    fit: StaticFit | None = None
    for number, (kernel, count, iterations) in enumerate(stages):
        surface = ScanSurface(sources=sources, region=region, kernel_m=kernel, count=count, scale=scale)

        def evaluate(at: FitState, surface: ScanSurface = surface) -> NormalEquations:
            return energy(at, rest, surface, stature, prior)

        state, _ = minimise(state, evaluate, iterations, TOLERANCE)
        posed = PosedClip(state, rest)
        if number >= len(ROUGH) - 1:
            surface.scale = surface.fit_margins(posed)
        scale = surface.scale
        if number == len(stages) - 1:
            system = energy(state, rest, surface, stature, prior)
            fit = StaticFit(state=state, system=system, rest=rest, surface=surface, cost=system.cost)
    assert fit is not None
    return fit


def energy(
    state: FitState, rest: RestBody, surface: ScanSurface, stature: Stature, prior: ShapePrior
) -> NormalEquations:
    """All terms at one state."""
    system = NormalEquations.zeros(len(state), len(state.coefficients))
    body = PosedClip(state, rest)
    surface.add(system, body)
    stature.add(system, body, surface.scale)
    StandingPose().add(system, body)
    prior.term.add(system, body)
    return system
