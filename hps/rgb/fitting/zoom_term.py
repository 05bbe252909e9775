"""What is believed of a focal length beforehand: about what is supposed, by a Gaussian of its logarithm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from hps.points.fitting.equations import Equations
from hps.points.fitting.state import BodyStates
from registration.fit.posing import Frames


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ZoomTerm:
    """Of states that have a zoom; nothing is added to others."""

    sigma: Float[np.ndarray, "batch"]
    """Of the logarithm."""

    def add(self, equations: Equations, states: BodyStates, frames: Frames) -> None:
        """Adds the term of every body."""
        if states.zoom is None:
            return
        equations.A[:, -1, -1] += 1 / self.sigma**2
        equations.b[:, -1] -= states.zoom / self.sigma**2
        equations.cost[:] += 0.5 * (states.zoom / self.sigma) ** 2

    def rows(self, which: np.ndarray) -> ZoomTerm:
        """Of some of the bodies."""
        return ZoomTerm(sigma=self.sigma[which])
