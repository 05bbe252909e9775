"""How tall a person is, sole to crown, and the term that holds a fitted body to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int64

from body.model import BodyModel
from registration.fit.parts import PART_NAMES, part_of_vertex
from registration.fit.term import NormalEquations, PosedClip
from registration.shape.margins import REGIONS, likelihood
from registration.shape.sources import StaticSource

STATURE_SIGMA_M = 0.002
"""Of the crown's and the soles' heights. The best ten betas for all vertices miss the bank's train people's height by
11 mm, at most 39; held to it, they describe the rest of the skin 0.8 mm worse."""
FAR_M = 0.1
"""A crown or sole further from its height is not yet there: the first steps of a fit leave it out."""
EXTREME_POINTS = 8
"""A scan's crown is at the height of so many highest points, and where no floor is known its floor at that of the
lowest: above are single wrong ones. A quantile of 0.0005 of a cloud of 64,000 points lies 12 mm below the crown, since
few cameras look down on it."""


def standing_height(model: BodyModel, betas: Float[np.ndarray, "shapes"], child: float = 0.0) -> float:
    """Height of the rest body, sole to crown, metres, without hair and shoes."""
    return float(np.ptp(model.shaped(betas, child)[:, 1]))


def height_gradient(
    model: BodyModel, betas: Float[np.ndarray, "shapes"], child: float, coefficients: int
) -> Float[np.ndarray, "coefficients"]:
    """Change of the height with the betas and, where there is one more coefficient, the child factor."""
    y = model.shaped(betas, child)[:, 1]
    crown, sole = int(y.argmax()), int(y.argmin())
    row = model.shapedirs[crown, 1, : len(betas)] - model.shapedirs[sole, 1, : len(betas)]
    if coefficients > len(betas) and model.child_direction is not None:
        row = np.append(row, model.child_direction[crown, 1] - model.child_direction[sole, 1])
    return np.asarray(row, np.float64)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Stature:
    """The crown is where the scan's highest points are, or a margin of hair below; the soles stand on the floor."""

    feet: tuple[Int64[np.ndarray, "left"], Int64[np.ndarray, "right"]]
    """Vertices of each foot: the lowest in the pose is the sole."""
    tops: Float[np.ndarray, "sources"]
    """World z of each source's highest points, metres."""
    floors: Float[np.ndarray, "sources"]

    @classmethod
    def of(cls, model: BodyModel, sources: Sequence[StaticSource]) -> Stature:
        """Crown and soles of a model, and the heights in which the sources have them."""
        part = part_of_vertex(model)
        left, right = (np.flatnonzero(part == PART_NAMES.index(name)) for name in ("left_foot", "right_foot"))
        heights = [np.sort(source.points[:, 2]) for source in sources]
        tops = [float(z[-EXTREME_POINTS]) for z in heights]
        floors = [
            float(z[EXTREME_POINTS - 1]) if source.floor_m is None else source.floor_m
            for z, source in zip(heights, sources)
        ]
        return cls(feet=(left, right), tops=np.array(tops), floors=np.array(floors))

    def add(self, system: NormalEquations, body: PosedClip, scale: Float[np.ndarray, "regions"]) -> None:
        """Adds crown and soles of each source."""
        for frame, (top, floor) in enumerate(zip(self.tops, self.floors)):
            z = body.vertices[frame][:, 2]
            crown = int(z.argmax())
            self._one(system, body, frame, crown, top - z[crown], 1.0, float(scale[REGIONS.index("hair")]))
            for foot in self.feet:
                sole = foot[z[foot].argmin()]
                outside = z[sole] - floor
                self._one(system, body, frame, int(sole), outside, -1.0, float(scale[REGIONS.index("feet")]))

    def _one(
        self,
        system: NormalEquations,
        body: PosedClip,
        frame: int,
        vertex: int,
        outside: float,
        sign: float,
        scale: float,
    ) -> None:
        if abs(outside) > FAR_M:
            return
        sigma = np.array([STATURE_SIGMA_M])
        cost, slope, weight = likelihood(np.array([outside]), sigma, np.array([scale]))
        at = np.array([frame])
        rows = body.vertex_rows(at, np.array([vertex]), np.array([[0.0, 0.0, sign]]))
        system.add_rows(at, rows, weight, slope / weight, float(cost[0]))
