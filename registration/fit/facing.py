"""Whether a whole clip was labelled the wrong way round: left for right, and so front for back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from geometry.cloud import PointCloud
from registration.fit.clip_keypoints import ClipKeypoints
from registration.fit.energy import Energy, Piece
from registration.fit.piece_fit import first_state
from registration.fit.solver import minimise
from registration.fit.surface import CloudPoints
from registration.fit.swaps import exchanged
from registration.fit.term import Term

TRIED_FRAMES = 4
POINTS = 500
"""Of each cloud."""
KERNELS = 3.0
"""Reach of the surface in kernels: as wide as that of the fit's first pass."""
TO_KEYPOINTS, TO_SURFACE = 8, 3
"""Steps towards the landmarks, then towards the surface as well."""
GAIN = 20.0
"""Energy of a frame that the other way round must save. On seven validation takes it costs 38 to 75 more with keypoints
alone, and more than 2,600 with clouds; 25 ms a tried frame without clouds, 70 with."""
TRUNK = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")


@dataclass(frozen=True, kw_only=True, slots=True)
class Facing:
    """The energies of a few frames of a clip, a frame, as labelled and with left and right exchanged throughout."""

    labelled: float
    exchanged: float

    @property
    def wrong(self) -> bool:
        """Whether the sides are exchanged beyond doubt. Noses, toes, knees and elbows say so, and the surface."""
        return self.exchanged < self.labelled - GAIN


def facing(
    energy: Energy, keypoints: ClipKeypoints, clouds: Sequence[PointCloud | None] | None = None
) -> Facing | None:
    """Both ways of a clip; None where no frame has a whole trunk, of which nothing is said."""
    trunk = [list(keypoints.names).index(name) for name in TRUNK if name in keypoints.names]
    seen = np.flatnonzero(np.isfinite(keypoints.p_world[:, trunk]).all((1, 2)))
    if len(trunk) < len(TRUNK) or not len(seen):
        return None
    some = seen[np.unique(np.linspace(0, len(seen) - 1, min(TRIED_FRAMES, len(seen))).astype(int))]
    few, every = keypoints[some], np.ones(len(some), bool)
    cloud = None
    if clouds is not None and energy.config.terms.get("surface", 1.0):
        cloud = CloudPoints.of([clouds[int(t)] for t in some], POINTS, np.random.default_rng(2))
    labelled, other = (_energy(energy, k, cloud) / len(some) for k in (few, exchanged(few, every)))
    return Facing(labelled=labelled, exchanged=other)


def _energy(energy: Energy, keypoints: ClipKeypoints, cloud: CloudPoints | None) -> float:
    """The least energy of some frames that is found from their own start."""
    piece = Piece(keypoints=keypoints, cloud=cloud, smooth=False)
    state = first_state(energy, piece, None)
    terms: dict[str, Term] = {"keypoints": energy.points(piece), **energy.priors(piece)}
    tolerance = energy.config.tolerance
    state, system = minimise(state, lambda s: energy.equations(s, terms), TO_KEYPOINTS, tolerance)
    if cloud is not None and cloud.weight.any():
        terms["surface"] = energy.surface(cloud, KERNELS)
        _, system = minimise(state, lambda s: energy.equations(s, terms), TO_SURFACE, tolerance)
    return system.cost
